"""Landmarks as pictures: the landmark image that the GAN reads, and overlays for people."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import scheme

STYLES = ("points", "contours", "both")

_SHIFT = 4  # cv2 draws at 1/16 of a pixel


def _fixed_point(points: NDArray[np.float64]) -> NDArray[np.int32]:
    limit = 2**26  # far outside any picture, yet safe in cv2's integers
    return np.clip(np.round(points * (1 << _SHIFT)), -limit, limit).astype(np.int32)


def _checked(points: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.shape != (scheme.COUNT, 2):
        raise ValueError(f"landmarks have shape {array.shape}: expected (68, 2)")
    if not np.isfinite(array).all():
        raise ValueError("landmarks hold a value that is not finite: nothing can be drawn")
    return array


def draw_contours(
    image: NDArray[np.uint8],
    points: ArrayLike,
    color: tuple[int, int, int],
    thickness: int = 1,
) -> None:
    """Draw the connected contours into `image`, in place.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB; changed.
    points : (68, 2) array_like
        Landmarks (x, y) in pixels; parts outside the picture are cut off.
    color : (int, int, int)
        RGB.
    thickness : int, optional
        Pixels.
    """
    fixed = _fixed_point(_checked(points))
    for name, region in scheme.REGIONS.items():
        line = [fixed[list(region)].reshape(-1, 1, 2)]
        closed = name in scheme.CLOSED_REGIONS
        cv2.polylines(image, line, closed, color, thickness, cv2.LINE_AA, _SHIFT)


def draw_points(
    image: NDArray[np.uint8],
    points: ArrayLike,
    color: tuple[int, int, int],
    radius: float = 1.5,
) -> None:
    """Draw each point as a filled disc into `image`, in place.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB; changed.
    points : (n, 2) array_like
        (x, y) in pixels.
    color : (int, int, int)
        RGB.
    radius : float, optional
        Pixels.
    """
    size = max(1, round(radius * (1 << _SHIFT)))
    for x, y in _fixed_point(np.asarray(points, dtype=np.float64)):
        cv2.circle(image, (int(x), int(y)), size, color, -1, cv2.LINE_AA, _SHIFT)


def landmark_image(
    points: ArrayLike,
    size: tuple[int, int],
    *,
    style: str = "contours",
    thickness: int = 1,
    radius: float = 1.0,
) -> NDArray[np.uint8]:
    """Landmarks in white on black, as the generator reads them.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels of the picture to draw.
    size : (int, int)
        Width and height in pixels.
    style : {'contours', 'points', 'both'}, optional
        Connected contours, discs, or both.
    thickness : int, optional
        Of the contours, in pixels.
    radius : float, optional
        Of the discs, in pixels.

    Returns
    -------
    image : (height, width, 3) uint8 array
        RGB.

    Raises
    ------
    ValueError
        Not 68 finite points, an unknown style, or a size below 1×1.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}: expected one of {', '.join(STYLES)}")
    if min(size) < 1:
        raise ValueError(f"the wanted size is {size[0]}×{size[1]}: expected at least 1×1")
    points = _checked(points)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    if style != "points":
        draw_contours(image, points, (255, 255, 255), thickness)
    if style != "contours":
        draw_points(image, points, (255, 255, 255), radius)
    return image


def overlay(
    image: NDArray[np.uint8],
    faces: Iterable[ArrayLike],
    *,
    boxes: Iterable[tuple[float, float, float, float]] = (),
    color: tuple[int, int, int] = (0, 255, 128),
) -> NDArray[np.uint8]:
    """The photograph with the landmarks of each face on it, at a width that suits the face.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB; not changed.
    faces : iterable of (68, 2) array_like
        Landmarks (x, y) in pixels.
    boxes : iterable of (left, top, right, bottom), optional
        Drawn as thin rectangles.
    color : (int, int, int), optional
        RGB.

    Returns
    -------
    drawn : (H, W, 3) uint8 array
        RGB.
    """
    drawn = np.ascontiguousarray(image.copy())
    for left, top, right, bottom in boxes:
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        line = max(1, round((right - left) / 150))
        fixed = _fixed_point(corners).reshape(-1, 1, 2)
        cv2.polylines(drawn, [fixed], True, (255, 196, 0), line, cv2.LINE_AA, _SHIFT)
    for face in faces:
        points = _checked(face)
        width = float(np.ptp(points[:, 0]))
        draw_contours(drawn, points, color, max(1, round(width / 180)))
        draw_points(drawn, points, (255, 255, 255), max(1.0, width / 90))
    return drawn
