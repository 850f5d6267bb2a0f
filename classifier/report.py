"""How good a classifier is on labelled faces: numbers, intervals, a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import metrics
from classifier.dataset import Faces
from classifier.splits import note_on

Array = NDArray[Any]

NUMBERS = {
    "accuracy": metrics.accuracy,
    "balanced accuracy": metrics.balanced_accuracy,
    "macro-F1": metrics.macro_f1,
}


def measured(
    probabilities: Array, faces: Faces, classes: Sequence[str], *, draws: int = metrics.DRAWS
) -> dict[str, Any]:
    """All numbers of one classifier.

    Parameters
    ----------
    probabilities : (n, C) float array
    faces : Faces
    classes : sequence of C str
    draws : int, optional
        Of the bootstrap over persons.

    Returns
    -------
    numbers : dict
        What JSON can hold: each of `NUMBERS` with its value and 95 % interval, the expected
        calibration error and its floor, the confusion matrix, recalls, the worst emotion and the
        worst person.
    """
    truth = faces.labels(classes)
    said = probabilities.argmax(axis=1)
    persons = person_keys(faces)
    counts = metrics.confusion_matrix(truth, said, len(classes))
    told: dict[str, Any] = {
        name: _told(metrics.bootstrap(of, truth, said, persons, len(classes), draws=draws))
        for name, of in NUMBERS.items()
    }
    worst, share = metrics.worst_class(counts)
    person = metrics.worst_person(truth, said, persons) if faces.persons_known else None
    shown = zip(classes, metrics.recalls(counts).tolist(), strict=True)
    return {
        **told,
        "expected calibration error": metrics.expected_calibration_error(probabilities, truth),
        "calibration error floor": metrics.calibration_error_floor(probabilities),
        "recall": {name: None if np.isnan(value) else value for name, value in shown},
        "worst emotion": {"name": classes[worst], "recall": share},
        "worst person": None
        if person is None
        else {"name": str(person[0]), "accuracy": person[1], "faces": person[2]},
        "confusion": counts.tolist(),
    }


def compared(first: Array, second: Array, faces: Faces, classes: Sequence[str]) -> dict[str, Any]:
    """By how much the first (n, C) probabilities are better than the second: McNemar's test of the
    faces, and the difference of balanced accuracies with its interval over persons."""
    truth = faces.labels(classes)
    one, other = first.argmax(axis=1), second.argmax(axis=1)
    difference = metrics.bootstrap_difference(
        metrics.balanced_accuracy, truth, one, other, person_keys(faces), len(classes)
    )
    return {
        "mcnemar": metrics.mcnemar(truth, one, other)._asdict(),
        "balanced accuracy": _told(difference),
    }


def _told(interval: metrics.Interval) -> dict[str, float | None]:
    """What JSON can hold: it has no NaN."""
    return {name: None if np.isnan(part) else part for name, part in interval._asdict().items()}


def between(told: dict[str, Any], sign: str = "") -> str:
    """The interval of a number, in percent and brackets."""
    if told["low"] is None:
        return "(no interval)"
    low, high = (f"{100 * told[edge]:{sign}.1f}" for edge in ("low", "high"))
    return f"({low} to {high})" if sign else f"({low:>4}–{high:>4})"


def person_keys(faces: Faces) -> list[str]:
    """One for each face; a face of nobody known stands for itself."""
    return [f"?{row}" if person is None else person for row, person in enumerate(faces.persons)]


def majority(train: Sequence[str], classes: Sequence[str], faces: int) -> Array:
    """(faces, C) probabilities of a classifier that knows only how frequent classes are.

    Parameters
    ----------
    train : sequence of str
        Emotions of the training faces.
    classes : sequence of str
    faces : int
    """
    counts = np.array([train.count(name) for name in classes], dtype=np.float64)
    return np.tile(counts / counts.sum(), (faces, 1))


def table(results: dict[str, dict[str, Any]], faces: Faces) -> list[str]:
    """Lines for people: one for each classifier."""
    persons = len(set(faces.persons))
    note = note_on([faces])
    whose = note.removeprefix("; ") or f"{persons} persons"
    width = max(map(len, results))
    lines = [
        f"{len(faces)} faces, {whose}; percent, with 95 % intervals over "
        + ("persons" if faces.persons_known else "pictures"),
        "  ".join(
            [
                " " * width,
                *(f"{name:>20}" for name in NUMBERS),
                f"{'ECE (floor)':>11}",
                "worst emotion, person",
            ]
        ),
    ]
    for name, told in results.items():
        cells = [
            f"{100 * told[key]['value']:6.1f} {between(told[key])}".rjust(20) for key in NUMBERS
        ]
        worst = told["worst emotion"]
        error = (
            f"{100 * told['expected calibration error']:.1f} "
            f"({100 * told['calibration error floor']:.1f})"
        ).rjust(11)
        last = f"{worst['name']} {100 * worst['recall']:.0f}"
        if (person := told["worst person"]) is not None:
            last += f", {person['name']} {100 * person['accuracy']:.0f} ({person['faces']} faces)"
        lines.append("  ".join([f"{name:<{width}}", *cells, error, last + note]))
    return lines
