"""A dense, smooth warp that takes a face's landmarks to other places."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.mouth import LOWER, UPPER, Mouth, layered, mouth, parted
from gan.editor.region import region
from gan.editor.square import SIDE, into
from landmarks import scheme

Plane = NDArray[np.float32]

_GRID = 64
# The spline is evaluated on a grid of so many steps and interpolated between: 2 pixels apart.
_STIFF = 2.0
# Added to the spline's diagonal (pixels² log pixels): two landmarks that fall together, or noise
# between neighbours, do not tear the face.
_ANCHORS = 20
# On each side of the square, where nothing moves.
_LANDMARKS = np.arange(scheme.COUNT)
_LIPS = [*scheme.REGIONS["outer_lips"], *scheme.REGIONS["inner_lips"]]


class Moves(NamedTuple):
    """Where each pixel of an edited face comes from.

    Attributes
    ----------
    face : (SIDE, SIDE, 2) float32 array
        (x, y) in the source square, as `cv2.remap` takes them; a pixel outside of
        `gan.editor.region.region` comes from itself.
    mouth : Mouth or None
        The layers behind and beside it; None where the lips stay as they are.
    """

    face: Plane
    mouth: Mouth | None = None

    def whole(self) -> Plane:
        """One map (SIDE, SIDE, 2) of all layers; it jumps where they meet."""
        if self.mouth is None:
            return self.face
        lower, inside = self.mouth.lower, into(self.mouth.inside, identity())
        lip, opening = (plane[..., None] > 0 for plane in (self.mouth.lip, self.mouth.opening))
        one = np.where(opening, inside, np.where(lip, lower, self.face))
        return np.asarray(one, dtype=np.float32)


def moves(square: NDArray[np.uint8], source: ArrayLike, wanted: ArrayLike) -> Moves:
    """The way from landmarks to other landmarks.

    Parameters
    ----------
    square : (SIDE, SIDE, 3) uint8 array
        The source face, RGB.
    source, wanted : (68, 2) array_like
        Landmarks before and after, in pixels of the square.

    Notes
    -----
    Thin-plate splines through the landmarks and through fixed points on the square's edge, times
    the region, so that they end where the region does. Equal landmarks give the identity. One
    spline knows nothing of the lower lip's inner edge, the other nothing of the upper one's: so
    that lips can part and meet without tearing.

    References
    ----------
    Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 11 (6), 1989.
    """
    before = parted(np.asarray(source, dtype=np.float64))
    after = parted(np.asarray(wanted, dtype=np.float64))
    share = region(before, after)[..., None]
    knots = np.concatenate([after, _anchors()])
    shifts = np.concatenate([before - after, np.zeros_like(_anchors())])
    if (before[_LIPS] == after[_LIPS]).all():
        return Moves(identity() + _splines(knots, shifts, [()]) * share)
    dense = _splines(knots, shifts, [_LANDMARKS[LOWER], _LANDMARKS[UPPER]])
    face, lower = (identity() + one * share for one in np.split(dense, 2, axis=2))
    return Moves(face, mouth(square, before, after, lower))


def _splines(
    knots: NDArray[np.float64],
    shifts: NDArray[np.float64],
    without: Sequence[NDArray[np.int_] | tuple[()]],
) -> Plane:
    """Displacements (SIDE, SIDE, 2 S) of S splines, each through knots (n, 2) without some."""
    bends = _kernel(((knots[:, None] - knots) ** 2).sum(axis=2))
    bends[np.arange(len(knots)), np.arange(len(knots))] += _STIFF
    bent = np.zeros((len(knots), 2 * len(without)), np.float32)
    flat = np.zeros((3, 2 * len(without)))
    for number, left_out in enumerate(without):
        part = np.delete(np.arange(len(knots)), left_out)
        count, columns = len(part), slice(2 * number, 2 * number + 2)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = bends[np.ix_(part, part)]
        system[:count, count] = system[count, :count] = 1
        system[:count, count + 1 :] = knots[part]
        system[count + 1 :, :count] = knots[part].T
        solved = np.linalg.solve(system, np.concatenate([shifts[part], np.zeros((3, 2))]))
        bent[part, columns], flat[:, columns] = solved[:count], solved[count:]
    grid = _coarse()
    squares = (grid**2).sum(axis=1)[:, None] + (knots**2).sum(axis=1) - 2 * grid @ knots.T
    moved = _kernel(squares.astype(np.float32)) @ bent + flat[0] + grid @ flat[1:]
    dense = cv2.warpAffine(
        moved.astype(np.float32).reshape(_GRID, _GRID, -1),
        np.array([[_GRID / SIDE, 0, 0], [0, _GRID / SIDE, 0]]),
        (SIDE, SIDE),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(dense, dtype=np.float32)


def _kernel(squares: NDArray[np.floating]) -> NDArray[np.floating]:
    """r² log r of squared distances."""
    squares = np.maximum(squares, 1e-6)
    return squares * np.log(squares) / 2


@functools.cache
def _coarse() -> NDArray[np.float64]:
    """Places (G², 2) of the grid in the square."""
    one = np.arange(_GRID) * (SIDE / _GRID)
    return np.stack(np.meshgrid(one, one), axis=-1).reshape(-1, 2)


@functools.cache
def _anchors() -> NDArray[np.float64]:
    one = np.linspace(0, SIDE - 1, _ANCHORS + 1)[:-1]
    zero, last = np.zeros_like(one), np.full_like(one, SIDE - 1)
    sides = [(one, zero), (last, one), (last - one, last), (zero, last - one)]
    return np.concatenate([np.stack(side, axis=1) for side in sides])


@functools.cache
def identity() -> NDArray[np.float32]:
    """The map (SIDE, SIDE, 2) that moves nothing; one array for all, not to be written to."""
    one = np.arange(SIDE, dtype=np.float32)
    same = np.stack(np.meshgrid(one, one), axis=-1)
    same.flags.writeable = False
    return same


def warp(square: NDArray[np.uint8], moved: Moves) -> NDArray[np.uint8]:
    """A square (SIDE, SIDE, 3) with its pixels moved."""

    def seen(coordinates: Plane) -> Plane:
        found = cv2.remap(
            square, coordinates, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found)

    face = seen(moved.face)
    if moved.mouth is None or (box := moved.mouth.box(1.0)) is None:
        return np.asarray(face, dtype=np.uint8)
    layers = moved.mouth
    inside = into(layers.inside, identity()[box]).astype(np.float32)
    part = layered(
        face[box].astype(np.float32),
        seen(layers.lower[box]).astype(np.float32),
        seen(inside).astype(np.float32),
        (layers.lip[box], layers.opening[box], layers.seen[box]),
        layers.dark,
        1.0,
    )
    face[box] = np.clip(np.rint(part), 0, 255)
    return np.asarray(face, dtype=np.uint8)
