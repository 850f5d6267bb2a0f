"""How good a classifier is on labelled faces of others, beside the majority class and landmarks."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from classifier.config import SVM, Config
from classifier.dataset import Faces, landmarks_file, load_faces
from classifier.landmark_svm import LandmarkSvm
from classifier.model import SMALL, Classifier, load_classifier
from classifier.model_file import person_hash
from classifier.preparation import Reading
from classifier.report import between, compared, majority, measured, table
from classifier.sources import Entry
from classifier.splits import PersonsError, folds, note_on, refuse_shared, split_all
from classifier.temperature import fit_temperature, softmax
from landmarks.errors import InputError

SPLITS = ("all", "test", "validation")
"""Whose faces are tested."""

_SHOWN = 5


def evaluate(
    source: str,
    datadir: str,
    reading: Reading | None = None,
    *,
    split: str = "all",
    teacher: str | None = None,
    cache: str | None = None,
    jobs: int = 1,
    device: str | None = None,
    others: bool = False,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Judge a classifier beside the majority class and landmarks + SVM.

    Parameters
    ----------
    source : str
        As `classifier.model.load_classifier`.
    datadir : str
        As `classifier.sources.read_entries`.
    reading : Reading, optional
    split : {'all', 'test', 'validation'}, optional
        Whose faces, by `landmarks.samples.split_of`.
    teacher : str, optional
        A set whose training persons teach landmarks + SVM; left out, `datadir` where `split` is
        'test' or 'validation'.
    cache, jobs
        As `classifier.dataset.load_faces`; left out, the cache is that of the run's folder, where
        `source` is a folder that can be written.
    device : str, optional
    others : bool, optional
        Persons of the same name as some of the training are other people.
    report : callable, optional
        Takes one line of text at a time.

    Returns
    -------
    results : dict
        What JSON can hold. Pictures that the classifier has learnt from are left out, and counted.

    Raises
    ------
    InputError
        A person or every picture was trained on, the classifier does not know an emotion, or a set
        cannot be read.
    """
    if jobs < 1:
        raise InputError(f"jobs is {jobs}: expected 1 or more")
    reading = reading or Reading()
    classifier = load_classifier(source, device=device)
    entries = reading.entries(datadir)
    rows = _rows(entries, split)
    tested = [entries[row] for row in rows]
    # That nobody takes notice of persons does not make them other people.
    told = reading if reading.persons != "unknown" else dataclasses.replace(reading, persons="auto")
    known = entries if told is reading else told.entries(datadir)
    _refuse(classifier, [known[row] for row in rows], datadir, split, others)
    learnt: list[Entry] = []
    if teacher is not None:
        learnt = _taught(reading.entries(teacher), tested, teacher)
    elif split != "all":
        learnt = [entries[row] for row in _rows(entries, "train")]
    if cache is None and source != SMALL and os.path.isdir(source) and os.access(source, os.W_OK):
        cache = str(landmarks_file(source))
    look: dict[str, Any] = {
        "side": classifier.config.side,
        "channels": classifier.config.channels,
        "pictures": classifier.looks,
        "cache": cache,
        "jobs": jobs,
    }
    faces = load_faces(tested, **look)
    for one in faces.skipped[:_SHOWN]:
        report(f"skipped: {one.name}: {one.reason}")
    if faces.skipped:
        report(
            f"{len(faces.skipped)} of {len(tested)} pictures show no face that is found: skipped"
        )
    skipped, before = faces.skipped, len(faces)
    faces = _unseen(faces, classifier, datadir, report)
    said = {source: classifier.judge(faces)}
    if learnt:
        try:
            said["landmarks + SVM"] = _by_landmarks(learnt, faces, classifier.classes, look)
        except InputError as error:
            report(f"landmarks + SVM is left out: {error}")
    shown = [entry.emotion for entry in learnt or tested]
    said["majority class"] = majority(shown, classifier.classes, len(faces))
    results = {name: measured(shares, faces, classifier.classes) for name, shares in said.items()}
    for line in table(results, faces):
        report(line)
    comparisons = {}
    for name, shares in said.items():
        if name != source:
            better = compared(said[source], shares, faces, classifier.classes)
            comparisons[name] = better
            report(_sentence(name, better) + note_on([faces]))
    return {
        "classifier": source,
        "data": datadir,
        "split": split,
        "faces": len(faces),
        "persons": note_on([faces]).removeprefix("; ") or len(set(faces.persons)),
        "skipped": [one._asdict() for one in skipped],
        "learnt before": before - len(faces),
        "classes": list(classifier.classes),
        "results": results,
        "against": comparisons,
    }


