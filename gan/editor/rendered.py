"""Tells rendered heads from photographs: by how two predictors disagree, grain, colours, edges."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.square import INTER_OCULAR
from gan.editor.subject import Subject
from landmarks import scheme
from landmarks.placing import Fit

Array = NDArray[Any]

SHIPPED = Path(__file__).with_name("rendered.safetensors")
"""Written by `python -m scripts.bench.editor_rendered`."""

_FACE = (slice(20, 118), slice(20, 108))
_LEVELS = 4
_WHOLE, _INNER = (64, 64), (80, 88)
# Windows (width, height) in which edges are looked at: the whole square, at half its size, and the
# face in it.


def features(subject: Subject, other: Fit) -> Array:
    """What tells rendered heads.

    Parameters
    ----------
    subject : Subject
        With dlib's landmarks.
    other : Fit
        Those of the network that ships, in pixels of the photograph, with radii.

    Returns
    -------
    features : (5171,) float array
        Where the network has the inner points and how sure it is of them, in inter-ocular
        distances; differences from a blurred face, at four sizes; colours; histograms of gradients
        (Dalal and Triggs 2005), the mean of the face's and its mirror image's.
    """
    assert other.radius is not None
    inner = list(scheme.INNER_51)
    away = (subject.in_square(other.points) - subject.points)[inner] / INTER_OCULAR
    scale = float(np.hypot(*(subject.in_square(np.eye(2)) - subject.in_square(np.zeros(2)))[0]))
    sure = np.log(other.radius[inner] * scale / INTER_OCULAR)
    square = subject.square
    looks = [_grain(square), _colours(square), _edges(square)]
    return np.concatenate([away.ravel(), sure, *looks])


def _grain(square: NDArray[np.uint8]) -> Array:
    grey: Array = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)[_FACE]
    told = []
    for _ in range(_LEVELS):
        blurred = cv2.GaussianBlur(grey, (0, 0), 1.2)
        off = np.abs(grey - blurred)
        told += [off.mean(), np.median(off)]
        grey = cv2.resize(blurred, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.log(np.array(told) + 0.1)


def _colours(square: NDArray[np.uint8]) -> Array:
    lab = cv2.cvtColor(square, cv2.COLOR_RGB2LAB).astype(np.float64)[_FACE] / 255
    return np.concatenate([lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))])


def _edges(square: NDArray[np.uint8]) -> Array:
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY)
    # A border of pixels that is cut off again: edges of the square itself are none of the face.
    small = cv2.resize(grey, (72, 72), interpolation=cv2.INTER_AREA)
    told = []
    for look, size in ((small[6:70, 4:68], _WHOLE), (grey[20:108, 24:104], _INNER)):
        gradients = cv2.HOGDescriptor(size, (16, 16), (8, 8), (8, 8), 9)
        both = [gradients.compute(np.ascontiguousarray(g)) for g in (look, look[:, ::-1])]
        told.append(np.mean(both, axis=0).ravel())
    return np.concatenate(told)


def is_rendered(subject: Subject, other: Fit) -> bool:
    """Whether a face is rendered, not photographed; parameters as `features`."""
    weights, bias = _weights()
    return bool(features(subject, other) @ weights + bias > 0)


@cache
def _weights() -> tuple[Array, float]:
    from safetensors.numpy import load_file

    stored = load_file(SHIPPED)
    return stored["weights"].astype(np.float64), float(stored["bias"][0])
