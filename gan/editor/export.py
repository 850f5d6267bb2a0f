"""Command: the editor's network as an ONNX file that computes the same.

python -m gan.editor.export MODEL OUT.onnx
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan.editor.config import Config
from gan.editor.inputs import CHANNELS
from gan.editor.onnx_file import INPUT, OUTPUT, compute
from gan.editor.square import SIDE
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.keypoints.onnx_file import CONFIG

PROGRAM = "python -m gan.editor.export"

TOLERANCE = 1e-3
"""Largest difference from torch, in units of 127.5 grey levels: an eighth of a level."""

_OPSET = 17
_LARGE = 256
# Tensors of more numbers are stored in half precision, as in the .safetensors file.


def export(source: str | os.PathLike[str] | None, path: str | os.PathLike[str]) -> float:
    """Write a network as ONNX, and prove that the file computes what torch computes.

    Parameters
    ----------
    source : path-like or None
        A modeldir of `python -m gan.editor.train` or a .safetensors file; None is the network that
        ships.
    path : path-like
        Ends in .onnx; appears whole and checked, or not at all.

    Returns
    -------
    difference : float
        The largest one from torch, as `TOLERANCE`.

    Raises
    ------
    InputError
        The source holds no network, the file cannot be written, torch or onnx is not installed, or
        the file computes something else.
    """
    if Path(path).suffix != ".onnx":
        raise InputError(f"{path} does not end in .onnx")
    if not Path(path).parent.is_dir():
        raise InputError(f"the folder {Path(path).parent} does not exist: {path} is not written")
    try:
        import onnx  # noqa: F401
        import torch

        from gan.editor.model_file import load_network
    except ModuleNotFoundError as error:
        raise InputError(
            f"writing an ONNX file needs {error.name}: pip install "
            "'landmark-calibrated-expressions[keypoints]'"
        ) from None
    network, config = load_network(source)
    data = to_onnx(network, config)
    planes = np.random.default_rng(0).uniform(-1, 1, (2, CHANNELS, SIDE, SIDE)).astype(np.float32)
    with torch.inference_mode():
        truth = network(torch.from_numpy(planes)).residual.numpy()
    difference = float(np.abs(compute(data, str(path))(planes) - truth).max())
    if not difference <= TOLERANCE:
        raise InputError(f"{path} is not written: it differs by {difference:.2g} from torch")
    try:
        with replacing(path, "wb") as handle:
            handle.write(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    return difference


def to_onnx(network: Any, config: Config) -> bytes:
    """A network as the bytes of an ONNX file, with its settings; batches of any size."""
    import onnx
    import torch
    from torch import Tensor, nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, planes: Tensor) -> Tensor:
            residual: Tensor = self.network(planes).residual
            return residual

    handle: Any = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package is the older one
        torch.onnx.export(
            Residual().eval(),
            (torch.zeros(2, CHANNELS, SIDE, SIDE),),
            handle,
            dynamo=False,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "faces"}, OUTPUT: {0: "faces"}},
        )
    model = onnx.load_from_string(handle.getvalue())
    _halve(model)
    model.metadata_props.add(key=CONFIG, value=config.to_json())
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _halve(model: Any) -> None:
    """Store large weights in half precision, and turn them back where they are read.

    The weights are those of a file in half precision: nothing is lost.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size <= _LARGE:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for number, cast in enumerate(casts):
        model.graph.node.insert(number, cast)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "model", metavar="MODEL", help="shipped, a modeldir, or a .safetensors file of it"
    )
    parser.add_argument("output", metavar="OUT.onnx")
    args = parser.parse_args(argv)
    try:
        difference = export(None if args.model == "shipped" else args.model, args.output)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    size = Path(args.output).stat().st_size
    print(f"{args.output}: {size / 1e6:.1f} MB, largest difference from torch {difference:.1g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
