"""Faces that tests draw: an oval, and a mark at each landmark; and shards of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.samples import Sample, encode_sample, split_of
from landmarks.shard_set import writing_set


def _ring(x: float, y: float, width: float, height: float, angles: NDArray) -> NDArray:
    turned = np.radians(angles)
    return np.stack([x + width * np.cos(turned), y + height * np.sin(turned)], axis=1)


def drawn_points() -> NDArray[np.float64]:
    """(68, 2): a plausible face, about two units wide, around 0."""
    jaw = _ring(0, -0.1, 1, 1.2, np.linspace(180, 0, 17))
    brow = np.stack([np.linspace(-0.8, -0.2, 5), [-0.5, -0.6, -0.63, -0.6, -0.55]], axis=1)
    mirrored = brow[::-1] * [-1, 1]
    bridge = np.stack([np.zeros(4), np.linspace(-0.35, 0.1, 4)], axis=1)
    nostrils = np.stack([np.linspace(-0.18, 0.18, 5), [0.2, 0.23, 0.25, 0.23, 0.2]], axis=1)
    lids = np.array([180, 240, 300, 360, 60, 120])
    eyes = [_ring(x, -0.35, 0.17, 0.07, lids) for x in (-0.45, 0.45)]
    outer = _ring(0, 0.55, 0.35, 0.15, 180 + 30 * np.arange(12))
    inner = _ring(0, 0.55, 0.25, 0.06, 180 + 45 * np.arange(8))
    return np.concatenate([jaw, brow, mirrored, bridge, nostrils, *eyes, outer, inner])


def drawn_face(seed: int, side: int = 160) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture and its points: place, size and shades follow from the seed."""
    rng = np.random.default_rng(seed)
    points = drawn_points() * rng.uniform(0.9, 1.1, 2) * side * 0.22
    points = points + side / 2 + rng.uniform(-5, 5, 2)
    image = np.full((side, side, 3), rng.integers(20, 90, 3), np.uint8)
    centre, half = points.mean(axis=0), np.ptp(points, axis=0) / 2 * 1.15
    middle = (round(centre[0]), round(centre[1]))
    skin = tuple(int(value) for value in rng.integers(140, 230, 3))
    cv2.ellipse(image, middle, (round(half[0]), round(half[1])), 0, 0, 360, skin, -1)
    for x, y in points:
        cv2.circle(image, (round(x), round(y)), 2, (10, 10, 10), -1)
    return image, points


def persons(split: str, count: int) -> list[str]:
    """The first names that the rule puts into a split."""
    found = (f"person{number}" for number in range(10_000))
    return [name for name in found if split_of(name) == split][:count]


def write_faces(
    target: Path, *, train: int = 4, validation: int = 2, test: int = 1, side: int = 160
) -> Path:
    """Shards with one face of each of so many persons."""
    names = [
        *persons("train", train),
        *persons("validation", validation),
        *persons("test", test),
    ]
    with writing_set(target, {"source": "drawn"}) as shards:
        for seed, name in enumerate(names):
            image, points = drawn_face(seed, side)
            sample = Sample(f"{seed:06d}", image, points, None, None, {"person": name})
            shards.add(sample.key, encode_sample(sample))
    return target
