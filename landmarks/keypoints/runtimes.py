"""What computes a network: crops in, numbers out. Nothing here loads torch before it is needed."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from landmarks.errors import InputError
from landmarks.runs.devices import usable_device

Array = NDArray[Any]


class Answers(NamedTuple):
    """A network's answers to n crops, as `landmarks.keypoints.output.Output` has them.

    Attributes
    ----------
    points : (n, 68, 2) float array
        Fractions of the crop's side.
    radius : (n, 68) float array or None
        In the same fractions.
    trust : (n,) float array or None
        Logits.
    """

    points: Array
    radius: Array | None
    trust: Array | None


class Runtime(Protocol):
    """Computes one network."""

    def __call__(self, crops: Array) -> Answers:
        """Answers to (n, side, side) or (n, side, side, 3) uint8 crops, n ≥ 1."""
        ...


class TorchRuntime:
    """Any network, by torch.

    Parameters
    ----------
    source : path-like
        As `landmarks.keypoints.load_model` takes it.
    device : str, optional
        Left out: a GPU that torch can use, else the processor.

    Attributes
    ----------
    network : torch.nn.Module
    config : Config

    Raises
    ------
    InputError
        torch is not installed, the device cannot be used, or the source holds no network.
    """

    def __init__(self, source: str | os.PathLike[str], *, device: str | None = None) -> None:
        try:
            from landmarks.keypoints.model_file import load_model
        except ModuleNotFoundError as error:
            raise InputError(
                f"{os.fspath(source)} needs {error.name}: pip install "
                "'landmark-calibrated-expressions[keypoints]'"
            ) from None
        self._device = usable_device(device)
        self.network, self.config = load_model(source, device=self._device)

    def __call__(self, crops: Array) -> Answers:
        import torch

        from landmarks.keypoints.batches import to_tensor

        with torch.no_grad():
            output = self.network(to_tensor(crops).to(self._device))
        points, radius, trust = (None if v is None else v.float().cpu().numpy() for v in output)
        assert points is not None
        return Answers(points, radius, trust)
