"""The state of a run in one file, so that it is replaced whole or not at all."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gan.model_file import ModelError, load_exactly, read_tensors, write_tensors

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    step : int
        Steps done.
    config : str
        `Config.to_json`.
    data : str
        `PairIndex.digest` of what it is trained on.
    metrics : int
        Length in bytes of the metrics file at that step.
    """

    step: int
    config: str
    data: str
    metrics: int


def save_checkpoint(
    path: str | os.PathLike[str],
    progress: Progress,
    networks: nn.ModuleDict,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that going on needs.

    Parameters
    ----------
    path : path-like
    progress : Progress
    networks : ModuleDict
    average : Module or None
        The generator's moving average.
    optimizer : Adam

    Raises
    ------
    OSError
        The file cannot be written; the checkpoint that was there before is left as it is.

    Notes
    -----
    Nothing in a step is random beyond what `gan.sampling` computes from the step's number, so no
    state of a random generator has to be kept. Equal states give equal bytes.
    """
    write_tensors(path, _tensors(networks, average, optimizer), json.dumps(asdict(progress)))


def _tensors(
    networks: nn.ModuleDict, average: nn.Module | None, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    tensors = {f"networks.{name}": value for name, value in networks.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": state[name] for name in _MOMENTS}
    return tensors


def checkpoint_bytes(networks: nn.ModuleDict, average: nn.Module | None) -> int:
    """Size of a checkpoint, before there is one: weights and two moments of each."""
    parameters = sum(p.numel() * p.element_size() for p in networks.parameters())
    stored = [*networks.state_dict().values()]
    stored += [] if average is None else average.state_dict().values()
    return 2 * parameters + sum(math.prod(t.shape) * t.element_size() for t in stored)


def read_progress(path: str | os.PathLike[str]) -> Progress | None:
    """Where the run of a checkpoint is; None if there is no such file.

    Raises
    ------
    ModelError
        The file is damaged or something else.
    """
    if not Path(path).is_file():
        return None
    try:
        with safe_open(path, framework="pt") as opened:
            told = opened.metadata()["config"]
        return Progress(**json.loads(told))
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no .safetensors file: {error}") from None
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{path} is no checkpoint of this software") from None


def restore(
    path: str | os.PathLike[str],
    networks: nn.ModuleDict,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    *,
    device: torch.device,
) -> None:
    """Fill networks and optimiser with what `save_checkpoint` wrote.

    Raises
    ------
    ModelError
        The file is damaged, or of other networks.
    """
    tensors, _ = read_tensors(path, device=device)
    load_exactly(networks, _below(tensors, "networks."), str(path))
    if average is not None:
        load_exactly(average, _below(tensors, "average."), str(path))
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "optimizer.").items():
        number, _, moment = name.partition(".")
        if moment != "step":
            # The fused optimiser walks through memory: moments must lie as their weights do.
            value = torch.empty_like(parameters[int(number)]).copy_(value)
        moments.setdefault(int(number), {})[moment] = value
    state = optimizer.state_dict()
    state["state"] = moments
    optimizer.load_state_dict(state)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def first_not_finite(networks: nn.ModuleDict) -> str | None:
    """Name of a weight with a value that is not finite, or None."""
    for name, value in networks.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            return name
    return None
