"""The state of a run in one file, so that it is replaced whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landmarks.runs.tensor_file import ModelError, fill, read_tensors, read_text, write_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CHECKPOINT_FILE = "checkpoint.safetensors"

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    step : int
        Steps done.
    config : str
        Its settings, as JSON.
    data : str
        Digest of what it is trained on.
    metrics : int
        Length in bytes of the metrics file at that step.
    standing : dict
        What else it must know to go on; only what JSON can hold.
    """

    step: int
    config: str
    data: str
    metrics: int
    standing: dict[str, Any] = field(default_factory=dict)


def save_state(
    path: str | os.PathLike[str],
    progress: Progress,
    parts: Mapping[str, Mapping[str, Tensor]],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that going on needs.

    Parameters
    ----------
    path : path-like
    progress : Progress
    parts : mapping
        Name → weights of a network; may be empty.
    optimizer : Adam or AdamW

    Raises
    ------
    OSError
        The file cannot be written; the checkpoint that was there before is left as it is.

    Notes
    -----
    What is random in a step must follow from its number, so that no state of a random generator has
    to be kept. Equal states give equal bytes.
    """
    tensors = {
        f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()
    }
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": state[name] for name in _MOMENTS}
    write_tensors(path, tensors, json.dumps(asdict(progress), sort_keys=True))


def state_bytes(network: nn.Module, average: nn.Module | None) -> int:
    """Size of a checkpoint, before there is one: weights and two moments of each."""
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    stored = [*network.state_dict().values()]
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
        return Progress(**json.loads(read_text(path)))
    except (TypeError, json.JSONDecodeError):
        raise ModelError(f"{path} is no checkpoint of this software") from None


def restore(
    path: str | os.PathLike[str],
    networks: Mapping[str, nn.Module | None],
    optimizer: torch.optim.Optimizer,
    *,
    device: torch.device,
) -> dict[str, Tensor]:
    """Fill networks and optimiser with what `save_state` wrote.

    Parameters
    ----------
    path : path-like
    networks : mapping
        Name of the part → network; None is passed over.
    optimizer : Adam or AdamW
    device : torch.device

    Returns
    -------
    rest : dict
        Tensors of all other parts, with the part's name in front.

    Raises
    ------
    ModelError
        The file is damaged, or of other networks.
    """
    import torch

    tensors, _ = read_tensors(path, device=device)
    for part, network in networks.items():
        given = {name: tensors.pop(name) for name in [*tensors] if name.startswith(f"{part}.")}
        if network is not None:
            fill(network, {k[len(part) + 1 :]: v for k, v in given.items()}, str(path))
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name in [name for name in tensors if name.startswith("optimizer.")]:
        value = tensors.pop(name)
        _, number, moment = name.split(".")
        if moment != "step":
            # Fused optimisers walk through memory: moments must lie as their weights do.
            value = torch.empty_like(parameters[int(number)]).copy_(value)
        moments.setdefault(int(number), {})[moment] = value
    state = optimizer.state_dict()
    state["state"] = moments
    optimizer.load_state_dict(state)
    return tensors


def first_not_finite(network: nn.Module) -> str | None:
    """Name of a weight with a value that is not finite, or None."""
    for name, value in network.state_dict().items():
        if not bool(value.isfinite().all()):
            return name
    return None
