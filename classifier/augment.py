"""One face as another photograph of the same expression might show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.mirror import mirrored_points
from landmarks.keypoints.augment import spoil
from landmarks.keypoints.crops import square

Array = NDArray[Any]

TURN = np.deg2rad(12)
SCALE = 0.08
SHIFT = 0.04
PLACED = 0.006
"""Largest turn, deviation of the size's logarithm, largest shift and deviation of each landmark in
sides of the square: somewhat more than alignment by placed landmarks is off."""

SPOILT = 0.6
"""Share of faces that are blurred, covered or the like: wrinkles must be seen in the others."""


def augment(
    image: Array, points: Array, other: Array, side: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A face turned, moved, mirrored, blurred, covered and compressed.

    Parameters
    ----------
    image : (S, S) or (S, S, 3) uint8 array
        A stored picture (`classifier.dataset`).
    points : (68, 2) float array
        Aligned landmarks in fractions of the square's side.
    other : uint8 array
        Another stored picture of the same kind; pieces of it cover parts of this one.
    side : int
        Of the square, in pixels.
    rng : numpy.random.Generator

    Returns
    -------
    face : (side, side) or (side, side, 3) uint8 array
    points : (68, 2) float array
        Still aligned: only mirrored, and each placed a little otherwise.
    """
    mirrored = bool(rng.random() < 0.5)
    turn = float(rng.uniform(-TURN, TURN))
    scale = float(np.exp(rng.normal(0, SCALE)))
    centre = (image.shape[0] - 1) / 2 + rng.uniform(-SHIFT, SHIFT, 2) * side
    crop = square(centre, side * scale, side, turn=turn, mirror=mirrored)
    if mirrored:
        points = mirrored_points(points)
    moved = points + rng.normal(0, PLACED, points.shape)
    face = crop.cut(image)
    return (spoil(face, other, rng) if rng.random() < SPOILT else face), moved


def middle(images: Array, side: int) -> Array:
    """The squares that a network sees, of (n, S, S[, 3]) stored pictures."""
    rim = (images.shape[1] - side) // 2
    return np.ascontiguousarray(images[:, rim : rim + side, rim : rim + side])
