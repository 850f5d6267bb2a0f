"""The editor's network as an ONNX file, computed by ONNX Runtime without torch."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.editor.config import Config
from gan.editor.inputs import CHANNELS
from gan.editor.repair import Network
from gan.editor.square import SIDE
from landmarks.errors import InputError
from landmarks.keypoints.onnx_file import CONFIG, properties

INPUT, OUTPUT = "planes", "residual"


def read_onnx(path: str | os.PathLike[str]) -> Network:
    """A network from a file of `gan.editor.export`.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    network : Network
        On all cores that the process may use.

    Raises
    ------
    InputError
        There is no such file, it is damaged, of a newer version or something else, or ONNX Runtime
        is not installed.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return compute(data, str(path))


def compute(data: bytes, source: str) -> Network:
    """The same from the file's bytes; `source` is where they come from, for errors."""
    try:
        told = properties(data).get(CONFIG)
    except (ValueError, IndexError):
        raise InputError(f"{source} is damaged or no .onnx file") from None
    if told is None:
        raise InputError(f"{source} tells no settings: it was not written by this software")
    Config.from_json(told, source)
    try:
        import onnxruntime
    except ImportError as error:
        if find_spec("onnxruntime") is None:
            raise InputError("the editor needs onnxruntime: pip install onnxruntime") from None
        # Ctrl-C while it loads ends here too.
        raise InputError(f"onnxruntime cannot be loaded, or was interrupted: {error}") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Threads that wait for the next face would keep cores busy that search for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    # Its own errors share no base class; each means that this file cannot be computed.
    except Exception as error:
        raise _broken(source, error) from None

    def residual(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            [found] = session.run([OUTPUT], {INPUT: planes})
        except Exception as error:
            raise _broken(source, error) from None
        if found.shape != (len(planes), 3, SIDE, SIDE):
            raise _broken(source, f"its answer has shape {found.shape}")
        answer: NDArray[np.float32] = found
        return answer

    residual(np.zeros((1, CHANNELS, SIDE, SIDE), np.float32))
    return residual


def _broken(source: str, error: Any) -> InputError:
    reason = " ".join(str(error).split())[:160]
    return InputError(f"{source} is damaged or holds another network than it says: {reason}")
