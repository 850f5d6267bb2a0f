"""The box in which a network is asked for the landmarks of a face whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.keypoints.crops import typical_box
from landmarks.search import UPSAMPLE, Search

BOXES = ("detector", "hog", "true")

SAME = 0.3
"""Overlap (intersection over union) with the typical box from which a detected box is this face."""

Framer: TypeAlias = Callable[[NDArray[np.uint8], NDArray[np.float64]], "Box | None"]
"""A picture and its true points (68, 2) → the box, None where the face was not found."""


def true_box(truth: NDArray[np.float64]) -> Box:
    """Where dlib's detector would draw its box around true points (68, 2), on average."""
    centre, side = typical_box(truth)
    left, top, right, bottom = (*(centre - (side - 1) / 2), *(centre + (side - 1) / 2))
    return Box(float(left), float(top), float(right), float(bottom), 0.0)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(a.right, b.right) - max(a.left, b.left) + 1
    along = min(a.bottom, b.bottom) - max(a.top, b.top) + 1
    shared = max(across, 0) * max(along, 0)
    return shared / (a.width * a.height + b.width * b.height - shared)


def best_box(found: Sequence[Box], truth: NDArray[np.float64]) -> Box | None:
    """The detected box that frames a face best; None where none is of this face.

    Parameters
    ----------
    found : sequence of Box
    truth : (68, 2) float array
        (x, y) in pixels.
    """
    typical = true_box(truth)
    best = max(found, key=lambda box: overlap(box, typical), default=None)
    return best if best is not None and overlap(best, typical) >= SAME else None


def make_framer(boxes: str) -> Framer:
    """How faces are framed.

    Parameters
    ----------
    boxes : {'detector', 'hog', 'true'}
        'detector': as `python -m landmarks.extract` finds faces; 'hog': dlib's detector over the
        whole picture, enlarged by 2; 'true': the typical box of the true points.

    Raises
    ------
    InputError
        Another name.
    """
    if boxes not in BOXES:
        raise InputError(f"boxes are {boxes!r}: expected one of {', '.join(BOXES)}")
    if boxes == "true":
        return lambda _image, truth: true_box(truth)
    detect = Search("hog", upsample=None if boxes == "detector" else UPSAMPLE)
    return lambda image, truth: best_box(detect(image), truth)
