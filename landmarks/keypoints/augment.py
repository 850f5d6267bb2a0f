"""One face as a detector and a poor camera might show it, and things that are no face.

Everything is a function of its arguments and the generator that is passed in. Stored pictures show
a face's square (`landmarks.keypoints.dataset`) and room around it: the square lies in the middle
and is as wide as the network's input.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.keypoints.crops import Crop, square

Array = NDArray[Any]


def augment(
    image: Array, points: Array, other: Array, side: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A face turned, moved, mirrored, blurred, covered and compressed.

    Parameters
    ----------
    image : (S, S) or (S, S, 3) uint8 array
        A stored picture.
    points : (68, 2) float array
        (x, y) in pixels of `image`.
    other : uint8 array
        Another stored picture of the same kind; pieces of it cover parts of this one.
    side : int
        Of the network's input.
    rng : numpy.random.Generator

    Returns
    -------
    crop : (side, side) or (side, side, 3) uint8 array
    fractions : (68, 2) float array
        Of the crop's side.
    """
    crop, mirrored = jitter(image.shape[0], side, rng)
    moved = crop.to_crop(points)
    if mirrored:
        moved = moved[scheme.MIRROR]
    return spoil(crop.cut(image), other, rng), moved


def jitter(stored: int, side: int, rng: np.random.Generator) -> tuple[Crop, bool]:
    """A crop as far off as detectors' boxes are, and whether it is mirrored.

    Parameters
    ----------
    stored, side : int
        Sides of the stored picture and of the crop, in pixels.
    rng : numpy.random.Generator
    """
    turn = np.deg2rad(rng.uniform(-30, 30)) if rng.random() < 0.7 else 0.0
    scale = float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    shift = rng.uniform(-0.1, 0.1, 2) * side
    mirrored = bool(rng.random() < 0.5)
    centre = (stored - 1) / 2 + shift
    return square(centre, side * scale, side, turn=turn, mirror=mirrored), mirrored


def detector_jitter(stored: int, side: int, rng: np.random.Generator) -> Crop:
    """A crop somewhat farther off than dlib's boxes are from the typical one.

    Deviations: 4.5 % of the crop's side on each axis (of dlib's boxes 3.3 %), 11 % of its size.
    """
    shift = np.clip(rng.normal(0, 0.045, 2), -0.15, 0.15) * side
    scale = float(np.exp(np.clip(rng.normal(0, 0.11), -0.3, 0.3)))
    return square((stored - 1) / 2 + shift, side * scale, side)


