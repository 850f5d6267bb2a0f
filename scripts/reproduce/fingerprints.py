"""What the outcomes of a run depend on, as digests: a run that goes on must find them unchanged."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np

from scripts.reproduce.photographs import Photographs

_LANDMARK_WEIGHTS = ("calibration/expression_model.npz",)
_PICTURE_WEIGHTS = (
    "gan/editor/editor.onnx",
    "gan/editor/editor.safetensors",
    "landmarks/keypoints/small.onnx",
    "landmarks/keypoints/small.safetensors",
)
_DIGITS = 16


def of_faces(found: Photographs) -> str:
    """SHA-256 of landmarks, emotions, persons and intensities, in their order."""
    told = hashlib.sha256(repr((found.emotion.tolist(), found.person.tolist())).encode())
    for values in (found.landmarks, found.intensity):
        told.update(np.ascontiguousarray(values, dtype=np.float64).data)
    return short(told.hexdigest())


def of_weights(*, pictures: bool) -> dict[str, str]:
    """SHA-256 of each file of weights that ships and is used.

    Parameters
    ----------
    pictures : bool
        Whether the half on pictures is done.
    """
    told = {}
    for name in (*_LANDMARK_WEIGHTS, *(_PICTURE_WEIGHTS if pictures else ())):
        package, *inside = name.split("/")
        data = files(package).joinpath(*inside).read_bytes()
        told[name] = short(hashlib.sha256(data).hexdigest())
    return told


def short(digest: str) -> str:
    """As many digits as a reader compares."""
    return digest[:_DIGITS]
