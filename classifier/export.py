"""Command: a classifier as an ONNX file that computes the same.

python -m classifier.export MODEL OUT.onnx
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from classifier.onnx_file import (
    CONFIG,
    IMAGE,
    LOGITS,
    PERSONS,
    PICTURES,
    POINTS,
    TEMPERATURE,
    compute,
)
from landmarks.errors import InputError
from landmarks.runs.onnx_export import as_bytes, put, refuse_place, traced

Array = NDArray[Any]

TOLERANCE = 1e-4
"""Largest difference of a logit from torch; of larger ones than 1, the share."""

_OPSET = 13


def export(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> float:
    """Write a classifier as ONNX, and prove that the file computes what torch computes.

    Parameters
    ----------
    source : path-like
        A `modeldir` of `python -m classifier.train`, or a .safetensors file.
    path : path-like
        Ends in .onnx; appears whole and checked, or not at all.

    Returns
    -------
    difference : float
        The largest one of a logit.

    Raises
    ------
    InputError
        The source holds no network, the file cannot be written, torch or onnx is not installed, or
        the file computes something else.
    """
    refuse_place(path)
    try:
        from classifier.by_torch import ByTorch
    except ModuleNotFoundError as error:
        raise InputError(
            f"{source} needs {error.name}: pip install "
            "'landmark-calibrated-expressions[classifier]'"
        ) from None
    made = ByTorch(source, "cpu")
    data = _to_onnx(made)
    images, points = _trial(made.config.side, made.config.channels)
    truth, found = made(images, points), compute(data, str(path))[0](images, points)
    difference = float((np.abs(found - truth) / np.maximum(1, np.abs(truth))).max())
    if not difference <= TOLERANCE:
        raise InputError(
            f"{path} is not written: it differs by {difference:.2g} from torch, more than "
            f"{TOLERANCE:g}"
        )
    put(path, data)
    return difference


def _to_onnx(made: Any) -> bytes:
    import torch

    from classifier.landmark_svm import LandmarkSvm

    if isinstance(made.network, LandmarkSvm):
        raise InputError("landmarks_svm is no network: its .safetensors file is read as it is")
    config = made.config
    example = (
        torch.zeros(2, config.channels, config.side, config.side),
        torch.zeros(2, 68, 2),
    )
    names = [IMAGE, POINTS], [LOGITS]
    model = traced(made.network, example, *names, opset=_OPSET, extra="classifier")
    if POINTS not in {given.name for given in model.graph.input}:
        # Networks that only look: the runtime gives both to all.
        from onnx import TensorProto, helper

        shape = helper.make_tensor_value_info(POINTS, TensorProto.FLOAT, ["faces", 68, 2])
        model.graph.input.append(shape)
    told = {CONFIG: config.to_json(), TEMPERATURE: repr(made.temperature)}
    for name, hashes in ((PERSONS, made.persons), (PICTURES, made.pictures)):
        told[name] = np.array(sorted(hashes), ">i8").tobytes().hex()
    return as_bytes(model, told)


def _trial(side: int, channels: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    shape = (side, side, 3)[: 2 if channels == 1 else 3]
    rough = [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(8)]
    smooth = [cv2.GaussianBlur(image, (0, 0), 8) for image in rough]
    flat = [np.full(shape, level, np.uint8) for level in (0, 255)]
    images = np.stack([*rough, *smooth, *flat])
    return images, rng.uniform(0, 1, (len(images), 68, 2))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier.export",
        description="Write a classifier as an ONNX file, which classifier.predict and any ONNX "
        "runtime read without torch. The file is compared with torch first.",
    )
    parser.add_argument("model", metavar="MODEL", help="a modeldir, or a .safetensors file of it")
    parser.add_argument("output", metavar="OUT.onnx")
    args = parser.parse_args(argv)
    try:
        difference = export(args.model, args.output)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    size = Path(args.output).stat().st_size
    print(f"{args.output}: {size:,} bytes; largest difference from torch: {difference:.1g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
