"""Face detectors behind one interface: dlib's HOG, dlib's CNN, OpenCV's frontal-face cascade."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.errors import InputError
from landmarks.models import CNN_DETECTOR, model_file

DETECTORS = ("hog", "cnn", "haar")

HOG_WINDOW = 73
"""Width in pixels of the narrowest box that dlib's HOG detector gives without upsampling."""

_CASCADE = "haarcascade_frontalface_default.xml"
_CNN_PIXELS = 2_000_000
# dlib's boxes are a little narrower than the cascade's and lie lower, in widths of its boxes
# (means over 452 faces of the photographs that `landmarks.candidates` was trained on).
_HAAR_WIDTH = 0.96
_HAAR_LOWER = 0.08


@dataclass(frozen=True)
class Box:
    """A face as a detector found it.

    Attributes
    ----------
    left, top, right, bottom : float
        Pixels of the picture; `right` and `bottom` are inside, as dlib has it.
    score : float
        How sure the detector is, on its own scale (`make_detector`).
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def width(self) -> float:
        return self.right - self.left + 1

    @property
    def height(self) -> float:
        return self.bottom - self.top + 1


class Detector(Protocol):
    """Finds faces in one picture, searching the whole of it."""

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        """Boxes of the faces in `image`, (H, W, 3) RGB or (H, W) grey; the surest first."""
        ...


def smallest_face(upsample: int, min_face: int | None = None) -> float:
    """Width in pixels of the narrowest face that is looked for: 73 ÷ 2^upsample, or `min_face`."""
    return max(HOG_WINDOW / 2**upsample, min_face or 0)


def make_detector(name: str = "hog", *, upsample: int = 1, min_face: int | None = None) -> Detector:
    """A face detector.

    Parameters
    ----------
    name : {'hog', 'cnn', 'haar'}, optional
        'hog': dlib's frontal face detector; its score is the distance from the separating plane,
        above 0. 'cnn': dlib's `mmod_human_face_detector.dat`; scores above 0, about 1 for a clear
        face; slow without a GPU, and pictures of more than 2 megapixels (after `upsample`) are made
        smaller for it. 'haar': OpenCV's `haarcascade_frontalface_default.xml`; its score is the sum
        of the last stage (a few units), its boxes are moved and scaled to where dlib's would be.
    upsample : int, optional
        Faces are looked for down to 73 ÷ 2^upsample pixels wide. 'hog' and 'cnn' enlarge the
        picture that many times by 2; 'haar' needs no enlarging and sets its smallest window.
    min_face : int, optional
        Narrower faces than this, in pixels, are left out.

    Returns
    -------
    detector : Detector
        Loads its model at the first picture.

    Raises
    ------
    ValueError
        Unknown name, negative `upsample`, or `min_face` below 1.
    """
    if name not in DETECTORS:
        raise InputError(f"detector is {name!r}: expected one of {', '.join(DETECTORS)}")
    if upsample < 0:
        raise InputError(f"upsample is {upsample}: expected 0 or more")
    if min_face is not None and min_face < 1:
        raise InputError(f"min_face is {min_face}: expected at least 1 pixel")
    makers: dict[str, type[HogDetector] | type[CnnDetector] | type[HaarDetector]] = {
        "hog": HogDetector,
        "cnn": CnnDetector,
        "haar": HaarDetector,
    }
    return makers[name](upsample, min_face)


@functools.cache
def frontal_face_detector() -> Any:
    """dlib's detector; one for the whole process, since unpacking it takes a quarter second."""
    import dlib

    return dlib.get_frontal_face_detector()


class HogDetector:
    """dlib's five FHOG detectors over the whole picture; exactly `get_frontal_face_detector`."""

    def __init__(self, upsample: int = 1, min_face: int | None = None) -> None:
        self.upsample = upsample
        self.min_face = min_face

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        detector = frontal_face_detector()
        found, scores, _ = detector.run(np.ascontiguousarray(image), self.upsample, 0.0)
        boxes = [
            _from_dlib(rectangle, score) for rectangle, score in zip(found, scores, strict=True)
        ]
        return _wide_enough(boxes, self.min_face)


class CnnDetector:
    """dlib's max-margin convolutional detector."""

    def __init__(self, upsample: int = 1, min_face: int | None = None) -> None:
        self.upsample = upsample
        self.min_face = min_face
        self._detector: Any = None

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        if self._detector is None:
            path = model_file(CNN_DETECTOR)
            import dlib

            self._detector = dlib.cnn_face_detection_model_v1(str(path))
        rgb: NDArray[Any] = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        height, width = rgb.shape[:2]
        # The network takes about a kilobyte for each pixel.
        scale = min(2.0**self.upsample, (_CNN_PIXELS / (width * height)) ** 0.5)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size != (width, height):
            shrinks = scale < 1
            rgb = cv2.resize(
                rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
        across, along = size[0] / width, size[1] / height
        boxes = []
        for found in self._detector(np.ascontiguousarray(rgb), 0):
            box = _from_dlib(found.rect, found.confidence)
            boxes.append(
                Box(
                    box.left / across,
                    box.top / along,
                    (box.right + 1) / across - 1,
                    (box.bottom + 1) / along - 1,
                    box.score,
                )
            )
        return _wide_enough(boxes, self.min_face)


class HaarDetector:
    """OpenCV's cascade of Haar features, its boxes moved to where dlib's would be."""

    def __init__(self, upsample: int = 1, min_face: int | None = None) -> None:
        self.smallest = smallest_face(upsample, min_face)
        self.min_face = min_face
        self._cascade: cv2.CascadeClassifier | None = None

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        if self._cascade is None:
            name = os.path.join(os.path.dirname(cv2.__file__), "data", _CASCADE)
            self._cascade = cv2.CascadeClassifier(name)
        grey: NDArray[Any] = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        window = max(24, int(self.smallest / _HAAR_WIDTH))
        found, _, weights = self._cascade.detectMultiScale3(
            grey, 1.1, 5, minSize=(window, window), outputRejectLevels=True
        )
        boxes = []
        for (x, y, width, _), weight in zip(found, weights, strict=True):
            side = _HAAR_WIDTH * float(width)
            left = float(x) + (float(width) - side) / 2
            top = float(y) + (float(width) - side) / 2 + _HAAR_LOWER * float(width)
            boxes.append(Box(left, top, left + side - 1, top + side - 1, float(weight)))
        boxes.sort(key=lambda box: -box.score)
        return _wide_enough(boxes, self.min_face)


def _from_dlib(rectangle: Any, score: float) -> Box:
    return Box(
        float(rectangle.left()),
        float(rectangle.top()),
        float(rectangle.right()),
        float(rectangle.bottom()),
        float(score),
    )


def _wide_enough(boxes: list[Box], min_face: int | None) -> list[Box]:
    return [box for box in boxes if box.width >= (min_face or 0)]
