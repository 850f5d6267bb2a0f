"""Numbers of an arm from what it said of each face.

Intervals are those of `classifier.metrics.bootstrap`, from the same draws of whole persons. Here
all draws are computed at once, since a report has hundreds of intervals.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier import metrics

Array = NDArray[Any]
Classes = NDArray[np.intp]


def accuracies(counts: Array) -> Array:
    """Share of faces told rightly (…,) of confusion matrices (…, C, C)."""
    right: Array = np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))
    return right


def balanced_accuracies(counts: Array) -> Array:
    """Mean recall (…,) over the classes that have faces."""
    faces = counts.sum(axis=-1)
    recalls = np.diagonal(counts, axis1=-2, axis2=-1) / np.maximum(faces, 1)
    balanced: Array = recalls.sum(axis=-1) / (faces > 0).sum(axis=-1)
    return balanced


def score(
    truth: Classes, said: Classes, person: Sequence[Any], classes: int, *, brief: bool = False
) -> dict[str, Any]:
    """Numbers of one arm.

    Parameters
    ----------
    truth, said : (n,) int arrays
    person : sequence of n hashable
        Intervals are over persons.
    classes : int
    brief : bool, optional
        The accuracy alone.

    Returns
    -------
    numbers : dict
        JSON's types alone; shares of 0 to 1; intervals as value, low, high.
    """
    each = metrics.confusion_by_person(truth, said, person, classes)
    found: dict[str, Any] = {
        "faces": len(truth),
        "persons": len(each),
        "accuracy": _interval(accuracies, each),
    }
    if brief:
        return found
    counts = metrics.confusion_matrix(truth, said, classes)
    worst, share = metrics.worst_class(counts)
    least = metrics.worst_person(truth, said, person)
    return found | {
        "balanced_accuracy": _interval(balanced_accuracies, each),
        "macro_f1": metrics.macro_f1(counts),
        "worst_class": [worst, share],
        "worst_person": None if least is None else [str(least[0]), least[1], least[2]],
        "confusion": counts.tolist(),
    }


def compare(
    truth: Classes, said: Classes, other: Classes, person: Sequence[Any], classes: int
) -> dict[str, Any]:
    """By how much one arm is better than another on the same faces, the same persons drawn."""
    test = metrics.mcnemar(truth, said, other)
    pair = [metrics.confusion_by_person(truth, answer, person, classes) for answer in (said, other)]
    return {
        "accuracy": _interval(accuracies, *pair),
        "balanced_accuracy": _interval(balanced_accuracies, *pair),
        "mcnemar_p": test.p,
        "only_this": test.only_first,
        "only_other": test.only_second,
    }


class Said(NamedTuple):
    """What an arm said of some faces.

    Attributes
    ----------
    truth, said : (n,) int arrays
    person : list of n hashable
    """

    truth: Classes
    said: Classes
    person: list[Any]


def distance(first: Said, second: Said, classes: int) -> list[float]:
    """By how much one arm's accuracy is above another's, where they were shown different faces.

    Returns
    -------
    interval : list of float
        Value, low, high; who is drawn is drawn for both.
    """
    # As if the second arm's faces were of classes of their own.
    truth, said = (
        np.concatenate([one, other + classes])
        for one, other in zip(first[:2], second[:2], strict=True)
    )
    each = metrics.confusion_by_person(truth, said, [*first.person, *second.person], 2 * classes)
    return _interval(
        lambda counts: (
            accuracies(counts[..., :classes, :classes])
            - accuracies(counts[..., classes:, classes:])
        ),
        each,
    )


def _interval(
    number: Callable[[Array], Array], each: Array, other: Array | None = None
) -> list[float]:
    """Value, low and high of a number, or of its difference between two arms."""
    faces = each.sum(axis=2)
    times = _drawn(faces.tobytes(), faces.shape)
    value, drawn = (number(table) for table in (each.sum(axis=0), np.tensordot(times, each, 1)))
    if other is not None:
        value = value - number(other.sum(axis=0))
        drawn = drawn - number(np.tensordot(times, other, 1))
    return [float(value), *(float(edge) for edge in np.percentile(drawn, [2.5, 97.5]))]


@functools.lru_cache(maxsize=8)
def _drawn(faces: bytes, shape: tuple[int, int]) -> Array:
    """How often persons come in each draw (draws, persons); all arms were shown the same faces."""
    each = np.frombuffer(faces, np.int64).reshape(*shape, 1)
    return np.array(list(metrics.draw_persons(each)))
