"""Tells rendered heads from photographs: by how two predictors disagree, by grain and colours."""

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

SURE = 4.0
"""Score, as a logarithm of odds, from which a face counts as rendered.

Fifty photographs are thought to come on one rendered head, and to lose more if taken for one.
"""

_FACE = (slice(20, 118), slice(20, 108))
_LEVELS = 4


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
    features : (167,) float array
        Where the network has the inner points and how sure it is of them, in inter-ocular
        distances; differences from a blurred face, at four sizes; colours.
    """
    assert other.radius is not None
    inner = list(scheme.INNER_51)
    away = (subject.in_square(other.points) - subject.points)[inner] / INTER_OCULAR
    scale = float(np.hypot(*(subject.in_square(np.eye(2)) - subject.in_square(np.zeros(2)))[0]))
    sure = np.log(other.radius[inner] * scale / INTER_OCULAR)
    return np.concatenate([away.ravel(), sure, _grain(subject.square), _colours(subject.square)])


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


def is_rendered(subject: Subject, other: Fit) -> bool:
    """Whether a face is rendered, not photographed; parameters as `features`."""
    weights, bias = _weights()
    return bool(features(subject, other) @ weights + bias > SURE)


@cache
def _weights() -> tuple[Array, float]:
    from safetensors.numpy import load_file

    stored = load_file(SHIPPED)
    return stored["weights"].astype(np.float64), float(stored["bias"][0])
