"""How good a classifier is, and how sure that number is.

All take true and predicted classes as whole numbers, or probabilities; nothing here knows files,
networks or data sets. Persons may be any labels: one for each face.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.errors import InputError

Array = NDArray[Any]

BINS = 15
"""Of the expected calibration error."""

DRAWS = 2000
"""Of the bootstrap."""

_TRIES = 50  # for each draw, on average, until it shows every class


class Interval(NamedTuple):
    """A number, and where it lies in 95 of 100 draws of other persons.

    Attributes
    ----------
    value : float
    low, high : float
        NaN where no draw could be had (`draw_persons`).
    """

    value: float
    low: float
    high: float


class McNemar(NamedTuple):
    """Two classifiers on the same faces.

    Attributes
    ----------
    only_first, only_second : int
        Faces that only the first, and only the second one told rightly.
    p : float
        Probability of so uneven a split, or a more uneven one, if both were equally good.
    """

    only_first: int
    only_second: int
    p: float


def confusion_matrix(truth: ArrayLike, said: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How often each class was taken for each.

    Parameters
    ----------
    truth, said : (n,) int array_like
        0 ≤ class < `classes`.
    classes : int

    Returns
    -------
    counts : (classes, classes) int array
        Rows are true classes, columns predicted ones.

    Raises
    ------
    InputError
        Lengths differ, nothing is given, or a class is out of range.
    """
    true, predicted = _pair(truth, said, classes)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (true, predicted), 1)
    return counts


def accuracy(counts: Array) -> float:
    """Share of faces that are told rightly.

    Parameters
    ----------
    counts : (C, C) array
        As `confusion_matrix`.
    """
    return float(np.trace(counts) / counts.sum())


def recalls(counts: Array) -> Array:
    """Share of each true class's faces that are told rightly; NaN of a class without faces."""
    rows = counts.sum(axis=1)
    return np.where(rows > 0, np.diag(counts) / np.maximum(rows, 1), np.nan)


def balanced_accuracy(counts: Array) -> float:
    """Mean of `recalls` over the classes that have faces."""
    return float(np.nanmean(recalls(counts)))


def macro_f1(counts: Array) -> float:
    """Mean of the classes' F1 over those that have faces.

    Notes
    -----
    F1 = 2 TP / (2 TP + FP + FN); a class with faces none of which is told rightly has 0.
    """
    right, rows, columns = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    shown = rows > 0
    return float(np.mean(2 * right[shown] / (rows + columns)[shown]))


def expected_calibration_error(
    probabilities: ArrayLike, truth: ArrayLike, bins: int = BINS
) -> float:
    """How far stated confidences are from what comes true.

    Parameters
    ----------
    probabilities : (n, C) float array_like
    truth : (n,) int array_like
    bins : int, optional
        Equal parts of 0…1 into which faces are sorted by the probability of their predicted class.

    Returns
    -------
    error : float
        Mean over faces of |share of right answers − mean confidence| of the face's bin, 0…1.

    Raises
    ------
    InputError
        Shapes do not fit together.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. (3).
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    if shares.ndim != 2:
        raise InputError(f"probabilities have shape {shares.shape}: expected (faces, classes)")
    said = shares.argmax(axis=1)
    true, said = _pair(truth, said, shares.shape[1])
    confidence = shares[np.arange(len(said)), said]
    # The first bin holds 0, every other one its upper edge alone.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, (said == true) - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(said))


def calibration_error_floor(
    probabilities: ArrayLike, bins: int = BINS, *, draws: int = 200, seed: int = 0
) -> float:
    """What `expected_calibration_error` would be on average if the probabilities were true.

    Parameters
    ----------
    probabilities : (n, C) float array_like
    bins, draws, seed : int, optional

    Returns
    -------
    floor : float
        Not 0: shares of a few right answers scatter, and the error counts every distance. With
        hundreds of faces it is some percent, with tens of thousands nearly nothing.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    rng = np.random.default_rng(seed)
    edges = shares.cumsum(axis=1)[:, :-1]
    found = [
        expected_calibration_error(shares, (rng.random((len(shares), 1)) > edges).sum(1), bins)
        for _ in range(draws)
    ]
    return float(np.mean(found))


