"""Networks as ONNX files: what their exports have in common."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landmarks.errors import InputError
from landmarks.files import replacing

if TYPE_CHECKING:
    from torch import Tensor, nn


def refuse_place(path: str | os.PathLike[str]) -> None:
    """Refuse where no ONNX file can be written, before anything is computed.

    Raises
    ------
    InputError
        The name ends otherwise, or the folder does not exist.
    """
    if Path(path).suffix != ".onnx":
        raise InputError(f"{path} does not end in .onnx")
    if not Path(path).parent.is_dir():
        raise InputError(f"the folder {Path(path).parent} does not exist: {path} is not written")


def traced(
    network: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    opset: int,
    extra: str,
) -> Any:
    """A network as torch's exporter follows it; batches of any size.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    example : tuple of tensor
        What it is given.
    inputs, outputs : sequence of str
        Names, in the order of the network.
    opset : int
    extra : str
        Of the installation that has the package onnx.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    InputError
        onnx, which torch needs for it, is not installed.
    """
    import torch

    try:
        import onnx
    except ModuleNotFoundError:
        raise InputError(
            "torch needs onnx to write an ONNX file: pip install "
            f"'landmark-calibrated-expressions[{extra}]'"
        ) from None
    handle: Any = io.BytesIO()  # which torch takes, whatever its annotations say
    with torch.no_grad(), warnings.catch_warnings():
        # torch's newer exporter names its nodes otherwise from release to release, and folds
        # weights in ways that OpenCV's reader does not know; of this one it says that it is older.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            example,
            handle,
            dynamo=False,
            opset_version=opset,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "faces"} for name in (*inputs, *outputs)},
        )
    return onnx.load_from_string(handle.getvalue())


def as_bytes(model: Any, told: Mapping[str, str]) -> bytes:
    """The file of an `onnx.ModelProto` that tells some things of itself; equal for equal ones."""
    for key, value in told.items():
        model.metadata_props.add(key=key, value=value)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def put(path: str | os.PathLike[str], data: bytes) -> None:
    """Write the file whole.

    Raises
    ------
    InputError
        It cannot be written.
    """
    try:
        with replacing(path, "wb") as handle:
            handle.write(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
