"""How far landmarks lie from the truth, as pure functions.

Errors are fractions (0.05 is five percent) of a named length of the true face. A face that was
not found counts as an error of `inf`: it is a failure and adds nothing to the area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import scheme

FAILED = 0.08
"""Mean error of a face above which it counts as a failure, and the end of the area under the CED,
in inter-ocular distances."""


def _landmarks(points: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.shape != (scheme.COUNT, 2):
        raise ValueError(f"{name} has shape {array.shape}: expected (68, 2)")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise ValueError(f"{name} has a value that is not finite at point {row}")
    return array


def inter_ocular_distance(points: ArrayLike) -> float:
    """Distance of the outer eye corners, ‖p36 − p45‖.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels.

    Returns
    -------
    distance : float
        Pixels.
    """
    return float(inter_ocular_distances(_landmarks(points, "points")))


def inter_ocular_distances(points: ArrayLike) -> NDArray[np.float64]:
    """The same of many faces at once.

    Parameters
    ----------
    points : (..., 68, 2) array_like
        Landmarks (x, y) of each face.

    Returns
    -------
    distances : (...) float array
        In the unit of `points`; NaN where an eye corner is.
    """
    array = np.asarray(points, dtype=np.float64)
    right = array[..., scheme.RIGHT_OUTER_EYE_CORNER, :]
    left = array[..., scheme.LEFT_OUTER_EYE_CORNER, :]
    distances: NDArray[np.float64] = np.linalg.norm(left - right, axis=-1)
    return distances


def inter_pupil_distance(points: ArrayLike) -> float:
    """Distance of the eye centres, each the mean of its six points.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels.

    Returns
    -------
    distance : float
        Pixels.
    """
    five = scheme.to_five(_landmarks(points, "points"))
    return float(np.linalg.norm(five[0] - five[1]))


def box_size(points: ArrayLike) -> float:
    """Side of the square with the area of the landmarks' bounding box, √(w·h).

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels.

    Returns
    -------
    size : float
        Pixels.
    """
    width, height = np.ptp(_landmarks(points, "points"), axis=0)
    return float(np.sqrt(width * height))


NORMALIZERS = {
    "inter_ocular": inter_ocular_distance,
    "inter_pupil": inter_pupil_distance,
    "box": box_size,
}


def normalized_mean_error(
    predicted: ArrayLike, truth: ArrayLike, *, normalizer: str = "inter_ocular"
) -> float:
    """Mean landmark error as a fraction of the face's own size.

    Parameters
    ----------
    predicted, truth : (68, 2) array_like
        Landmarks (x, y) in pixels of the same image, iBUG-68 order.
    normalizer : {'inter_ocular', 'inter_pupil', 'box'}, optional
        Length to divide by, taken from `truth`.

    Returns
    -------
    nme : float
        Fraction (0.05 is five percent), never negative.

    Raises
    ------
    ValueError
        A shape is not (68, 2); a value is not finite; the normalizer is unknown; the normalizing
        length is zero.

    Notes
    -----
    Invariant to one similarity applied to both inputs ('box': to one scaling and shift).

    References
    ----------
    Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013.
    """
    if normalizer not in NORMALIZERS:
        raise ValueError(f"unknown normalizer {normalizer!r}: expected one of {list(NORMALIZERS)}")
    predicted = _landmarks(predicted, "predicted")
    truth = _landmarks(truth, "truth")
    length = NORMALIZERS[normalizer](truth)
    if length == 0:
        raise ValueError(f"the true face has {normalizer} length zero")
    return float(np.linalg.norm(predicted - truth, axis=1).mean() / length)


def _errors(errors: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(errors, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"errors have shape {array.shape}: expected (n,) with n ≥ 1")
    if np.isnan(array).any() or (array < 0).any():
        raise ValueError("errors must be numbers ≥ 0 (inf for a face that was not found)")
    return array


def cumulative_error_distribution(errors: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Share of faces with an error up to each threshold (the CED curve).

    Parameters
    ----------
    errors : (n,) array_like
        NME of each face as a fraction; `inf` where none was found.
    thresholds : (t,) array_like
        Fractions.

    Returns
    -------
    share : (t,) float array
        In [0, 1], never falling where `thresholds` rise.
    """
    ordered = np.sort(_errors(errors))
    below = np.searchsorted(ordered, np.asarray(thresholds, dtype=np.float64), side="right")
    return below / ordered.size


def area_under_curve(errors: ArrayLike, threshold: float = FAILED) -> float:
    """Area under the CED curve from 0 to `threshold`, divided by `threshold` (AUC@0.08).

    Parameters
    ----------
    errors : (n,) array_like
        NME of each face as a fraction; `inf` where none was found.
    threshold : float, optional
        Fraction, above zero.

    Returns
    -------
    area : float
        In [0, 1]; 1 when every error is zero.

    Notes
    -----
    The curve is a sum of steps, so its integral is exact: each face adds 1 − e/threshold.
    """
    if not threshold > 0:
        raise ValueError(f"the threshold is {threshold}: expected a number above 0")
    return float(np.clip(1 - _errors(errors) / threshold, 0, None).mean())


def failure_rate(errors: ArrayLike, threshold: float = FAILED) -> float:
    """Share of faces with an error above `threshold`, or not found.

    Parameters
    ----------
    errors : (n,) array_like
        NME of each face as a fraction; `inf` where none was found.
    threshold : float, optional
        Fraction.

    Returns
    -------
    rate : float
        In [0, 1].
    """
    return float((_errors(errors) > threshold).mean())
