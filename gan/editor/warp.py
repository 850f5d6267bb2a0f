"""A dense, smooth warp that takes a face's landmarks to other places."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.region import region
from gan.editor.square import SIDE

_GRID = 64
# The spline is evaluated on a grid of so many steps and interpolated between: 2 pixels apart.
_STIFF = 2.0
# Added to the spline's diagonal (pixels² log pixels): two landmarks that fall together, or noise
# between neighbours, do not tear the face.
_ANCHORS = 20
# On each side of the square, where nothing moves.


def backward_map(source: ArrayLike, wanted: ArrayLike) -> NDArray[np.float32]:
    """Where each pixel of the warped face comes from.

    Parameters
    ----------
    source, wanted : (68, 2) array_like
        Landmarks before and after, in pixels of the square.

    Returns
    -------
    coordinates : (SIDE, SIDE, 2) float32 array
        (x, y) in the source square, as `cv2.remap` takes them; a pixel outside of
        `gan.editor.region.region` comes from itself.

    Notes
    -----
    Thin-plate spline through the landmarks and through fixed points on the square's edge, times
    the region, so that it ends where the region does. Equal landmarks give the identity.

    References
    ----------
    Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 11 (6), 1989.
    """
    before, after = np.asarray(source, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    knots = np.concatenate([after, _anchors()])
    moves = np.concatenate([before - after, np.zeros_like(_anchors())])
    coarse = _spline(knots, moves)
    dense = cv2.warpAffine(
        coarse,
        np.array([[_GRID / SIDE, 0, 0], [0, _GRID / SIDE, 0]]),
        (SIDE, SIDE),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return identity() + dense * region(before, after)[..., None]


def _spline(knots: NDArray[np.float64], moves: NDArray[np.float64]) -> NDArray[np.float32]:
    """Displacements (G, G, 2) on the grid that the spline through knots (n, 2) has."""
    count = len(knots)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(((knots[:, None] - knots) ** 2).sum(axis=2))
    system[np.arange(count), np.arange(count)] += _STIFF
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = knots
    system[count + 1 :, :count] = knots.T
    solved = np.linalg.solve(system, np.concatenate([moves, np.zeros((3, 2))]))
    grid = _coarse()
    squares = (grid**2).sum(axis=1)[:, None] + (knots**2).sum(axis=1) - 2 * grid @ knots.T
    bent = _kernel(squares.astype(np.float32)) @ solved[:count].astype(np.float32)
    flat = solved[count] + grid @ solved[count + 1 :]
    return (bent + flat).astype(np.float32).reshape(_GRID, _GRID, 2)


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


def warp(square: NDArray[np.uint8], coordinates: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A square (SIDE, SIDE, 3) seen through a backward map."""
    warped = cv2.remap(square, coordinates, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)
