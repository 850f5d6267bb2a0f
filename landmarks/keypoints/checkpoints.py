"""The state of a run in one file, so that it is replaced whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from landmarks.keypoints.model_file import ModelError, fill, read_tensors, write_tensors

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Standing:
    """How well a run does on validation persons.

    Attributes
    ----------
    best : float or None
        Smallest mean error so far, in inter-ocular distances.
    epoch : int
        When it was reached.
    schedule : dict
        State of the plateau schedule, where there is one.
    """

    best: float | None = None
    epoch: int = 0
    schedule: dict[str, Any] = field(default_factory=dict)


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
        Digest of the faces that it is trained on.
    metrics : int
        Length in bytes of the metrics file at that step.
    standing : Standing
    """

    step: int
    config: str
    data: str
    metrics: int
    standing: Standing


def save_checkpoint(
    path: str | os.PathLike[str],
    progress: Progress,
    network: nn.Module,
    average: nn.Module | None,
    best: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that going on needs.

    Parameters
    ----------
    path : path-like
    progress : Progress
    network : Module
    average : Module or None
        Its moving average.
    best : mapping
        The weights that did best on validation persons; may be empty.
    optimizer : Adam or AdamW

    Raises
    ------
    OSError
        The file cannot be written; the checkpoint that was there before is left as it is.

    Notes
    -----
    What is random in a step follows from its number, so no state of a random generator has to be
    kept. Equal states give equal bytes.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": state[name] for name in _MOMENTS}
    write_tensors(path, tensors, json.dumps(asdict(progress), sort_keys=True))


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
            told = json.loads(opened.metadata()["config"])
        return Progress(**{**told, "standing": Standing(**told["standing"])})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no .safetensors file: {error}") from None
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{path} is no checkpoint of this software") from None


def restore(
    path: str | os.PathLike[str],
    network: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    *,
    device: torch.device,
) -> dict[str, Tensor]:
    """Fill network and optimiser with what `save_checkpoint` wrote.

    Returns
    -------
    best : dict
        The weights that did best so far.

    Raises
    ------
    ModelError
        The file is damaged, or of another network.
    """
    tensors, _ = read_tensors(path, device=device)
    fill(network, _below(tensors, "network."), str(path))
    if average is not None:
        fill(average, _below(tensors, "average."), str(path))
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "optimizer.").items():
        number, _, moment = name.partition(".")
        if moment != "step":
            # Fused optimisers walk through memory: moments must lie as their weights do.
            value = torch.empty_like(parameters[int(number)]).copy_(value)
        moments.setdefault(int(number), {})[moment] = value
    state = optimizer.state_dict()
    state["state"] = moments
    optimizer.load_state_dict(state)
    return _below(tensors, "best.")


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }
