"""The square in which a face is edited: eyes level, always of one size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.procrustes import align_similarity
from landmarks import scheme
from landmarks.errors import PointsError
from landmarks.keypoints.crops import Crop

SIDE = 128
"""Of the square, in its pixels."""

INTER_OCULAR = 42.0
"""Outer eye corners are so many of them apart where a head is not turned."""

_EYES_FROM_TOP = 46.0

_STEADY = slice(27, 48)
# Nose and eyes move least with expression. Mean of the training persons of YouTube Faces and their
# mirror images, in inter-ocular distances from the middle of the eyes.
_MEAN = np.array(
    [
        *[(0.0, 0.014), (0.0, 0.17), (0.0, 0.317), (0.0, 0.441)],
        *[(-0.141, 0.525), (-0.08, 0.544), (0.0, 0.563), (0.08, 0.544), (0.141, 0.525)],
        *[(-0.5, -0.008), (-0.419, -0.035), (-0.317, -0.035)],
        *[(-0.222, 0.006), (-0.31, 0.037), (-0.417, 0.036)],
        *[(0.222, 0.006), (0.317, -0.035), (0.419, -0.035)],
        *[(0.5, -0.008), (0.417, 0.036), (0.31, 0.037)],
    ]
)


def square_of(points: ArrayLike) -> Crop:
    """The square around a face.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels of the photograph.

    Returns
    -------
    crop : Crop
        Its `matrix` (2, 3) leads from the photograph's pixels to the square's, its `side` is
        `SIDE`. No mirror.

    Raises
    ------
    PointsError
        Not 68 finite points, or nose and eyes are in one place.

    Notes
    -----
    It follows every similarity of the points.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.shape != (scheme.COUNT, 2):
        raise PointsError(f"landmarks have shape {array.shape}: expected ({scheme.COUNT}, 2)")
    if not np.isfinite(array).all():
        raise PointsError("landmarks hold a value that is not finite")
    if np.ptp(array[_STEADY], axis=0).max() == 0:
        raise PointsError("nose and eyes are in one place: expected the landmarks of a face")
    fit = align_similarity(array[_STEADY], _MEAN * INTER_OCULAR)
    linear = fit.scale * np.asarray(fit.rotation)
    upright = array @ linear.T
    # Turned heads reach farther to one side of the eyes: across, the whole face is in the middle.
    across = (upright[:, 0].min() + upright[:, 0].max()) / 2
    middle = (SIDE - 1) / 2
    shift = np.array([middle - across, _EYES_FROM_TOP + np.asarray(fit.translation)[1]])
    return Crop(np.concatenate([linear, shift[:, None]], axis=1), SIDE)


def into(matrix: NDArray[np.float64], points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 2) through an affine map (2, 3)."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map (2, 3) back."""
    back = np.linalg.inv(matrix[:, :2])
    return np.concatenate([back, (-back @ matrix[:, 2])[:, None]], axis=1)


def after(second: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """One affine map (2, 3) for two, one after the other."""
    shift = second[:, :2] @ first[:, 2] + second[:, 2]
    return np.concatenate([second[:, :2] @ first[:, :2], shift[:, None]], axis=1)


def laid_over(points: ArrayLike, onto: ArrayLike) -> NDArray[np.float64]:
    """The similarity (2, 3) that lays landmarks (68, 2) over others by nose and eyes."""
    one, other = np.asarray(points, dtype=np.float64), np.asarray(onto, dtype=np.float64)
    laid = align_similarity(one[_STEADY], other[_STEADY])
    linear = laid.scale * np.asarray(laid.rotation)
    return np.concatenate([linear, np.asarray(laid.translation)[:, None]], axis=1)
