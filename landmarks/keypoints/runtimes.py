"""What computes a network: crops in, numbers out. Nothing here loads torch before it is needed."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from landmarks.errors import InputError

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
            import torch

            from landmarks.keypoints.model_file import load_model
        except ModuleNotFoundError as error:
            raise InputError(
                f"{os.fspath(source)} needs {error.name}: pip install "
                "'landmark-calibrated-expressions[keypoints]'"
            ) from None
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            # Numbers have to come back, which the meta device never does.
            torch.zeros(1, device=device).item()
        except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
            reason = str(error).partition("\n")[0].partition(". ")[0]
            raise InputError(f"the device {device} cannot be used: {reason}") from None
        self._device = device
        self.network, self.config = load_model(source, device=device)

    def __call__(self, crops: Array) -> Answers:
        import torch

        from landmarks.keypoints.batches import to_tensor

        with torch.no_grad():
            output = self.network(to_tensor(crops).to(self._device))
        points, radius, trust = (None if v is None else v.float().cpu().numpy() for v in output)
        assert points is not None
        return Answers(points, radius, trust)