def bootstrap(
    number: Callable[[Array], float],
    truth: ArrayLike,
    said: ArrayLike,
    persons: Sequence[Hashable],
    classes: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """A number of a confusion matrix with its 95 % interval over persons.

    Persons, not faces, are drawn with replacement: faces of one person go right or wrong together.

    Parameters
    ----------
    number : callable
        Confusion matrix → float, such as `balanced_accuracy`.
    truth, said : (n,) int array_like
    persons : sequence of n hashable
    classes : int
    draws, seed : int, optional

    Returns
    -------
    interval : Interval
        Over draws that show every class that the faces show (`draw_persons`).

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3 (percentiles).
    """
    each = confusion_by_person(truth, said, persons, classes)
    found = [
        number(np.tensordot(times, each, axes=1))
        for times in draw_persons(each, draws=draws, seed=seed)
    ]
    return Interval(number(each.sum(axis=0)), *_middle(found))


def bootstrap_difference(
    number: Callable[[Array], float],
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    persons: Sequence[Hashable],
    classes: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """By how much the first of two classifiers is better, the same persons drawn for both.

    Parameters and returned value are those of `bootstrap`; `first` and `second` are what the two
    said of the same faces.
    """
    firsts = confusion_by_person(truth, first, persons, classes)
    seconds = confusion_by_person(truth, second, persons, classes)
    found = [
        number(np.tensordot(times, firsts, axes=1)) - number(np.tensordot(times, seconds, axes=1))
        for times in draw_persons(firsts, draws=draws, seed=seed)
    ]
    value = number(firsts.sum(axis=0)) - number(seconds.sum(axis=0))
    return Interval(value, *_middle(found))


def draw_persons(each: Array, *, draws: int = DRAWS, seed: int = 0) -> Iterator[NDArray[np.intp]]:
    """Persons drawn with replacement, again and again.

    A draw in which a class has no face is drawn anew: a mean over fewer classes is another number,
    and would be taken for a better or worse one.

    Parameters
    ----------
    each : (persons, C, C) int array
        As `confusion_by_person`.
    draws, seed : int, optional

    Yields
    ------
    times : (persons,) int array
        How often each is drawn. Where classes are so rare that 50 tries for each draw are not
        enough, fewer draws come than were asked for, perhaps none.
    """
    rng, count = np.random.default_rng(seed), len(each)
    faces = each.sum(axis=2)
    faces = (faces[:, faces.any(axis=0)] > 0).astype(np.int64)
    left = draws
    for _ in range(_TRIES * draws):
        if not left:
            return
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        if (times @ faces).all():
            left -= 1
            yield times


def _middle(found: Sequence[float]) -> tuple[float, float]:
    if not found:
        return np.nan, np.nan
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """Whether one classifier is right more often than another on the same faces.

    Parameters
    ----------
    truth, first, second : (n,) int array_like
        True classes, and what each of the two said.

    Returns
    -------
    test : McNemar
        Exact: the smaller of two counts under a fair coin, two-sided.

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947.
    """
    from scipy.stats import binomtest

    true, one, other = (np.asarray(values) for values in (truth, first, second))
    if not true.shape == one.shape == other.shape or true.ndim != 1:
        raise InputError(
            f"classes have shapes {true.shape}, {one.shape} and {other.shape}: expected three "
            "equal lengths"
        )
    left = int(((one == true) & (other != true)).sum())
    right = int(((one != true) & (other == true)).sum())
    p = float(binomtest(min(left, right), left + right, 0.5).pvalue) if left + right else 1.0
    return McNemar(left, right, p)


def worst_class(counts: Array) -> tuple[int, float]:
    """The class with the smallest recall among those that have faces, and that recall."""
    share = recalls(counts)
    worst = int(np.nanargmin(share))
    return worst, float(share[worst])


def worst_person(
    truth: ArrayLike, said: ArrayLike, persons: Sequence[Hashable], *, least: int = 5
) -> tuple[Hashable, float, int] | None:
    """The person whose faces are told rightly least often.

    Parameters
    ----------
    truth, said : (n,) int array_like
    persons : sequence of n hashable
    least : int, optional
        Persons with fewer faces are left out.

    Returns
    -------
    worst : (person, accuracy, faces) or None
        None where nobody has so many faces; of equal ones the one with most faces.
    """
    right = np.asarray(truth) == np.asarray(said)
    names, place = _numbered(persons)
    faces = np.bincount(place, minlength=len(names))
    share = np.bincount(place, right, minlength=len(names)) / np.maximum(faces, 1)
    among = np.flatnonzero(faces >= least)
    if not len(among):
        return None
    worst = min(among.tolist(), key=lambda row: (share[row], -faces[row]))
    return names[worst], float(share[worst]), int(faces[worst])


def confusion_by_person(
    truth: ArrayLike, said: ArrayLike, persons: Sequence[Hashable], classes: int
) -> NDArray[np.int64]:
    """(persons, C, C) confusion matrices, one for each person in the order of first faces.

    Parameters
    ----------
    truth, said : (n,) int array_like
    persons : sequence of n hashable
    classes : int

    Raises
    ------
    InputError
        As `confusion_matrix`, or there are more or fewer persons than faces.
    """
    true, predicted = _pair(truth, said, classes)
    names, place = _numbered(persons)
    if len(place) != len(true):
        raise InputError(f"there are {len(place)} persons and {len(true)} faces: expected pairs")
    each = np.zeros((len(names), classes, classes), np.int64)
    np.add.at(each, (place, true, predicted), 1)
    return each


def _numbered(persons: Sequence[Hashable]) -> tuple[list[Hashable], NDArray[np.intp]]:
    order: dict[Hashable, int] = {}
    place = [order.setdefault(person, len(order)) for person in persons]
    return list(order), np.asarray(place, dtype=np.intp)


def _pair(truth: ArrayLike, said: ArrayLike, classes: int) -> tuple[Array, Array]:
    true, predicted = np.asarray(truth), np.asarray(said)
    if true.ndim != 1 or true.shape != predicted.shape or not len(true):
        raise InputError(
            f"true classes have shape {true.shape}, predicted ones {predicted.shape}: expected two "
            "equal lengths of 1 or more"
        )
    for name, values in (("true", true), ("predicted", predicted)):
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= classes:
            raise InputError(
                f"{name} classes are {values.dtype}, {values.min()} to {values.max()}: expected "
                f"whole numbers of 0 to {classes - 1}"
            )
    return true, predicted
