"""What is behind people: plain, graded, blurred blobs, lights out of focus, rooms, leaves."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]


def _colour(rng: np.random.Generator, saturation: float = 0.5) -> Float:
    """(3,) linear RGB; most surfaces are of little colour and rather dark."""
    hue = rng.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
    strength = saturation * rng.random() ** 1.7
    value = np.exp(rng.uniform(np.log(0.03), np.log(0.9)))
    return (value * (1 + strength * np.cos(hue))).astype(np.float32)


def _noise(rng: np.random.Generator, size: int, cells: float) -> Float:
    """(size, size) smooth noise of mean 0 and about unit spread, `cells` waves across."""
    count = max(2, round(cells) + 1)
    coarse = rng.standard_normal((count, count)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def _blur(image: Float, share: float) -> Float:
    """Gaussian whose width is a share of the picture's."""
    return cv2.GaussianBlur(image, (0, 0), max(share * image.shape[0], 0.3))


def _plain(rng: np.random.Generator, size: int) -> Float:
    wall = np.ones((size, size, 3), np.float32) * _colour(rng)
    return wall * (1 + 0.03 * _noise(rng, size, rng.uniform(2, 12)))[..., None]


def _graded(rng: np.random.Generator, size: int) -> Float:
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    share = np.clip(np.cos(angle) * x + np.sin(angle) * y + 0.5, 0, 1)[..., None]
    vignette = 1 - rng.uniform(0, 1) * (x * x + y * y)[..., None]
    return ((1 - share) * _colour(rng) + share * _colour(rng)) * vignette


def _blobs(rng: np.random.Generator, size: int) -> Float:
    image = np.ones((size, size, 3), np.float32) * _colour(rng)
    for _ in range(rng.integers(4, 14)):
        centre = rng.uniform(0, size, 2).astype(int).tolist()
        axes = (rng.uniform(0.05, 0.35, 2) * size).astype(int) + 1
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(image, centre, axes.tolist(), turn, 0, 360, _colour(rng).tolist(), -1)
    return _blur(image, rng.uniform(0.01, 0.08))


def _bokeh(rng: np.random.Generator, size: int) -> Float:
    image = _blur(_blobs(rng, size) * rng.uniform(0.1, 0.6), 0.05)
    radius = rng.uniform(0.015, 0.06) * size
    lights = np.zeros_like(image)
    for _ in range(rng.integers(5, 40)):
        disc = np.zeros((size, size), np.float32)
        centre = (rng.uniform(0, size, 2) * 8).astype(int).tolist()
        cv2.circle(
            disc, centre, int(radius * rng.uniform(0.7, 1.3) * 8) + 1, 1.0, -1, cv2.LINE_AA, 3
        )
        lights += disc[..., None] * _colour(rng, 0.9) * rng.uniform(0.3, 1.5)
    return image + _blur(lights, 0.004)


def _room(rng: np.random.Generator, size: int) -> Float:
    image = np.ones((size, size, 3), np.float32) * _colour(rng, 0.3)
    floor = int(rng.uniform(0.5, 1.1) * size)
    image[min(floor, size) :] = _colour(rng, 0.3)
    for _ in range(rng.integers(2, 10)):
        low = rng.uniform(-0.2, 0.9, 2)
        high = low + rng.uniform(0.08, 0.5, 2)
        (x0, y0), (x1, y1) = (np.clip(corner, 0, 1) * size for corner in (low, high))
        colour = _colour(rng) * (4 if rng.random() < 0.15 else 1)
        image[int(y0) : int(y1), int(x0) : int(x1)] = colour
        if rng.random() < 0.4:  # shelves, books, blinds
            period = max(2, int(rng.uniform(0.02, 0.12) * size))
            axis = rng.integers(2)
            stripes = np.arange(size) // period % 2 == 0
            patch = image[int(y0) : int(y1), int(x0) : int(x1)]
            chosen = stripes[: patch.shape[axis]]
            patch[chosen if axis == 0 else (slice(None), chosen)] *= rng.uniform(0.3, 0.9)
    shade = 1 + 0.2 * _noise(rng, size, 2)[..., None]
    return _blur(image * shade.clip(0.2), rng.uniform(0.002, 0.04))


def _leaves(rng: np.random.Generator, size: int) -> Float:
    dark, bright = _colour(rng) * 0.3, _colour(rng)
    if rng.random() < 0.7:
        dark, bright = np.array([0.02, 0.05, 0.01]), np.array([0.25, 0.4, 0.1])
    level = np.zeros((size, size), np.float32)
    for octave in range(1, 6):
        level += _noise(rng, size, 3 * 2**octave) / 1.5**octave
    share = 1 / (1 + np.exp(-2 * (level - rng.uniform(-0.5, 1))))[..., None]
    image = (1 - share) * dark + share * bright
    return _blur(image.astype(np.float32), rng.uniform(0.002, 0.03))


KINDS: dict[str, tuple[float, Callable[[np.random.Generator, int], Float]]] = {
    "plain": (0.15, _plain),
    "graded": (0.15, _graded),
    "blobs": (0.2, _blobs),
    "bokeh": (0.1, _bokeh),
    "room": (0.28, _room),
    "leaves": (0.12, _leaves),
}
"""Name → how often, and what makes it."""


def draw_background(rng: np.random.Generator, size: int) -> tuple[str, Float]:
    """A background, at random.

    Returns
    -------
    kind : str
        One of `KINDS`.
    image : (size, size, 3) float32 array
        Linear RGB as exposed: 1 is white.
    """
    names = list(KINDS)
    kind = str(rng.choice(names, p=[KINDS[name][0] for name in names]))
    image = KINDS[kind][1](rng, size) * rng.uniform(0.5, 1.3)
    return kind, np.clip(image, 0, 4).astype(np.float32)
