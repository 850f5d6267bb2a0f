"""Command: a landmark network as an ONNX file that computes the same.

python -m landmarks.keypoints.export MODEL OUT.onnx
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.errors import InputError
from landmarks.keypoints.config import Config
from landmarks.keypoints.onnx_file import CONFIG, INPUT, compute, outputs_of
from landmarks.keypoints.predictor import network_path
from landmarks.keypoints.runtimes import Answers, TorchRuntime
from landmarks.runs.onnx_export import as_bytes, put, refuse_place, traced

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]

PROGRAM = "python -m landmarks.keypoints.export"

TOLERANCE = 1e-4
"""Largest difference from torch: of points and radii in sides of the crop, of trust as a logit; of
what is larger than 1, the share."""

_OPSET = 13


def export(
    source: str | os.PathLike[str], path: str | os.PathLike[str], *, everywhere: bool = False
) -> dict[str, float]:
    """Write a network as ONNX, and prove that the file computes what torch computes.

    Parameters
    ----------
    source : path-like
        'small', the network that ships; a `modeldir` of `python -m landmarks.keypoints.train`, or
        a .safetensors file.
    path : path-like
        Ends in .onnx; appears whole and checked, or not at all.
    everywhere : bool, optional
        OpenCV, which computes it where ONNX Runtime is missing, must give the same too.

    Returns
    -------
    differences : dict
        The largest one of each runtime that was compared.

    Raises
    ------
    InputError
        The source holds no network, the file cannot be written, torch or onnx is not installed, or
        the file computes something else.
    """
    refuse_place(path)
    if os.fspath(source).lower().endswith(".onnx"):
        raise InputError(f"{source} is an ONNX file already: expected a modeldir or .safetensors")
    network = TorchRuntime(network_path(source, ".safetensors"), device="cpu")
    data = to_onnx(network.network, network.config)
    differences = _differences(data, network, str(path), everywhere)
    put(path, data)
    return differences


def to_onnx(network: nn.Module, config: Config) -> bytes:
    """A network as the bytes of an ONNX file, with its settings; batches of any size.

    Raises
    ------
    InputError
        onnx, which torch needs for it, is not installed.
    """
    import torch
    from torch import Tensor, nn

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            return tuple(value for value in self.network(images) if value is not None)

    names = outputs_of(config)
    example = torch.zeros(2, config.channels, config.side, config.side)
    model = traced(Plain().eval(), (example,), [INPUT], names, opset=_OPSET, extra="keypoints")
    return as_bytes(model, {CONFIG: config.to_json()})


def _differences(
    data: bytes, network: TorchRuntime, name: str, everywhere: bool
) -> dict[str, float]:
    crops = [*_noise(network.config), *_photographs(network.config)]
    truth = network(np.stack(crops))
    found = {}
    for opencv in (False, True) if everywhere else (False,):
        runtime, _ = compute(data, name, opencv=opencv)
        differences = _largest(runtime(np.stack(crops)), truth)
        if not differences <= TOLERANCE:
            raise InputError(
                f"{name} is not written: computed by {type(runtime).__name__} it differs by "
                f"{differences:.2g} from torch, more than {TOLERANCE:g}"
            )
        found[type(runtime).__name__] = differences
    return found


def _largest(said: Answers, truth: Answers) -> float:
    return max(
        float((np.abs(a - b) / np.maximum(1, np.abs(b))).max())
        for a, b in zip(said, truth, strict=True)
        if b is not None
    )


def _noise(config: Config) -> list[Array]:
    rng = np.random.default_rng(0)
    shape = (config.side, config.side, 3)[: 2 if config.channels == 1 else 3]
    flat = [np.full(shape, level, np.uint8) for level in (0, 255)]
    rough = [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(6)]
    return [*flat, *rough, *(cv2.GaussianBlur(image, (0, 0), 8) for image in rough)]


def _photographs(config: Config) -> list[Array]:
    """Parts of the photographs that scikit-learn brings along."""
    from sklearn.datasets import load_sample_images

    from landmarks.keypoints.crops import square

    rng = np.random.default_rng(1)
    crops = []
    for image in load_sample_images().images:
        if config.channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for _ in range(8):
            centre = rng.uniform(100, 300, 2)
            crops.append(square(centre, rng.uniform(60, 400), config.side).cut(image))
    return crops


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Write a landmark network as an ONNX file, which landmarks.extract -p and any "
        "ONNX runtime read without torch. The file is compared with torch first.",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="small, a modeldir, or a .safetensors file of it"
    )
    parser.add_argument("output", metavar="OUT.onnx")
    args = parser.parse_args(argv)
    try:
        differences = export(args.model, args.output)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    told = ", ".join(f"{name} {value:.1g}" for name, value in differences.items())
    size = Path(args.output).stat().st_size
    print(f"{args.output}: {size:,} bytes; largest difference from torch: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
