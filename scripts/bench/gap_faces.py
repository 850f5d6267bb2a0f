"""Faces for `people_gap`: photographs and synthetic people, all cut out in the same way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from data.youtube_faces import YOUTUBE_SHIFT as YOUTUBE_SHIFT
from data.youtube_faces import youtube_photos
from landmarks import scheme
from landmarks.errors import InputError
from landmarks.image import Picture, crop
from landmarks.samples import split_of
from landmarks.shards import read_shards

Array = NDArray[Any]

INPUT = 96
"""Side of the network's input in pixels."""
STORED = 144
"""Side of what is kept of a picture: the input in its middle, and room to move and turn it."""
MARGIN = 1.3
"""Side of the true box, divided by the larger side of the points' bounding box."""


class Faces(NamedTuple):
    """Cut-out faces.

    Attributes
    ----------
    images : (n, STORED, STORED, 3) uint8 array
        RGB.
    points : (n, 68, 2) float32 array
        (x, y) in pixels of `images`.
    names : list of str
    """

    images: Array
    points: Array
    names: list[str]

    def take(self, rows: Array) -> Faces:
        """Some of the faces."""
        return Faces(self.images[rows], self.points[rows], [self.names[row] for row in rows])

    def joined(self, others: Faces) -> Faces:
        """These faces and others."""
        return Faces(
            np.concatenate([self.images, others.images]),
            np.concatenate([self.points, others.points]),
            self.names + others.names,
        )

    def inputs(self) -> Array:
        """(n, INPUT, INPUT, 3) uint8: each face in its true box."""
        edge = (STORED - INPUT) // 2
        return self.images[:, edge:-edge, edge:-edge]


def cut_out(image: Array, points: Array) -> tuple[Array, Array]:
    """A face in the square around its points, with room around it.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    points : (68, 2) float array
        (x, y) in pixels of `image`.

    Returns
    -------
    image : (STORED, STORED, 3) uint8 array
    points : (68, 2) float array
        In pixels of the returned image.
    """
    low, high = points.min(axis=0) + 0.5, points.max(axis=0) + 0.5
    half = MARGIN * float((high - low).max()) * STORED / INPUT / 2
    x, y = (low + high) / 2
    return crop(image, points, (x - half, y - half, x + half, y + half), (STORED, STORED))


def gather(faces: Iterable[tuple[str, Array, Array]], where: str) -> Faces:
    """Cut out faces.

    Parameters
    ----------
    faces : iterable of (name, image, points)
    where : str
        What they come from, for the error.

    Returns
    -------
    faces : Faces

    Raises
    ------
    InputError
        There is none.
    """
    images, points, names = [], [], []
    for name, image, face in faces:
        cut, moved = cut_out(image, face)
        images.append(cut)
        points.append(moved.astype(np.float32))
        names.append(name)
    if not names:
        raise InputError(f"{where} has no face")
    return Faces(np.stack(images), np.stack(points), names)


def youtube_faces(path: str) -> dict[str, Faces]:
    """YouTube Faces by persons: 'train', 'validation' and 'test'."""
    found: dict[str, list[tuple[str, Array, Array]]] = {}
    for photo in youtube_photos(path).stream():
        if photo.problem is not None:
            raise InputError(photo.problem)
        image = Picture(photo.source, data=photo.data).rgb()
        name = photo.source.removeprefix(f"{path}/")
        found.setdefault(split_of(photo.person), []).append((name, image, np.asarray(photo.points)))
    return {split: gather(faces, f"{path} ({split})") for split, faces in found.items()}


