"""Test pictures for the benchmarks, and the published way of finding landmarks in them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.detector import Box
from landmarks.models import SHAPE_PREDICTOR, model_file

Pixels = NDArray[Any]

_TRAINED_ON = 51
"""Persons whose name hashes to this or more may have been seen by what ships."""


def unseen(name: str) -> bool:
    """Whether the person of a file such as `anger/Al_Gore_0002.jpg` was never trained on.

    Persons are split by the first byte of the SHA-256 of their name; pictures that do not name
    their person (film stills) were not used for training at all.
    """
    stem = Path(name).stem
    person, _, number = stem.rpartition("_")
    named = len(number) == 4 and number.isdigit()
    return not named or hashlib.sha256(person.encode()).digest()[0] < _TRAINED_ON


def pictures_in(archive: str, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` JPEGs of persons never trained on, drawn from a zip file in a fixed order."""
    with zipfile.ZipFile(archive) as opened:
        names = sorted(n for n in opened.namelist() if n.endswith(".jpg") and unseen(n))
        drawn = np.random.default_rng(seed).permutation(len(names))[:count]
        for index in drawn:
            yield names[index], opened.read(names[index])


def decode(data: bytes) -> Pixels:
    """Pixels of a JPEG, (H, W, 3) in OpenCV's order of colours (it is written back unchanged)."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


class Published:
    """The published way: read, grey, HOG on the picture enlarged by 2, shape predictor."""

    def __init__(self) -> None:
        import dlib

        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(model_file(SHAPE_PREDICTOR)))

    def __call__(self, path: str | Path) -> list[tuple[Box, NDArray[np.float64]]]:
        """Boxes and landmarks of the faces in a file."""
        grey = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY)
        faces = []
        for found in self._detector(grey, 1):
            parts = self._predictor(grey, found).parts()
            box = Box(found.left(), found.top(), found.right(), found.bottom(), 0.0)
            faces.append((box, np.array([(part.x, part.y) for part in parts], dtype=np.float64)))
        return faces


def make_portraits(
    archive: str,
    backgrounds: list[str],
    size: tuple[int, int],
    count: int,
    folder: Path,
) -> list[Path]:
    """Write portraits: a photograph of a face, somewhere on a photograph without one.

    Parameters
    ----------
    archive : str
        Zip file of JPEGs that show one face each, cut so that it fills half the picture or more.
    backgrounds : list of str
        Photographs without a face; every second portrait is shown on one, in the others the
        photograph itself fills the picture.
    size : (int, int)
        Width and height of the portraits in pixels.
    count : int
        How many.
    folder : Path
        Where to write them, as JPEG with quality 90.

    Returns
    -------
    paths : list of Path
        The face is at least a sixth of the picture's width wide, as far as dlib can tell.
    """
    import dlib

    detector = dlib.get_frontal_face_detector()
    rng = np.random.default_rng(0)
    width, height = size
    grounds = [decode(Path(name).read_bytes()) for name in backgrounds]
    paths: list[Path] = []
    for _, data in pictures_in(archive, 3 * count):
        if len(paths) == count:
            break
        photo = decode(data)
        found = detector(photo, 1)
        if len(found) != 1 or found[0].width() < photo.shape[1] / 3:
            continue
        if len(paths) % 2 and grounds:
            ground = grounds[rng.integers(len(grounds))]
            canvas = _fill(ground, size, rng)
            wanted = width * float(np.exp(rng.uniform(np.log(1 / 6), np.log(1 / 3))))
            scale = min(wanted / found[0].width(), 0.98 * height / photo.shape[0])
            scale = max(scale, width / 6 / found[0].width())
            pasted = _resize(photo, scale)[:height, :width]
            top = int(rng.integers(height - pasted.shape[0] + 1))
            left = int(rng.integers(width - pasted.shape[1] + 1))
            canvas[top : top + pasted.shape[0], left : left + pasted.shape[1]] = pasted
        else:
            canvas = _fill(photo, size, None)
        if width > 1000:
            # Enlarged photographs are smoother than a camera's and would be decoded too fast.
            noise = np.empty(canvas.shape, np.int16)
            cv2.setRNGSeed(len(paths))
            cv2.randn(noise, (0, 0, 0), (4, 4, 4))
            canvas = cv2.add(canvas, noise, dtype=cv2.CV_8U)
        path = folder / f"portrait_{len(paths):05d}.jpg"
        cv2.imwrite(str(path), canvas, [cv2.IMWRITE_JPEG_QUALITY, 90])
        paths.append(path)
    return paths


def _resize(image: Pixels, scale: float) -> Pixels:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=way)


def _fill(image: Pixels, size: tuple[int, int], rng: np.random.Generator | None) -> Pixels:
    """`image` enlarged until it fills `size`: its middle, or a random part at twice that scale."""
    width, height = size
    scale = max(width / image.shape[1], height / image.shape[0]) * (1.001 if rng is None else 2)
    larger = _resize(image, scale)
    spare = larger.shape[0] - height, larger.shape[1] - width
    top, left = (
        (spare[0] // 2, spare[1] // 2)
        if rng is None
        else (int(rng.integers(spare[0] + 1)), int(rng.integers(spare[1] + 1)))
    )
    return larger[top : top + height, left : left + width].copy()
