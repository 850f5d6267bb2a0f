"""What classifiers said of pictures comes to: a row for each arm, and whether aims are reached."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier.metrics import calibration_error_floor, expected_calibration_error
from scripts.reproduce.arms import ARMS, TARGET
from scripts.reproduce.photographs import Photographs
from scripts.reproduce.protocols import Trials
from scripts.reproduce.scores import compare, score

Rows = NDArray[np.intp]

PAINTED = ("raw", "published_label", "published", "ours_label", "ours", "ours_own_label",
           "ours_own", "ceiling")  # fmt: skip
"""Arms whose landmarks are drawn as faces."""
TAKEN = PAINTED[:-1]
"""Those of weak faces that were photographed: of these nobody knows the full face."""
TAUGHT = ("raw", "published_label", "published", "ours", "ours_own", "ceiling")
"""Arms whose drawn faces teach a classifier of their own."""

GAIN, DISTANCE = 0.20, 0.05
"""Wanted: over raw weak faces; at most below as many true photographs."""

_TAUGHT_BY = {
    "ceiling": "drawn from true full landmarks",
    "made": "each emotion made by our model, on neutral photographs",
    "carried": "full expressions of others, on neutral photographs",
    "mixed": "half of each of these two",
    "synthetic": "synthetic people, rendered",
    "unreal": "half synthetic people, half of each of these two",
    "real": "true photographs",
    "both": "true photographs and as many made ones",
}
_UNREAL = ("ceiling", "made", "carried", "mixed", "synthetic", "unreal")
"""Taught by faces of which none is a true photograph of an expression; the label is not guessed."""


class Answers(NamedTuple):
    """Of what was asked.

    Attributes
    ----------
    emotions : tuple of str
    trials : Trials
    test : (n,) int array
        Trials that were tested.
    taken : (Trials, (m,) int array) or None
        Likewise, weak faces as they were photographed.
    found : Photographs
    truth : (k,) int array
        True full photographs of test persons.
    """

    emotions: tuple[str, ...]
    trials: Trials
    test: Rows
    taken: tuple[Trials, Rows] | None
    found: Photographs
    truth: Rows


class _Judge:
    """Scores what was said of some faces."""

    def __init__(self, label: Rows, person: list[str], classes: int) -> None:
        self._label, self._person, self._classes = label, person, classes

    @property
    def commonest(self) -> str:
        """What is right without looking."""
        share = np.bincount(self._label).max() / len(self._label)
        return f" Always naming the commonest emotion: {100 * share:.1f} %."

    def score(self, shares: Any) -> dict[str, Any]:
        given = np.asarray(shares)
        numbers = score(self._label, given.argmax(axis=1), self._person, self._classes)
        return numbers | {
            "ece": expected_calibration_error(given, self._label),
            "ece_floor": calibration_error_floor(given),
        }

    def compare(self, shares: Any, other: Any) -> dict[str, Any]:
        said, before = (np.argmax(answers, axis=1) for answers in (shares, other))
        return compare(self._label, said, before, self._person, self._classes)


def tabulate(
    asked: Answers, read: dict[str, Any], taught: dict[str, Any]
) -> tuple[list[dict[str, Any]], str]:
    """Tables, and what they come to in a sentence or two.

    A row's ``difference`` (`scores.compare`) is over what its table is ``against``.

    Parameters
    ----------
    asked : Answers
    read : dict
        Arm → probabilities of the classifier that drawn faces taught.
    taught : dict
        Arm → ``learnt`` (number of faces) and ``shares``, probabilities of the true photographs.
    """
    trials, rows = asked.trials, asked.test
    classes = len(asked.emotions)
    tables = [
        _reading(
            "Weak faces read after calibration and drawing",
            _Judge(trials.label[rows], trials.person[rows].tolist(), classes),
            read,
            (*PAINTED, "real"),
        )
    ]
    if asked.taken:
        other, some = asked.taken
        said = {arm: read[f"taken {arm}"] for arm in TAKEN}
        judge = _Judge(other.label[some], other.person[some].tolist(), classes)
        title = "Weak faces as they were photographed, read after calibration and drawing"
        tables.append(_reading(title, judge, said, TAKEN))
    found = asked.found.take(asked.truth)
    label = np.array([asked.emotions.index(emotion) for emotion in found.emotion])
    tables.append(_teaching(_Judge(label, found.person.tolist(), classes), taught))
    return tables, _answer(tables)


def _reading(
    title: str, judge: _Judge, said: dict[str, Any], arms: tuple[str, ...]
) -> dict[str, Any]:
    rows = {}
    for arm in arms:
        told = ARMS[arm]._asdict() if arm in ARMS else _told("true full photographs")
        rows[arm] = {**told, "read": judge.score(said[arm])}
        if arm not in ("raw", "real"):
            rows[arm]["read"]["difference"] = judge.compare(said[arm], said["raw"])
    return {
        "title": title,
        "told": "The classifier learnt from faces drawn from the true full landmarks of training "
        "persons: no true photograph of an expression. What is read is drawn too."
        + judge.commonest,
        "against": "raw",
        "target": TARGET,
        "arms": rows,
    }


def _teaching(judge: _Judge, said: dict[str, Any]) -> dict[str, Any]:
    """True photographs of test persons, read by classifiers that different faces taught."""
    rows = {}
    order = [*TAUGHT, *(arm for arm in _TAUGHT_BY if arm not in TAUGHT)]
    for arm in (arm for arm in order if arm in said):
        told = ARMS[arm]._asdict() if arm in TAUGHT[:-1] else _told(_TAUGHT_BY[arm])
        rows[arm] = {**told, "learnt": said[arm]["learnt"]}
        rows[arm]["read"] = judge.score(said[arm]["shares"])
        if arm != "real":
            against = judge.compare(said[arm]["shares"], said["real"]["shares"])
            rows[arm]["read"]["difference"] = against
    return {
        "title": "Taught by faces that were made",
        "told": "Each classifier learnt from one kind of faces of training persons and is "
        "tested on true full photographs of others. Label known: of the training face, which "
        "a training set tells in any case." + judge.commonest,
        "against": "true photographs",
        "target": TARGET,
        "arms": rows,
    }


def _told(title: str) -> dict[str, str]:
    return {"title": title, "label": "–", "neutral": "–"}


def _answer(tables: list[dict[str, Any]]) -> str:
    """The aims, in words."""
    parts = []
    for table in tables[:-1]:
        arms = table["arms"]
        gain = arms[TARGET]["read"]["difference"]
        ours, raw = (arms[arm]["read"]["accuracy"][0] for arm in (TARGET, "raw"))
        weak = "" if table is tables[0] else ", as they were photographed,"
        faces = arms[TARGET]["read"]["faces"]
        parts.append(
            f"{100 * ours:.1f} % of {faces} weak faces{weak} are recognised after our calibration "
            f"(label unknown, own neutral known), {100 * (ours - raw):+.1f} points over raw ones "
            f"({100 * gain['accuracy'][1]:+.1f} to {100 * gain['accuracy'][2]:+.1f}; wanted: "
            f"{100 * GAIN:+.0f}; balanced over emotions {100 * gain['balanced_accuracy'][0]:+.1f})."
        )
    arms = tables[-1]["arms"]
    real = arms["real"]["read"]
    shown = [
        f"{arms[arm]['title']} {100 * arms[arm]['read']['difference']['accuracy'][0]:+.1f} points "
        f"(balanced {100 * arms[arm]['read']['difference']['balanced_accuracy'][0]:+.1f})"
        for arm in _UNREAL
        if arm in arms
    ]
    parts.append(
        f"New people's {real['faces']} true photographs: taught by true ones, "
        f"{100 * real['accuracy'][0]:.1f} % "
        f"are recognised ({100 * real['balanced_accuracy'][0]:.1f} % balanced over emotions); "
        f"taught by others alone: {'; '.join(shown)} (wanted: {-100 * DISTANCE:.0f} or better)."
    )
    return " ".join(parts)
