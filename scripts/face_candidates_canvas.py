"""Training pictures for the face candidates: faces of many sizes strewn over backgrounds.

A canvas is what the network sees in use: a grey picture so small that faces are some 10 to 30
pixels wide. Photographs turned by a quarter or half turn serve as background, next to whatever
pictures without faces are at hand: they have everything a photograph has except upright faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

SIDE = 128
STRIDE = 4
KNOWN = (10.5, 26.0)  # widths of the faces that are to be marked
MEAN_SIZE = 17.0

NOTHING, FACE, UNDECIDED = 0, 1, 2


@dataclass(frozen=True)
class Photo:
    """A photograph at full size and halved again and again, with the boxes of its faces.

    `faces` holds rows of centre x, centre y, width, and FACE or UNDECIDED (a doubtful detection).
    """

    sizes: list[Pixels]
    faces: list[tuple[float, float, float, int]]


def photo(grey: Pixels, faces: list[tuple[float, float, float, int]]) -> Photo:
    """Prepare a grey picture for fast shrinking."""
    sizes = [grey]
    while min(sizes[-1].shape) > 24:
        sizes.append(cv2.resize(sizes[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return Photo(sizes, faces)


def _scaled(source: Photo, scale: float) -> Pixels:
    level = 0
    while scale < 0.5 and level < len(source.sizes) - 1:
        scale, level = scale * 2, level + 1
    grey = source.sizes[level]
    size = (max(4, round(grey.shape[1] * scale)), max(4, round(grey.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=way))


class Canvas:
    """A picture under way.

    Parameters
    ----------
    rng : numpy Generator
    small : float
        Share of faces drawn from the lower end of the sizes.
    visible : float
        A face of which less than this share is inside the canvas is UNDECIDED.
    """

    def __init__(self, rng: np.random.Generator, small: float, visible: float) -> None:
        self.rng = rng
        self.small = small
        self.visible = visible
        self.pixels: Pixels = np.full((SIDE, SIDE), rng.integers(0, 255), np.uint8)
        self.faces: list[list[float]] = []

    def paste(
        self, tile: Pixels, x: int, y: int, faces: list[tuple[float, float, float, int]]
    ) -> None:
        """Lay a tile on the canvas; faces that it covers are forgotten or UNDECIDED."""
        height, width = tile.shape
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, SIDE), min(y + height, SIDE)
        if right <= left or bottom <= top:
            return
        for face in self.faces:
            half = face[2] / 2
            across = min(right, face[0] + half) - max(left, face[0] - half)
            along = min(bottom, face[1] + half) - max(top, face[1] - half)
            if across > 0 and along > 0 and face[3] != NOTHING:
                covered = across * along / face[2] ** 2
                if covered > 0.08:
                    face[3] = NOTHING if covered > 0.85 else UNDECIDED
        self.pixels[top:bottom, left:right] = tile[top - y : bottom - y, left - x : right - x]
        for face_x, face_y, size, kind in faces:
            face_x, face_y = face_x + x, face_y + y
            across = min(face_x + size / 2, SIDE) - max(face_x - size / 2, 0)
            along = min(face_y + size / 2, SIDE) - max(face_y - size / 2, 0)
            seen = max(across, 0) * max(along, 0) / size**2
            if seen > 0.05:
                clear = kind == FACE and seen > self.visible and KNOWN[0] <= size <= KNOWN[1]
                self.faces.append([face_x, face_y, size, FACE if clear else UNDECIDED])

    def background(self, photos: list[Photo], empties: list[Photo]) -> None:
        """Lay a turned photograph, or one without faces, anywhere."""
        rng = self.rng
        if empties and rng.random() < 0.5:
            source = empties[rng.integers(len(empties))]
            scale = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
        else:
            source, scale = photos[rng.integers(len(photos))], rng.uniform(0.2, 1.6)
        tile = np.rot90(_scaled(source, scale), int(rng.integers(1, 4)))
        for axis in (0, 1):
            spare = tile.shape[axis] - 2 * SIDE
            if spare > 0:
                first = int(rng.integers(spare + 1))
                tile = tile.take(range(first, first + 2 * SIDE), axis)
        x = int(rng.integers(-tile.shape[1] // 2, SIDE - tile.shape[1] // 3))
        y = int(rng.integers(-tile.shape[0] // 2, SIDE - tile.shape[0] // 3))
        self.paste(np.ascontiguousarray(tile), x, y, [])

    def portrait(self, source: Photo) -> None:
        """Lay a photograph of a face anywhere: smaller, mirrored, turned, lit otherwise."""
        rng = self.rng
        low, high = (9.5, 30.0) if rng.random() >= self.small else (KNOWN[0], 15.0)
        if rng.random() < 0.1:
            low, high = 30.0, 120.0
        scale = float(np.exp(rng.uniform(np.log(low), np.log(high)))) / source.faces[0][2]
        tile = _scaled(source, scale)
        across = tile.shape[1] / source.sizes[0].shape[1]
        along = tile.shape[0] / source.sizes[0].shape[0]
        faces = [
            ((x + 0.5) * across, (y + 0.5) * along, s * scale, k) for x, y, s, k in source.faces
        ]
        if rng.random() < 0.5:
            tile = np.ascontiguousarray(tile[:, ::-1])
            faces = [(tile.shape[1] - x, y, s, k) for x, y, s, k in faces]
        if rng.random() < 0.5:
            angle = float(np.clip(rng.normal(0, 9), -22, 22))
            turn = cv2.getRotationMatrix2D(faces[0][:2], angle, 1)
            size = (tile.shape[1], tile.shape[0])
            tile = np.asarray(cv2.warpAffine(tile, turn, size, borderMode=cv2.BORDER_REFLECT_101))
            faces = [(*(turn @ (x, y, 1)), s, k) for x, y, s, k in faces]
        tile = self._relight(tile)
        if rng.random() < 0.5:  # cut closer
            x, y, s, _ = faces[0]
            reach = s * rng.uniform(0.6, 1.4)
            left, top = int(max(0, x - reach)), int(max(0, y - reach))
            tile = tile[top : int(y + reach), left : int(x + reach)]
            others = [(a - left, b - top, c, UNDECIDED) for a, b, c, _ in faces[1:]]
            faces = [(x - left, y - top, s, faces[0][3]), *others]
        if min(tile.shape) >= 4:
            x, y = (int(rng.uniform(0, SIDE) - centre) for centre in faces[0][:2])
            self.paste(np.ascontiguousarray(tile), x, y, faces)

    def _relight(self, tile: Pixels) -> Pixels:
        rng = self.rng
        light: Pixels = tile.astype(np.float32)
        if rng.random() < 0.5:
            light = 255 * (light / 255) ** np.exp(rng.normal(0, 0.45))
        if rng.random() < 0.6:
            mean = light.mean()
            light = (light - mean) * rng.uniform(0.25, 1.15) + mean + rng.normal(0, 25)
        if rng.random() < 0.2:
            light = light * np.linspace(rng.uniform(0.3, 1), rng.uniform(0.3, 1), tile.shape[1])
        return np.clip(light, 0, 255).astype(np.uint8)

    def finish(self) -> tuple[Pixels, Pixels]:
        """The picture, and for each cell its kind, the way to the face's centre and its size."""
        rng = self.rng
        pixels = self.pixels
        if rng.random() < 0.3:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 0.9)))
        if rng.random() < 0.3:
            noisy = pixels + rng.normal(0, rng.uniform(1, 10), pixels.shape)
            pixels = np.clip(noisy, 0, 255).astype(np.uint8)
        cells = SIDE // STRIDE
        target = np.zeros((4, cells, cells), np.float32)
        down, right = np.mgrid[0:cells, 0:cells] * STRIDE + 1.5
        nearest = np.full((cells, cells), np.inf)
        for x, y, size, kind in self.faces:
            far = np.maximum(np.abs(right + 0.5 - x), np.abs(down + 0.5 - y)) / size
            if kind == FACE:
                inside = (far < max(0.22, 2.2 / size)) & (far < nearest)
                target[0][(far < 0.45) & (target[0] == NOTHING)] = UNDECIDED
                target[0][inside] = FACE
                target[1][inside] = ((x - 0.5 - right) / size)[inside]
                target[2][inside] = ((y - 0.5 - down) / size)[inside]
                target[3][inside] = np.log(size / MEAN_SIZE)
                nearest[inside] = far[inside]
            elif kind == UNDECIDED:
                target[0][(far < 0.5) & (target[0] != FACE)] = UNDECIDED
        return pixels, target


def make_canvas(
    rng: np.random.Generator,
    photos: list[Photo],
    empties: list[Photo],
    *,
    small: float,
    visible: float,
) -> tuple[Pixels, Pixels]:
    """One training picture.

    Returns
    -------
    pixels : (128, 128) uint8 array
    target : (4, 32, 32) float32 array
        Kind (0 nothing, 1 face, 2 undecided); centre less cell, in widths of the face, x and y;
        logarithm of the width over 17 pixels.
    """
    canvas = Canvas(rng, small, visible)
    for _ in range(rng.integers(2, 5)):
        canvas.background(photos, empties)
    for _ in range(rng.integers(2, 9)):
        canvas.portrait(photos[rng.integers(len(photos))])
    return canvas.finish()
