"""A face cut out of a photograph, with its landmarks and enough around it to turn and shift it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.errors import PointsError
from landmarks.image import resize

MARGIN = 0.75
"""A square around a face that is turned by 30 degrees, shifted by a tenth and enlarged by a fifth
is about 2.2 times as wide as the box of its landmarks; with this margin 2.5 times are there."""

SIZE = 256

_OUTSIDE = 0.25  # of the picture's longer side: no true point lies farther beyond the border


class Face(NamedTuple):
    """One face, cut out.

    Attributes
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    points : (68, 2) float array
        In its pixels.
    cut : (int, int, int, int)
        Left, top, right and bottom edge of the cut in pixels of the photograph.
    ratio : float
        Pixels of `image` for one of the photograph.
    """

    image: NDArray[np.uint8]
    points: NDArray[np.float64]
    cut: tuple[int, int, int, int]
    ratio: float


def cut_face(
    image: NDArray[np.uint8],
    points: NDArray[np.float64],
    *,
    margin: float = MARGIN,
    size: int = SIZE,
) -> Face:
    """Cut a face out of a photograph.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    points : (68, 2) float array
        (x, y) in its pixels.
    margin : float, optional
        Around the box of the points, as a share of its longer side; where the picture ends, so
        does the cut.
    size : int, optional
        A longer cut is made smaller, with its points.

    Returns
    -------
    face : Face

    Raises
    ------
    PointsError
        There are not 68 finite points, they have no extent, or they are of another picture: more
        than half of them lie outside, or one of them by more than a quarter of its longer side.
    """
    height, width = image.shape[:2]
    _check_points(points, width, height)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = margin * float((high - low).max())
    left, top = np.clip(np.floor(low - reach + 0.5), 0, None).astype(int)
    right, bottom = np.clip(np.ceil(high + reach + 0.5), None, [width, height]).astype(int)
    part, moved = image[top:bottom, left:right], points - [left, top]
    ratio = min(1.0, size / max(part.shape[:2]))
    if ratio < 1:
        wanted = (max(1, round((right - left) * ratio)), max(1, round((bottom - top) * ratio)))
        part, moved = resize(part, moved, wanted)
    return Face(part, moved, (int(left), int(top), int(right), int(bottom)), ratio)


def _check_points(points: NDArray[np.float64], width: int, height: int) -> None:
    if points.shape != (scheme.COUNT, 2):
        raise PointsError(f"its points have shape {points.shape}: expected ({scheme.COUNT}, 2)")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise PointsError(f"its point {row} is {points[row].tolist()}: expected finite numbers")
    if np.ptp(points, axis=0).min() < 1:
        raise PointsError("its points lie on one another: expected those of a face")
    edges = np.array([width, height]) - 0.5
    beyond = np.maximum(-0.5 - points, points - edges).max(axis=1)
    row = int(beyond.argmax())
    if beyond[row] > _OUTSIDE * max(width, height) or np.median(beyond) > 0:
        x, y = points[row]
        raise PointsError(
            f"it has {width}×{height} pixels, and point {row} lies outside at ({x:.0f}, {y:.0f}):"
            " the points are of another picture"
        )
