"""Faces upright and of one size, by points that expressions hardly move.

The corners of the eyes and the nose are laid over their mean places; mouth, brows and chin stay
where the expression has them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration import align_similarity
from landmarks.errors import InputError
from landmarks.keypoints.crops import Crop

Array = NDArray[Any]

STILL = (*range(27, 36), 36, 39, 42, 45)
"""Landmarks of the nose, and the corners of the eyes."""

# Mean of 1,500 neutral press photographs (labelled_expressions), mirrored halves averaged; in
# inter-ocular distances from the middle of the outer eye corners.
_PLACES = np.array(
    [
        [0.0, 0.018],
        [0.0, 0.172],
        [0.0, 0.314],
        [0.0, 0.436],
        [-0.14, 0.531],
        [-0.08, 0.548],
        [0.0, 0.565],
        [0.08, 0.548],
        [0.14, 0.531],
        [-0.5, 0.0],
        [-0.222, 0.014],
        [0.222, 0.014],
        [0.5, 0.0],
    ]
)

_WIDTH = 0.47  # inter-ocular distance in sides of the crop: brows and open mouths are inside
_EYES = 0.26  # height of the eyes, in the same


def aligned_crop(points: ArrayLike, side: int, room: float = 1.0) -> Crop:
    """The square in which a face is upright and of one size.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels of the picture.
    side : int
        Of the square that a network sees, in pixels.
    room : float, optional
        Side of the crop in such squares; the square lies in its middle.

    Returns
    -------
    crop : Crop
        Of round(room · side) pixels.

    Raises
    ------
    InputError
        The points are no face: wrong shape, not finite, or nose and eyes in one place.

    Notes
    -----
    Turned, moved or enlarged together with its points, a picture has the same crop.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.shape != (68, 2) or not np.isfinite(values).all():
        raise InputError(f"landmarks have shape {values.shape}: expected 68 finite pairs")
    stored = round(room * side)
    target = (_PLACES * _WIDTH + [0.5, _EYES]) * side - 0.5 + (stored - side) / 2
    try:
        found = align_similarity(values[list(STILL)], target)
    except ValueError as error:
        raise InputError(f"nose and eyes cannot be laid over a face's: {error}") from None
    linear = float(found.scale) * found.rotation
    return Crop(np.concatenate([linear, found.translation[:, None]], axis=1), stored)


def aligned_points(points: ArrayLike) -> NDArray[np.float64]:
    """Landmarks in fractions of the side of the square that a network sees.

    Parameters
    ----------
    points : (68, 2) or (n, 68, 2) array_like
        Landmarks (x, y) in pixels.

    Returns
    -------
    aligned : float array of the same shape

    Raises
    ------
    ValueError
        Wrong shapes, a value that is not finite, or nose and eyes in one place.
    """
    values = np.asarray(points, dtype=np.float64)
    target = _PLACES * _WIDTH + [0.5, _EYES]
    return align_similarity(values[..., list(STILL), :], target).apply(values)