def augment_lightly(
    image: Array, points: Array, side: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """What the published recipes do to a face: a turn up to 10°, brightness and contrast.

    Parameters and returned values are those of `augment`.
    """
    turn = np.deg2rad(rng.uniform(-10, 10))
    crop = square(((image.shape[0] - 1) / 2,) * 2, side, side, turn=turn)
    values = crop.cut(image)
    light, contrast = rng.uniform(0.7, 1.3, 2)
    return _through_table(values, float(contrast), float(light)), crop.to_crop(points)


def no_face(image: Array, other: Array, side: int, rng: np.random.Generator) -> Array:
    """A crop of a stored picture that does not frame its face.

    Parameters
    ----------
    image, other : uint8 arrays
        Stored pictures.
    side : int
        Of the network's input.
    rng : numpy.random.Generator

    Returns
    -------
    crop : (side, side) or (side, side, 3) uint8 array
        The face beside it, a detail of it, too far away, on its side or upside down; or its pieces
        in disorder.
    """
    middle = np.full(2, (image.shape[0] - 1) / 2)
    kind = int(rng.integers(5))
    turn, scale, shift = 0.0, float(rng.uniform(0.7, 1.3)), np.zeros(2)
    if kind == 0:
        away = rng.uniform(0, 2 * np.pi)
        shift = side * rng.uniform(0.6, 0.9) * np.array([np.cos(away), np.sin(away)])
    elif kind == 1:
        scale = float(rng.uniform(0.1, 0.4))
        shift = rng.uniform(-0.4, 0.4, 2) * side
    elif kind == 2:
        scale = float(rng.uniform(2.2, 4.0))
        shift = rng.uniform(-0.4, 0.4, 2) * side * scale
    elif kind == 3:
        turn = float(rng.uniform(np.pi / 2, 3 * np.pi / 2))
    crop = square(middle + shift, side * scale, side, turn=turn, mirror=bool(rng.random() < 0.5))
    values = crop.cut(image)
    if kind == 4:
        values = _shuffled(values, rng)
    return spoil(values, other, rng)


def piece(picture: Array, side: int, rng: np.random.Generator) -> Array:
    """A random square of a picture without faces, from 24 pixels on.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 array
    side : int
        Of the network's input.
    rng : numpy.random.Generator
    """
    height, width = picture.shape[:2]
    longest = min(height, width)
    extent = longest * float(rng.uniform(min(24 / longest, 1), 1))
    low, high = np.full(2, extent / 2 - 0.5), np.array([width, height]) - extent / 2 - 0.5
    crop = square(rng.uniform(low, high), extent, side, mirror=bool(rng.random() < 0.5))
    return spoil(crop.cut(picture), picture, rng)


def _shuffled(values: Array, rng: np.random.Generator) -> Array:
    across = int(rng.integers(2, 5))
    edge = values.shape[0] // across
    mixed = values.copy()
    for place, source in enumerate(rng.permutation(across**2)):
        (row, column), (top, left) = divmod(place, across), divmod(int(source), across)
        mixed[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge] = values[
            top * edge : (top + 1) * edge, left * edge : (left + 1) * edge
        ]
    return mixed


def spoil(values: Array, other: Array, rng: np.random.Generator) -> Array:
    """Blur, colours, noise, a covered part, compression: nothing that moves a point.

    Parameters
    ----------
    values : (side, side) or (side, side, 3) uint8 array
    other : uint8 array
        A picture of which a piece may cover a part.
    rng : numpy.random.Generator

    Returns
    -------
    spoiled : uint8 array
    """
    if rng.random() < 0.4:
        values = _blurred(values, rng)
    if values.ndim == 3:
        values = _coloured(values, rng)
    contrast, light = np.exp(rng.normal(0, 0.25, 2))
    values = _through_table(values, float(contrast), float(light))
    if rng.random() < 0.3:
        noise = np.float32(rng.uniform(2, 12)) * rng.standard_normal(values.shape, np.float32)
        values = np.clip(values + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        values = _covered(values, other, rng)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
        data = cv2.imencode(".jpg", values, quality)[1]
        values = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    return values


def _blurred(values: Array, rng: np.random.Generator) -> Array:
    side = values.shape[0]
    if rng.random() < 0.5:
        # As wide as the camera's, in any size of input.
        return cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.4, 1.8)) * side / 96)
    less = max(2, int(side * rng.uniform(0.3, 0.8)))
    small = cv2.resize(values, (less, less), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)


def _coloured(values: Array, rng: np.random.Generator) -> Array:
    grey = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    if rng.random() < 0.25:
        return np.repeat(grey, 3, axis=2).astype(np.uint8)
    mixed = grey + (values - grey) * np.float32(rng.uniform(0.5, 1.4))
    mixed *= rng.uniform(0.85, 1.15, 3).astype(np.float32)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _through_table(values: Array, contrast: float, light: float) -> Array:
    mean = float(values.mean())
    table = np.clip((np.arange(256) - mean) * contrast + mean * light, 0, 255)
    return cv2.LUT(values, table.round().astype(np.uint8))


def _covered(values: Array, other: Array, rng: np.random.Generator) -> Array:
    """Cover a part with one shade, or with a piece of another picture."""
    values, side = values.copy(), values.shape[0]
    width, height = (int(n) for n in rng.integers(side // 10, side // 2, 2))
    left, top = (int(rng.integers(-n // 2, side - n // 2)) for n in (width, height))
    part = values[max(top, 0) : top + height, max(left, 0) : left + width]
    if rng.random() < 0.5:
        part[:] = rng.integers(0, 256, values.shape[2:])
        return values
    room = [max(1, other.shape[k] - part.shape[k]) for k in (0, 1)]
    y, x = (int(rng.integers(n)) for n in room)
    patch = other[y : y + part.shape[0], x : x + part.shape[1]]
    part[: patch.shape[0], : patch.shape[1]] = patch
    return values
