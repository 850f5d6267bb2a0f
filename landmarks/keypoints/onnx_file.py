"""ONNX files of landmark networks, computed by ONNX Runtime, or by OpenCV where that is missing.

`landmarks.keypoints.export` writes them; the settings of the network travel in the file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.errors import InputError
from landmarks.keypoints.config import Config
from landmarks.keypoints.runtimes import Answers, Runtime

Array = NDArray[Any]

INPUT = "image"
CONFIG = "config"
"""Name of the settings among the file's own properties."""

_CHUNK = 8  # faces at once: their activations fit into a core's second-level cache
_SHAPES: tuple[tuple[int, ...], ...] = ((scheme.COUNT, 2), (scheme.COUNT,), ())  # of one face
_METADATA = 14  # field of ModelProto: pairs of a key (1) and a value (2)


def outputs_of(config: Config) -> tuple[str, ...]:
    """Names of what a network answers, in the order of `Output`."""
    return ("points", "radius", "trust") if config.network == "small" else ("points",)


def read_onnx(path: str | os.PathLike[str]) -> tuple[Runtime, Config]:
    """A network from a file of `landmarks.keypoints.export`.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    runtime : Runtime
    config : Config

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


def compute(data: bytes, source: str, *, opencv: bool = False) -> tuple[Runtime, Config]:
    """The same from the file's bytes.

    Parameters
    ----------
    data : bytes
    source : str
        Where they come from, for errors.
    opencv : bool, optional
        OpenCV even where ONNX Runtime is installed.

    Raises
    ------
    InputError
        The bytes are damaged, of a newer version, or something else; the network does not see and
        answer what its settings say.
    """
    try:
        told = properties(data).get(CONFIG)
    except (ValueError, IndexError):
        raise InputError(f"{source} is damaged or no .onnx file") from None
    if told is None:
        raise InputError(f"{source} tells no settings: it was not written by this software")
    config = Config.from_json(told, source)
    runtime = None if opencv else _by_onnx_runtime(data, source, config)
    runtime = runtime or OpenCvRuntime(data, source, config)
    # One look at nothing shows whether settings and network belong together.
    sides = (config.side, config.side, 3)[: 2 if config.channels == 1 else 3]
    runtime(np.zeros((1, *sides), np.uint8))
    return runtime, config


def _by_onnx_runtime(data: bytes, source: str, config: Config) -> Runtime | None:
    try:
        return OnnxRuntime(data, source, config)
    except ImportError:  # not for every platform, and slower is better than nothing
        return None


class OnnxRuntime:
    """ONNX Runtime; several chunks of faces are shared among as many threads as OpenCV may use."""

    def __init__(self, data: bytes, source: str, config: Config) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One face is too little to share, and threads that wait for the next would keep cores busy.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._names, self._source = list(outputs_of(config)), source
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        # Its own errors share no base class; each means that this file cannot be computed.
        except Exception as error:
            raise _broken(source, error) from None

    def __call__(self, crops: Array) -> Answers:
        chunks = [crops[at : at + _CHUNK] for at in range(0, len(crops), _CHUNK)]
        threads = min(len(chunks), cv2.getNumThreads())
        if threads <= 1:
            parts = [self._run(chunk) for chunk in chunks]
        else:
            with ThreadPoolExecutor(threads) as pool:
                parts = list(pool.map(self._run, chunks))
        return _answers(np.concatenate(values) for values in zip(*parts, strict=True))

    def _run(self, crops: Array) -> list[Array]:
        try:
            found: list[Array] = self._session.run(self._names, {INPUT: _unit(crops)})
        # As above; the settings then announce another network than the file holds.
        except Exception as error:
            raise _broken(self._source, error) from None
        wanted = [(len(crops), *shape) for shape in _SHAPES[: len(self._names)]]
        if (got := [values.shape for values in found]) != wanted:
            raise _broken(self._source, f"its answers have shapes {got}, expected {wanted}")
        return found


class OpenCvRuntime:
    """OpenCV's dnn module, face by face."""

    def __init__(self, data: bytes, source: str, config: Config) -> None:
        self._names, self._source = outputs_of(config), source
        self._lock = threading.Lock()  # a network of OpenCV holds its input
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        except cv2.error as error:
            raise _broken(source, error) from None

    def __call__(self, crops: Array) -> Answers:
        parts = [self._run(crops[at : at + 1]) for at in range(len(crops))]
        return _answers(np.stack(values) for values in zip(*parts, strict=True))

    def _run(self, crop: Array) -> list[Array]:
        try:
            with self._lock:
                self._network.setInput(_unit(crop), INPUT)
                found = [np.array(values) for values in self._network.forward(self._names)]
            # Axes of one are kept or not, as it happens.
            return [v.reshape(shape) for v, shape in zip(found, _SHAPES, strict=False)]
        except (cv2.error, ValueError) as error:
            raise _broken(self._source, error) from None


def _unit(crops: Array) -> Array:
    """(n, H, W) or (n, H, W, 3) uint8 → (n, C, H, W) float32 in [−1, 1]."""
    planes = crops[:, None] if crops.ndim == 3 else np.moveaxis(crops, 3, 1)
    values: Array = planes.astype(np.float32, order="C")
    values /= 127.5
    values -= 1
    return values


def _answers(values: Iterator[Array]) -> Answers:
    points, *others = values
    radius, trust = others or (None, None)
    return Answers(points, radius, trust)


def _broken(source: str, error: Exception | str) -> InputError:
    reason = " ".join(str(error).split())[:160]
    return InputError(
        f"{source} is damaged, has the settings of another network, or needs onnxruntime: {reason}"
    )


def properties(data: bytes) -> dict[str, str]:
    """What an ONNX file says of itself, read without the package that writes such files.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    properties : dict

    Raises
    ------
    ValueError, IndexError
        It is no such file.

    References
    ----------
    ONNX, `onnx.proto`: `ModelProto.metadata_props`; Protocol Buffers, "Encoding".
    """
    found = {}
    for number, value in _fields(memoryview(data)):
        if number == _METADATA:
            entry = {key: bytes(text).decode() for key, text in _fields(value)}
            found[entry.get(1, "")] = entry.get(2, "")
    return found


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Numbers and contents of the fields that hold bytes; those of numbers are passed over."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            length, at = _varint(data, at)
            yield key >> 3, data[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"no field is of kind {kind}")
    if at > len(data):
        raise ValueError("the last field is cut off")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
