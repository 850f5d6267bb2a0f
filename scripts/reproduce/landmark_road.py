"""The experiment on landmarks: every arm on people of whom nothing was in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from classifier.splits import folds, refuse_shared
from scripts.reproduce.arms import ARMS, CEILINGS, Teacher, face_model, features
from scripts.reproduce.photographs import Photographs, UnfitSet
from scripts.reproduce.protocols import Trials, make_trials

Array = NDArray[np.float64]

COST = 3.0  # of the support-vector machine; the same for all arms, chosen on none of them

COLUMNS = {
    "read": "trained on true full faces, tested on treated weak ones",
    "alike": "trained and tested on treated weak faces",
    "taught": "trained on treated weak faces, tested on true full ones",
}
"""What is treated: test faces, both, or training faces."""


class Answers(NamedTuple):
    """What was said of each trial.

    Attributes
    ----------
    trials : Trials
    fold : (n,) int array
        In which fold a trial was tested.
    said : dict
        (arm, column) → (n,) int array, -1 where a trial was not tested.
    untreated : int
        How often our model refused a face as none that it knows, over all arms and folds; those
        stayed as they were.
    unfitted : int
        Folds with too few faces to fit our model to.
    shown : (k,) int array
        One trial of each of up to ten persons, for pictures.
    made : dict
        Arm → (k, 136) float array: these faces as the arm leaves them, in the frontal frame.
    """

    trials: Trials
    fold: NDArray[np.intp]
    said: dict[tuple[str, str], NDArray[np.intp]]
    untreated: int
    unfitted: int
    shown: NDArray[np.intp]
    made: dict[str, Array]


EXAMPLES = 10


def machine() -> Pipeline:
    """A support-vector machine with radial basis functions on standardised coordinates.

    Rare emotions weigh as much as common ones.
    """
    return make_pipeline(StandardScaler(), SVC(C=COST, class_weight="balanced"))


def run(
    found: Photographs,
    protocol: str,
    emotions: tuple[str, ...],
    *,
    count: int,
    seed: int,
    tell: Callable[[str], None] = lambda line: None,
) -> Answers:
    """All arms, in folds by person.

    Parameters
    ----------
    found : Photographs
    protocol : str
        One of `protocols.PROTOCOLS`.
    emotions : tuple of str
    count : int
        Folds.
    seed : int
        Of the division into folds.
    tell : callable, optional
        Takes a line of progress.

    Returns
    -------
    answers : Answers

    Raises
    ------
    InputError
        There are fewer persons than folds.
    UnfitSet
        Too few persons have the photographs that the protocol needs.
    """
    frame = face_model().frame
    trials = make_trials(found, protocol, frame, emotions)
    fold = np.full(len(trials.label), -1, dtype=np.intp)
    said = {
        (arm, column): np.full(len(trials.label), -1, dtype=np.intp)
        for arm in ARMS
        for column in COLUMNS
        if column == "read" or (arm != "reading" and arm not in CEILINGS)
    }
    names = [emotions[label] for label in trials.label]
    shown = _examples(trials)
    made = {arm: np.full((len(shown), 136), np.nan) for arm in ARMS if arm != "reading"}
    untreated = unfitted = 0
    if protocol != "quarter" and (persons := len(np.unique(trials.person))) < count:
        raise UnfitSet(f"{persons} persons have what “{protocol}” needs: fewer than {count} folds")
    divided = folds(names, trials.person.tolist(), count=count, seed=seed)
    for number, (train, test) in enumerate(divided):
        refuse_shared(trials.person[train].tolist(), trials.person[test].tolist())
        fold[test] = number
        teacher = Teacher(found, trials, np.asarray(train), emotions)
        for key, answer in _fold(trials, np.asarray(train), np.asarray(test), teacher).items():
            rows, value = answer
            said[key][rows] = value
        place = np.flatnonzero(fold[shown] == number)
        for arm, faces in made.items():
            if len(place):
                treated = teacher.treat(arm, trials, shown[place])
                faces[place] = frame.frontal(treated)[0]
        untreated += teacher.untreated
        unfitted += not teacher.fitted
        tell(f"{protocol}: fold {number + 1} of {count}, {len(test)} faces of "
             f"{len(np.unique(trials.person[test]))} people tested")  # fmt: skip
    return Answers(trials, fold, said, untreated, unfitted, shown, made)


def _examples(trials: Trials) -> NDArray[np.intp]:
    """A weak face of each of the first persons, every next one with the next emotion if it has."""
    chosen = []
    for number, person in enumerate(np.unique(trials.person[trials.weak])[:EXAMPLES]):
        mine = np.flatnonzero(trials.weak & (trials.person == person))
        order = (trials.label[mine] - number) % (trials.label.max() + 1)
        chosen.append(mine[order.argmin()])
    return np.array(chosen, dtype=np.intp)


def _fold(
    trials: Trials, train: NDArray[np.intp], test: NDArray[np.intp], teacher: Teacher
) -> dict[tuple[str, str], Any]:
    """(arm, column) → rows and what was said of them."""
    frame = teacher.model.frame
    learn = train[trials.strong[train]]  # full faces
    lesson = train[trials.weak[train]]  # weak ones
    full, weak = test[trials.strong[test]], test[trials.weak[test]]
    label, zero = trials.label, trials.zero
    readers: dict[str, Pipeline] = {}
    out: dict[tuple[str, str], Any] = {}
    for arm, told in ARMS.items():
        if arm == "reading":
            out[arm, "read"] = weak, teacher.read(trials, weak)
            continue
        kind = "direction" if arm == "direction" else told.neutral
        if kind not in readers:
            seen = features(arm, trials.full[learn], zero[learn], frame)
            readers[kind] = machine().fit(seen, label[learn])
        if arm in CEILINGS:
            seen = features(arm, trials.full[full], zero[full], frame)
            out[arm, "read"] = full, readers[kind].predict(seen)
            continue
        shown = features(arm, teacher.treat(arm, trials, weak), zero[weak], frame)
        out[arm, "read"] = weak, readers[kind].predict(shown)
        taught = features(arm, teacher.treat(arm, trials, lesson), zero[lesson], frame)
        pupil = machine().fit(taught, label[lesson])
        out[arm, "alike"] = weak, pupil.predict(shown)
        true = features(arm, trials.full[full], zero[full], frame)
        out[arm, "taught"] = full, pupil.predict(true)
    return out