def _rows(entries: Sequence[Entry], split: str) -> list[int]:
    if split == "all":
        return list(range(len(entries)))
    told = split_all([entry.person for entry in entries], [entry.name for entry in entries])
    return [row for row, one in enumerate(told.tolist()) if one == split]


def _taught(entries: Sequence[Entry], tested: Sequence[Entry], teacher: str) -> list[Entry]:
    """A teacher's training persons, none of whom is tested."""
    learnt = [entries[row] for row in _rows(entries, "train")]
    persons, others = [one.person for one in learnt], [one.person for one in tested]
    refuse_shared(persons, others)
    if None in persons and None in others:
        raise PersonsError(
            f"persons are unknown in what is tested and in {teacher}: whoever is tested may teach; "
            "tell them (--persons), or leave --teacher out"
        )
    return learnt


def _unseen(
    faces: Faces, classifier: Classifier, datadir: str, report: Callable[[str], None]
) -> Faces:
    """Faces whose pictures the classifier has not learnt from."""
    seen = np.isin(faces.hashes, sorted(classifier.pictures))
    if seen.all():
        raise PersonsError(
            f"the classifier has learnt from each of the {len(faces)} pictures of {datadir}: test "
            "it on others"
        )
    if seen.any():
        report(f"{seen.sum()} of {len(faces)} pictures were learnt from: left out")
    elif not classifier.pictures and not faces.persons_known:
        report(
            "whether these pictures were learnt from is not known: the classifier's file tells "
            "only persons"
        )
    return faces.take(~seen) if seen.any() else faces


def _refuse(
    classifier: Classifier, tested: Sequence[Entry], datadir: str, split: str, others: bool
) -> None:
    """Refuse emotions that the classifier does not know, and persons that it does."""
    if not tested:
        raise PersonsError(f"{datadir} has no {split} person: give --split all")
    if unknown := sorted({entry.emotion for entry in tested} - set(classifier.classes)):
        raise InputError(
            f"{datadir} shows {', '.join(unknown)}, and the classes of the classifier are "
            f"{', '.join(classifier.classes)}: leave them out (--without), or give another"
        )
    persons = sorted({entry.person for entry in tested if entry.person is not None})
    seen = [person for person in persons if person_hash(person) in classifier.persons]
    if seen and not others:
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        advice = "--split test leaves them out" if split == "all" else "test it on other people"
        raise PersonsError(
            f"the classifier has learnt from {len(seen)} of the {len(persons)} persons in "
            f"{datadir}: {', '.join(seen[:_SHOWN])}{more}; {advice}, or --other-people if only the "
            "names are the same"
        )


def _by_landmarks(
    learnt: Sequence[Entry], faces: Any, classes: Sequence[str], look: dict[str, Any]
) -> Any:
    """Probabilities of landmarks + SVM; its temperature is learnt by its own training persons."""
    taught = load_faces(
        [entry for entry in learnt if entry.emotion in classes], **{**look, "pictures": False}
    )
    labels, settings = taught.labels(classes), Config(network=SVM).settings
    scores = np.zeros((len(taught), len(classes)))
    inside = np.zeros(len(taught), bool)
    for train, test in folds(taught.emotions, taught.persons, 3):
        part = LandmarkSvm.fit(taught.points[train], labels[train], len(classes), **settings)
        scores[test], inside[test] = part.scores(taught.points[test]), True
    persons = [person for person, one in zip(taught.persons, inside, strict=True) if one]
    temperature = fit_temperature(scores[inside], labels[inside], persons)
    machine = LandmarkSvm.fit(taught.points, labels, len(classes), **settings)
    return softmax(machine.scores(faces.points), temperature)


def _sentence(name: str, told: dict[str, Any]) -> str:
    test, difference = told["mcnemar"], told["balanced accuracy"]
    return (
        f"against {name}: balanced accuracy {100 * difference['value']:+.1f} "
        f"{between(difference, '+')}; right alone on {test['only_first']} faces, wrong alone on "
        f"{test['only_second']}, McNemar p = {test['p']:.2g} (faces counted as independent, also "
        "those of one person)"
    )
