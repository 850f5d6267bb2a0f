"""Which pixels of the square an edit may change."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.square import INTER_OCULAR, SIDE

_FOREHEAD = 0.42
# In inter-ocular distances: what lies between brows and hair line and moves with the brows.
_FULL = 0.05
_NONE = 0.33
# Distance from the face up to which everything may change, and from which nothing does.
_FRAME = 4.0
# Pixels at the square's edge in which the change dies away, should the face reach it.


def region(source: ArrayLike, wanted: ArrayLike) -> NDArray[np.float32]:
    """How far each pixel belongs to the face that is edited.

    Parameters
    ----------
    source, wanted : (68, 2) array_like
        Landmarks before and after, in pixels of the square.

    Returns
    -------
    mask : (SIDE, SIDE) float32 array
        1 on the face as it was and as it will be, 0 away from both, smooth between; 0 on the
        square's edge.
    """
    face = np.zeros((SIDE, SIDE), np.uint8)
    for points in (source, wanted):
        hull = cv2.convexHull(_outline(np.asarray(points, dtype=np.float64)))
        cv2.fillConvexPoly(face, np.round(hull).astype(np.int32), 255)
    away = cv2.distanceTransform(255 - face, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    fall = (_NONE - away / INTER_OCULAR) / (_NONE - _FULL)
    return _smooth(fall) * _smooth(_from_edge() / _FRAME)


def _outline(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """The landmarks and the forehead's, where the square's far corners are kept within reach."""
    forehead = points[17:27] - [0.0, _FOREHEAD * INTER_OCULAR]
    outline: NDArray[np.float32] = np.concatenate([points, forehead])
    return np.clip(outline, -SIDE, 2 * SIDE).astype(np.float32)


def _from_edge() -> NDArray[np.float32]:
    """Distance of each pixel to the square's edge, in pixels."""
    one = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1])
    return np.minimum(one[:, None], one).astype(np.float32)


def _smooth(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 up to 0, 1 from 1 on, without a kink."""
    share = np.clip(value, 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
