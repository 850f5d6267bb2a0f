"""Command: how good a classifier is on people it has never seen.

python -m classifier.evaluate MODELDIR DATADIR
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from classifier.model import SMALL, Classifier, load_classifier
from classifier.preparation import Reading
from classifier.sources import Entry
from classifier.splits import PersonsError, split_all
from classifier.train import add_reading
from landmarks.errors import InputError
from landmarks.files import replacing

PROGRAM = "python -m classifier.evaluate"

SPLITS = ("all", "test", "validation")

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
        As `classifier.dataset.load_faces`.
    device : str, optional
    others : bool, optional
        Persons of the same name as some of the training are other people.
    report : callable, optional
        Takes one line of text at a time.

    Returns
    -------
    results : dict
        What JSON can hold.

    Raises
    ------
    InputError
        A person was trained on, the classifier does not know an emotion, or a set cannot be read.
    """
    from classifier.dataset import load_faces
    from classifier.report import compared, majority, measured, table

    if jobs < 1:
        raise InputError(f"jobs is {jobs}: expected 1 or more")
    reading = reading or Reading()
    classifier = load_classifier(source, device=device)
    entries = reading.entries(datadir)
    tested = _of_split(entries, split) if split != "all" else entries
    _refuse(classifier, tested, datadir, split, others)
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
    said = {source: classifier.judge(faces)}
    learnt = None
    if teacher is not None or split != "all":
        taught = reading.entries(teacher) if teacher is not None else entries
        learnt = [entry for entry in _of_split(taught, "train")]
    if learnt:
        said["landmarks + SVM"] = _by_landmarks(learnt, faces, classifier.classes, look)
    known = [entry.emotion for entry in learnt or tested]
    said["majority class"] = majority(known, classifier.classes, len(faces))
    results = {name: measured(shares, faces, classifier.classes) for name, shares in said.items()}
    for line in table(results, faces):
        report(line)
    comparisons = {}
    for name, shares in said.items():
        if name != source:
            told = compared(said[source], shares, faces, classifier.classes)
            comparisons[name] = told
            report(_sentence(name, told))
    return {
        "classifier": source,
        "data": datadir,
        "split": split,
        "faces": len(faces),
        "persons": len(set(faces.persons)) if faces.persons_known else "persons unknown",
        "skipped": [one._asdict() for one in faces.skipped],
        "classes": list(classifier.classes),
        "results": results,
        "against": comparisons,
    }


def _of_split(entries: Sequence[Entry], split: str) -> list[Entry]:
    told = split_all([entry.person for entry in entries], [entry.name for entry in entries])
    return [entry for entry, one in zip(entries, told.tolist(), strict=True) if one == split]


def _refuse(
    classifier: Classifier, tested: Sequence[Entry], datadir: str, split: str, others: bool
) -> None:
    """Refuse emotions that the classifier does not know, and persons that it does."""
    from classifier.model_file import person_hash

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
    import numpy as np

    from classifier.config import SVM, Config
    from classifier.dataset import load_faces
    from classifier.landmark_svm import LandmarkSvm
    from classifier.splits import folds
    from classifier.temperature import fit_temperature, softmax

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
    from classifier.report import between

    test, difference = told["mcnemar"], told["balanced accuracy"]
    return (
        f"against {name}: balanced accuracy {100 * difference['value']:+.1f} "
        f"{between(difference, '+')}; right alone on {test['only_first']} faces, wrong alone on "
        f"{test['only_second']}, McNemar p = {test['p']:.2g} (faces counted as independent, also "
        "those of one person)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    args = _parser().parse_args(argv)
    reading = Reading(
        args.scheme, args.persons, args.contempt, tuple(args.without), args.least_intensity
    )
    try:
        results = evaluate(
            args.modeldir,
            args.datadir,
            reading,
            split=args.split,
            teacher=args.teacher,
            cache=args.cache,
            jobs=args.jobs,
            device=args.device,
            others=args.other_people,
        )
        if args.output is not None:
            _write(Path(args.output), results)
    except (InputError, RuntimeError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = args.output or args.cache
        print(f"{PROGRAM}: {where} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted: nothing is written", file=sys.stderr)
        return 2
    return 0


def _write(folder: Path, results: dict[str, Any]) -> None:
    import numpy as np
    from PIL import Image

    from classifier.pictures import confusion_picture

    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "evaluation.json") as handle:
        handle.write(json.dumps(results, indent=1) + "\n")
    counts = np.array(results["results"][results["classifier"]]["confusion"])
    with replacing(folder / "confusion.png", "wb") as handle:
        Image.fromarray(confusion_picture(counts, results["classes"])).save(handle, "png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    add = parser.add_argument
    add("modeldir", help=f"a run of classifier.train, a file of it, or {SMALL!r}, which ships")
    add("datadir", help="labelled faces, as for classifier.train")
    add("-o", "--output", metavar="DIR", help="writes evaluation.json and confusion.png there")
    add("--split", choices=SPLITS, default="all",
        help="whose faces: of all persons, or of those whose name falls to test or validation "
        "(default: %(default)s)")  # fmt: skip
    add("--teacher", metavar="DATADIR", help="training persons of this set teach landmarks + SVM "
        "(default: DATADIR's own, where --split leaves some)")  # fmt: skip
    add("--other-people", action="store_true",
        help="persons of the same name as some of the training are other people")  # fmt: skip
    add("--jobs", type=int, default=1, help="processes that find landmarks (default: %(default)s)")
    add("--device", help="cpu, cuda, … (default: the best there is)")
    add_reading(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
