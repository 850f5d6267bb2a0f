"""Numbers of an arm from what it said of each face.

Intervals are those of `classifier.metrics.bootstrap`: percentiles over draws of whole persons. Here
all draws are computed at once, since a report has hundreds of intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import metrics

Array = NDArray[Any]
Classes = NDArray[np.intp]

DRAWS = 2000


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
    each = _by_person(truth, said, person, classes)
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
    pair = [_by_person(truth, answer, person, classes) for answer in (said, other)]
    return {
        "accuracy": _interval(accuracies, *pair),
        "balanced_accuracy": _interval(balanced_accuracies, *pair),
        "mcnemar_p": test.p,
        "only_this": test.only_first,
        "only_other": test.only_second,
    }


def _interval(number: Callable[[Array], Array], each: Array, other: Array | None = None) -> Any:
    """Value, low and high of a number, or of its difference between two arms."""
    persons = len(each)
    times = np.random.default_rng(0).multinomial(persons, np.full(persons, 1 / persons), DRAWS)
    value, drawn = (number(table) for table in (each.sum(axis=0), np.tensordot(times, each, 1)))
    if other is not None:
        value = value - number(other.sum(axis=0))
        drawn = drawn - number(np.tensordot(times, other, 1))
    return [float(value), *(float(edge) for edge in np.percentile(drawn, [2.5, 97.5]))]


def _by_person(truth: Classes, said: Classes, person: Sequence[Any], classes: int) -> Array:
    """Confusion matrices (persons, C, C)."""
    names = {name: place for place, name in enumerate(dict.fromkeys(person))}
    each = np.zeros((len(names), classes, classes), np.int64)
    place = np.array([names[name] for name in person])
    np.add.at(each, (place, truth, said), 1)
    return each
