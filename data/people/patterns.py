"""Patterns painted by place on the head: noise, soft spots, bands and lines."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from data.people.canvas import Canvas, Chart, smooth_curve
from data.people.surface import Array, floats

_LATTICE = 24
_GRID = 256


def noise(place: Array, cells: float, rng: np.random.Generator) -> Array:
    """Smooth noise of mean 0 and standard deviation about 1 that has no seams between textures.

    Parameters
    ----------
    place : (..., 3) float array
    cells : float
        Cells of the noise in one unit of place.
    rng : numpy.random.Generator
    """
    lattice = rng.standard_normal((_LATTICE,) * 3).astype(np.float32)
    return lookup(lattice, place * floats(cells) + np.float32(_LATTICE / 2))


def lookup(lattice: Array, at: Array) -> Array:
    """Interpolate a periodic lattice smoothly at (..., 3) positions given in its cells."""
    cell = np.floor(at)
    part = at - cell
    part = part * part * (3 - 2 * part)
    low = cell.astype(np.int32) % _LATTICE
    high = (low + 1) % _LATTICE
    total = np.zeros(at.shape[:-1], dtype=np.float32)
    for corner in range(8):
        ends = [(corner >> axis) & 1 for axis in range(3)]
        index = [(high if end else low)[..., axis] for axis, end in enumerate(ends)]
        share = [part[..., axis] if end else 1 - part[..., axis] for axis, end in enumerate(ends)]
        total += lattice[tuple(index)] * share[0] * share[1] * share[2]
    return total * np.float32(1.8)


def layered(place: Array, cells: float, layers: int, rng: np.random.Generator) -> Array:
    """Sum of noises, each twice as fine and 0.6 times as strong as the one before."""
    return np.sum(
        [0.6**layer * noise(place, cells * 2**layer, rng) for layer in range(layers)], axis=0
    )


def step(value: Array, edge: Array | float, width: Array | float) -> Array:
    """0 where `value` is far below `edge`, 1 far above, smooth over about twice `width`."""
    at = np.clip((value - edge) / width, -8, 8)
    return (1 / (1 + np.exp(-2 * at))).astype(np.float32)


def spot(place: Array, centre: npt.ArrayLike, spread: npt.ArrayLike) -> Array:
    """A soft spot of height 1 around a place; a spread of infinity ignores that axis."""
    away = (place - np.asarray(centre, dtype=np.float32)) / np.asarray(spread, dtype=np.float32)
    return np.exp(-0.5 * (away**2).sum(axis=-1)).astype(np.float32)


class Front:
    """Texels of the face by their place as seen from the front."""

    def __init__(self, canvas: Canvas) -> None:
        face = canvas.face
        seen = face.inside & face.outer & (face.normal[..., 2] > 0.15)
        self._rows, self._columns = np.nonzero(seen)
        place = face.place[seen]
        self._tree = cKDTree(place[:, :2])
        self._place = place
        self.size = len(face.place)

    def texels(self, places: npt.ArrayLike) -> Array:
        """(n, 2) texels (column, row) next to (n, 2) places (x, y)."""
        distance, which = self._tree.query(np.asarray(places, dtype=np.float32)[:, :2], k=4)
        # The mean of several is finer than one texel.
        share = 1 / (distance + 1e-4)
        share /= share.sum(axis=1, keepdims=True)
        where = np.stack([self._columns[which], self._rows[which]], axis=-1)
        return (where * share[..., None]).sum(axis=1).astype(np.float32)

    def line(self, places: npt.ArrayLike, width: float) -> Array:
        """(S, S) soft line of height 1 along a curve through (n, 2) places; width in texels."""
        curve = smooth_curve(self.texels(places), steps=8)
        return draw_line(self.size, curve, width)


def draw_line(size: int, curve: Array, width: float) -> Array:
    """A soft line of height 1 along (n, 2) texels; it thins out toward both ends."""
    canvas = np.zeros((size, size), dtype=np.uint8)
    points = np.round(curve * 16).astype(np.int32)
    strength = np.sin(np.linspace(0.12, np.pi - 0.12, max(len(points) - 1, 1)))
    for start, end, level in zip(points, points[1:], strength, strict=False):
        ink = int(255 * level)
        cv2.line(canvas, start.tolist(), end.tolist(), ink, 1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), max(width / 2, 0.3))
    highest = soft.max()
    return soft / highest if highest > 0 else soft


def fill(size: int, outline: Array, softness: float) -> Array:
    """(size, size) coverage of a closed outline of (n, 2) texels, its edge softened."""
    finer = 4
    canvas = np.zeros((size * finer, size * finer), dtype=np.uint8)
    points = np.round(((outline + 0.5) * finer - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, 4)
    covered = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    covered = covered.astype(np.float32) / 255
    return cv2.GaussianBlur(covered, (0, 0), softness) if softness > 0.2 else covered


def along(places: Array, curve: Array) -> tuple[Array, Array, Array]:
    """Where places lie relative to a curve.

    Parameters
    ----------
    places : (n, 3) float array
    curve : (m, 3) float array

    Returns
    -------
    share : (n,) float32 array
        Of the curve's length passed at the nearest point: 0 at its start, 1 at its end; it goes
        on beyond both ends along the curve's end pieces.
    above : (n,) float32 array
        Distance from the nearest point, positive upward.
    length : () float32 array
        Of the curve.
    """
    _, near = cKDTree(curve).query(places)
    piece = np.clip(near, 0, len(curve) - 2)
    forward = curve[piece + 1] - curve[piece]
    size = np.linalg.norm(forward, axis=1, keepdims=True)
    away = places - curve[piece]
    passed = (away * forward).sum(axis=1, keepdims=True) / size**2
    passed = np.where((near == 0)[:, None] & (passed < 0), passed, np.clip(passed, 0, None))
    before = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    share = (before[piece] + (passed * size)[:, 0]) / before[-1]
    rest = away - passed * forward
    above = np.sign(rest[:, 1]) * np.linalg.norm(rest, axis=1)
    return share.astype(np.float32), above.astype(np.float32), floats(before[-1])


def scatter(
    chart: Chart, count: int, radius: tuple[float, float], weight: Array, rng: np.random.Generator
) -> Array:
    """(S, S) sum of round dots at random places, denser where `weight` is larger.

    Parameters
    ----------
    chart : Chart
    count : int
    radius : (float, float)
        Smallest and largest, in shares of the side divided by 256.
    weight : (S, S) float array
    rng : numpy.random.Generator
    """
    size = len(chart.place)
    dots = np.zeros((size, size), dtype=np.float32)
    # Places are drawn on one grid, so that a person has the same dots at every size.
    unit = size / _GRID
    grid = ((np.arange(_GRID) + 0.5) * unit).astype(np.intp)
    weight = np.where(chart.inside, weight, 0)[np.ix_(grid, grid)].ravel()
    if not count or weight.sum() <= 0:
        return dots
    chosen = rng.choice(weight.size, size=count, p=weight / weight.sum())
    for place in np.stack(np.divmod(chosen, _GRID), axis=1):
        wide = unit * rng.uniform(*radius)
        row, column = (place + 0.5 + rng.uniform(-0.5, 0.5, 2)) * unit - 0.5
        reach = 2.5 * wide
        top, left = max(int(row - reach), 0), max(int(column - reach), 0)
        bottom, right = min(int(row + reach) + 2, size), min(int(column + reach) + 2, size)
        y, x = np.mgrid[top:bottom, left:right]
        y, x = y - row, x - column
        dots[top:bottom, left:right] += np.exp(-0.5 * (x**2 + y**2) / wide**2) * rng.uniform(
            0.4, 1.0
        )
    return dots
