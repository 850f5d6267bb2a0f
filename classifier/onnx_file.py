"""ONNX files of classifiers, computed by ONNX Runtime; `classifier.export` writes them.

Settings, temperature and the hashes of persons and pictures travel in the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.config import Config
from landmarks.errors import InputError
from landmarks.keypoints.onnx_file import properties

Array = NDArray[Any]

IMAGE, POINTS, LOGITS = "image", "points", "logits"
CONFIG, TEMPERATURE = "config", "temperature"
PERSONS, PICTURES = "persons", "pictures"
"""Names of what goes in and comes out, and of the file's own properties."""

_CHUNK = 8  # faces at once: their activations fit into a core's second-level cache


class ByOnnx:
    """Computes the classifier of a file's bytes.

    Parameters
    ----------
    data : bytes
    source : str
        Where they come from, for errors.

    Raises
    ------
    InputError
        They are damaged, or onnxruntime is not installed.
    """

    def __init__(self, data: bytes, source: str) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise InputError(f"{source} needs onnxruntime: pip install onnxruntime") from None
        options = onnxruntime.SessionOptions()
        # Processes share the work; threads that wait for the next face would keep cores busy.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        # Its own errors share no base class; each means that this file cannot be computed.
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"{source} is damaged: {reason}") from None

    def __call__(self, images: Array, points: Array) -> Array:
        planes = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
        parts = []
        for at in range(0, len(images), _CHUNK):
            unit = planes[at : at + _CHUNK].astype(np.float32, order="C") / np.float32(127.5) - 1
            given = {IMAGE: unit, POINTS: np.float32(points[at : at + _CHUNK])}
            parts.append(self._session.run([LOGITS], given)[0])
        return np.concatenate(parts)


Read = tuple[ByOnnx, Config, float, frozenset[int], frozenset[int]]


def read_onnx(path: str | os.PathLike[str]) -> Read:
    """What `classifier.export` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    compute : ByOnnx
    config : Config
    temperature : float
    persons, pictures : frozenset of int
        Hashes of what it has learnt from; no pictures where the file does not tell them.

    Raises
    ------
    InputError
        There is no such file, it is damaged, of a newer version, or something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return compute(data, str(path))


def compute(data: bytes, source: str) -> Read:
    """The same from the file's bytes."""
    try:
        told = properties(data)
    except (ValueError, IndexError):
        raise InputError(f"{source} is damaged or no .onnx file") from None
    try:
        config, temperature = told[CONFIG], float(told[TEMPERATURE])
        persons = np.frombuffer(bytes.fromhex(told[PERSONS]), ">i8")
        pictures = np.frombuffer(bytes.fromhex(told.get(PICTURES, "")), ">i8")
    except (KeyError, ValueError):
        raise InputError(
            f"{source} is no classifier: expected a file of classifier.export"
        ) from None
    read = Config.from_json(config, source)
    hashes = frozenset(persons.tolist()), frozenset(pictures.tolist())
    return ByOnnx(data, source), read, temperature, *hashes
