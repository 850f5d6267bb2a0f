"""The mouth in layers: two lips that part and meet, and behind them what was seen before.

One smooth warp cannot open a mouth: it stretches teeth where lips part, and squeezes them into a
line where lips meet. So each lip has a warp of its own, teeth keep about their size behind them,
and what the photograph does not show is left dark, for the network to paint.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.square import SIDE
from landmarks import scheme

Array = NDArray[np.float64]
Plane = NDArray[np.float32]

UPPER, LOWER = slice(61, 64), slice(65, 68)
"""The inner edges of the lips, between the corners."""

INNER = list(scheme.REGIONS["inner_lips"])
_LOWER_LIP = [48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59]
_OUTER = list(scheme.REGIONS["outer_lips"])
_TALLER, _WIDER = 1.4, 1.25
# What is seen in a mouth is stretched by no more; the rest of a wider opening is dark.
_FLAT = 1.0
# Pixels below which an opening has no height that could be stretched.
_EDGE = 0.75
# Pixels around what was seen in the mouth that are shown too: landmarks lie beside the lips' edges.
_DARK = 0.35
# Brightness of what is hidden, beside the lips'.
_THIN = 4.0
# Slivers narrower than a pixel count as if so many times as wide.
_LITTLE = 12.0
# Grey levels that may be added to the photograph's own pixels in a mouth; from twice as many on,
# edges that are finer than the square's would show.
_CLOSES, _OPEN = 0.6, 0.3
# Of the height of an opening: what the mouth keeps of it while teeth begin to be seen still, and
# how much more until they are.
_TEETH, _SURE = 3.0, 2.0
# Pixels of height from which on an opening shows teeth, and how many more until that is sure.
_BRUSH, _SOFT = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)), 0.7
# How far what is painted reaches beyond the hidden, and how softly it ends.
_AROUND = 4
# Pixels around the lips in which distances are told.


Opening: TypeAlias = tuple[float, float, float, float]
"""Middle between the corners, height of the upper edge, width and height of the opening."""


class Mouth(NamedTuple):
    """A mouth whose lips move, as each pixel of the square after the edit sees it.

    Attributes
    ----------
    lower : (SIDE, SIDE, 2) float32 array
        Where pixels of the lower lip come from, (x, y).
    inside : (2, 3) float array
        Where pixels of the mouth's inside come from: an affine map.
    lip, opening, seen : (SIDE, SIDE) float32 arrays
        Signed distance in pixels to the outlines of the lower lip, of the opening, and of what was
        seen in the mouth before; positive within.
    dark : (3,) float32 array
        Grey levels of what was not seen.
    stays : float
        0…1: how far what was seen in the mouth is to be seen still, since it does not close.
    """

    lower: Plane
    inside: Array
    lip: Plane
    opening: Plane
    seen: Plane
    dark: Plane
    stays: float

    def box(self, reach: float) -> tuple[slice, slice] | None:
        """Rows and columns with lip or opening as near as `reach` pixels; None where none is."""
        near = np.maximum(self.lip, self.opening) > -reach
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not len(rows):
            return None
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def hidden(self) -> Plane:
        """How far each pixel (SIDE, SIDE) shows what was not seen before, 0…1."""
        shown = _share(self.seen + _EDGE, 1.0)
        return np.asarray(_share(self.opening, 1.0) * (1 - shown), dtype=np.float32)

    def kept(self) -> Plane:
        """How far each pixel (SIDE, SIDE) shows teeth that are not to be painted over, 0…1."""
        shown = _share(self.seen, 1.0) * _share(self.opening, 1.0)
        return np.asarray(self.stays * shown, dtype=np.float32)

    def painted(self, residual: Plane) -> Plane:
        """How far each pixel (SIDE, SIDE) is painted, 0…1.

        That is what is hidden, what `residual` (SIDE, SIDE, 3) changes much between the lips, and
        what is close to them.
        """
        hidden = np.minimum(_THIN * self.hidden(), 1)
        added = functools.reduce(np.maximum, np.moveaxis(np.abs(residual), 2, 0))
        much = np.clip((added - _LITTLE) / _LITTLE, 0, 1)
        wide = cv2.dilate(np.maximum(hidden, much * _share(self.opening, 1.0)), _BRUSH)
        return np.asarray(cv2.GaussianBlur(wide, (0, 0), _SOFT), dtype=np.float32)


def parted(points: Array) -> Array:
    """Landmarks (68, 2) whose lips do not cross."""
    upper, lower = points[UPPER], points[LOWER][::-1]
    middle = (upper + lower) / 2
    crossed = (lower[:, 1] < upper[:, 1])[:, None]
    result = points.copy()
    result[UPPER] = np.where(crossed, middle, upper)
    result[LOWER] = np.where(crossed, middle, lower)[::-1]
    return result


def mouth(square: NDArray[np.uint8], before: Array, after: Array, lower: Plane) -> Mouth:
    """The layers of a mouth.

    Parameters
    ----------
    square : (SIDE, SIDE, 3) uint8 array
        The face before.
    before, after : (68, 2) float arrays
        Landmarks in its pixels, lips not crossed (`parted`).
    lower : (SIDE, SIDE, 2) float32 array
        The lower lip's map.
    """
    was, now = _opening(before), _opening(after)
    inside = _inside(was, now)
    back = np.linalg.inv(inside[:, :2])
    behind = (before[INNER] - inside[:, 2]) @ back.T
    lips = np.concatenate([after[_OUTER], after[INNER]])
    low = np.clip(np.floor(lips.min(axis=0)).astype(int) - _AROUND, 0, SIDE)
    high = np.clip(np.ceil(lips.max(axis=0)).astype(int) + _AROUND + 1, low, SIDE)
    planes = []
    for outline in (after[_LOWER_LIP], after[INNER], behind):
        plane = np.full((SIDE, SIDE), -_AROUND, np.float32)
        plane[low[1] : high[1], low[0] : high[0]] = np.maximum(
            _signed_distance(outline, low, high), -_AROUND
        )
        planes.append(plane)
    lip, opening, seen = planes
    stays = float(np.clip((now[3] / max(was[3], _FLAT) - _CLOSES) / _OPEN, 0, 1))
    stays *= float(np.clip((was[3] - _TEETH) / _SURE, 0, 1))
    return Mouth(lower, inside, lip, opening, seen, _dark(square, before), stays)


def _inside(was: Opening, now: Opening) -> Array:
    """Teeth hang from the upper lip and grow with the opening, but not without end."""
    taller = np.clip(now[3] / max(was[3], _FLAT), 1, _TALLER)
    wider = np.clip(now[2] / max(was[2], _FLAT), 1, _WIDER)
    return np.array(
        [[1 / wider, 0, was[0] - now[0] / wider], [0, 1 / taller, was[1] - now[1] / taller]]
    )


def _opening(points: Array) -> Opening:
    left, right = points[60], points[64]
    top = float(points[UPPER, 1].mean())
    height = float(points[LOWER, 1].mean()) - top
    return float(left[0] + right[0]) / 2, top, float(right[0] - left[0]), height


def _signed_distance(outline: Array, low: NDArray[np.int_], high: NDArray[np.int_]) -> Plane:
    """Distance of the pixels from `low` to `high` (x, y) to a closed outline, positive within."""
    x = np.arange(low[0], high[0], dtype=np.float32)[None, None]
    y = np.arange(low[1], high[1], dtype=np.float32)[None, :, None]
    begin = outline.astype(np.float32)[:, :, None, None]
    end = np.roll(begin, -1, axis=0)
    x0, y0, x1, y1 = begin[:, 0], begin[:, 1], end[:, 0], end[:, 1]
    across, down = x1 - x0, y1 - y0
    length = np.maximum(across**2 + down**2, np.float32(1e-9))
    along = np.clip(((x - x0) * across + (y - y0) * down) / length, 0, 1)
    squares = (x - x0 - along * across) ** 2 + (y - y0 - along * down) ** 2
    passed = (y0 <= y) != (y1 <= y)
    cut = x0 + (y - y0) * across / np.where(down == 0, np.float32(1), down)
    within = (passed & (x < cut)).sum(axis=0) % 2 == 1
    distance = np.sqrt(squares.min(axis=0))
    return np.where(within, distance, -distance).astype(np.float32)


def _dark(square: NDArray[np.uint8], points: Array) -> Plane:
    """The lips' own colour in the shade, (3,)."""
    places = np.concatenate([points[_OUTER], points[INNER]])
    x, y = np.clip(np.rint(places), 0, SIDE - 1).astype(int).T
    return np.asarray(_DARK * np.median(square[y, x], axis=0), dtype=np.float32)


def layered(
    face: Plane,
    lower: Plane,
    inside: Plane,
    distances: tuple[Plane, Plane, Plane],
    dark: Plane,
    scale: float,
) -> Plane:
    """One picture of the layers.

    Parameters
    ----------
    face, lower, inside : (h, w, 3) float32 arrays
        What each layer shows everywhere.
    distances : three (h, w) float32 arrays
        `lip`, `opening` and `seen` of `Mouth`.
    dark : (3,) float32 array
        What is shown where nothing was seen.
    scale : float
        Pixels of the picture for each of the square's.
    """
    lip, opening, seen = distances
    picture = face + _share(lip, scale)[..., None] * (lower - face)
    deep = dark + _share(seen + _EDGE, scale)[..., None] * (inside - dark)
    result: Plane = picture + _share(opening, scale)[..., None] * (deep - picture)
    return result


def _share(distance: Plane, scale: float) -> Plane:
    """How much of a pixel lies within an outline at a signed distance."""
    return np.clip(distance * np.float32(scale) + np.float32(0.5), 0, 1)