def helen_faces(path: str) -> dict[str, Faces]:
    """HELEN as published: 'train' (for the mean offsets alone) and 'test'."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".pts"))
            return {
                split: gather(
                    (
                        (
                            name,
                            Picture(name, data=archive.read(name[:-4] + ".jpg")).rgb(),
                            _pts(archive.read(name), f"{path}/{name}"),
                        )
                        for name in names
                        if f"{split}set/" in name
                    ),
                    f"{path} ({split}set)",
                )
                for split in ("train", "test")
            }
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _pts(data: bytes, name: str) -> Array:
    inside = data.partition(b"{")[2].partition(b"}")[0]
    points = np.loadtxt(io.BytesIO(inside), ndmin=2)
    if points.shape != (scheme.COUNT, 2):
        raise InputError(f"{name} has points of shape {points.shape}: expected (68, 2)")
    return points - 1


def synthetic_faces(paths: list[str], limit: int | None = None) -> Faces:
    """The first `limit` pictures of shards, or all."""

    def stream() -> Iterable[tuple[str, Array, Array]]:
        for number, sample in enumerate(read_shards(paths)):
            if number == limit:
                return
            yield sample.key, sample.image, sample.points

    return gather(stream(), ", ".join(paths))


def augment(faces: Faces, row: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One face as a detector and a poor camera might show it.

    Parameters
    ----------
    faces : Faces
    row : int
    rng : numpy.random.Generator

    Returns
    -------
    image : (INPUT, INPUT, 3) uint8 array
    points : (68, 2) float32 array
        In pixels of the returned image.
    """
    matrix, mirrored = _jitter(rng)
    image = cv2.warpAffine(
        faces.images[row], matrix, (INPUT, INPUT), borderMode=cv2.BORDER_REPLICATE
    )
    points = faces.points[row] @ matrix[:, :2].T + matrix[:, 2]
    if mirrored:
        points = points[scheme.MIRROR]
    if rng.random() < 0.4:
        image = _blur(image, rng)
    image = _colors(image, rng)
    if rng.random() < 0.4:
        image = _cover(image, faces, rng)
    if rng.random() < 0.3:
        image = _compress(image, rng)
    return image, points.astype(np.float32)


def _jitter(rng: np.random.Generator) -> tuple[Array, bool]:
    """Affine map from a stored picture to the input, and whether it mirrors."""
    angle = np.deg2rad(rng.uniform(-30, 30)) if rng.random() < 0.7 else 0.0
    scale = float(np.exp(rng.normal(0, 0.1)))
    stretch = float(np.exp(rng.normal(0, 0.03)))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([stretch, 1 / stretch])
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    shift = (INPUT - 1) / 2 + rng.normal(0, 0.04 * INPUT, 2)
    middle = np.full(2, (STORED - 1) / 2)
    return np.concatenate([turn, (shift - turn @ middle)[:, None]], axis=1), mirrored


def _blur(image: Array, rng: np.random.Generator) -> Array:
    if rng.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.8)))
    side = int(INPUT * rng.uniform(0.3, 0.8))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (INPUT, INPUT), interpolation=cv2.INTER_LINEAR)


def _colors(image: Array, rng: np.random.Generator) -> Array:
    values = image.astype(np.float32)
    if rng.random() < 0.25:
        values[:] = values @ np.array([[0.299], [0.587], [0.114]], np.float32)
    else:
        grey = values.mean(axis=2, keepdims=True)
        values = grey + (values - grey) * np.float32(rng.uniform(0.5, 1.4))
        values *= rng.uniform(0.85, 1.15, 3).astype(np.float32)
    mean = values.mean()
    contrast, light = np.exp(rng.normal(0, 0.25)), rng.normal(0, 25)
    values = (values - mean) * np.float32(contrast) + np.float32(mean + light)
    if rng.random() < 0.3:
        sigma = np.float32(rng.uniform(2, 14))
        values += sigma * rng.standard_normal(values.shape, np.float32)
    return np.clip(values, 0, 255).astype(np.uint8)


def _cover(image: Array, faces: Faces, rng: np.random.Generator) -> Array:
    """Cover a part with one colour, or with a piece of another picture."""
    image = image.copy()
    width, height = rng.integers(INPUT // 10, INPUT // 2, 2)
    left, top = rng.integers(-width // 2, INPUT - width // 2), rng.integers(0, INPUT - height // 2)
    part = image[top : top + height, max(left, 0) : left + width]
    if rng.random() < 0.5:
        part[:] = rng.integers(0, 256, 3)
    else:
        other = faces.images[rng.integers(len(faces.names))]
        part[:] = other[: part.shape[0], : part.shape[1]]
    return image


def _compress(image: Array, rng: np.random.Generator) -> Array:
    quality = int(rng.integers(15, 70))
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
