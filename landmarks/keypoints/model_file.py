"""The file of a landmark network: its weights, and the settings that they were trained with.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.keypoints.config import Config

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MODEL_FILE = "model.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"


class ModelError(InputError):
    """A file holds no landmark network that can be used."""


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], told: str) -> None:
    """Write tensors and one text; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
    tensors : mapping
    told : str
        One entry alone, because safetensors does not promise an order of several: equal contents
        give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written; one that was there before is left as it is.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path, "wb") as handle:
        handle.write(save(plain, {"config": told}))


def read_tensors(
    path: str | os.PathLike[str], *, device: str | torch.device = "cpu"
) -> tuple[dict[str, Tensor], str]:
    """Tensors and text of a file.

    Raises
    ------
    ModelError
        No such file, damaged, or of another kind.
    """
    if not Path(path).is_file():
        raise ModelError(f"{path} does not exist: expected a .safetensors file")
    try:
        with safe_open(path, framework="pt", device=str(device)) as opened:
            told = (opened.metadata() or {}).get("config")
            if told is None:
                raise ModelError(f"{path} tells no settings: it was not written by this software")
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no .safetensors file: {error}") from None
    return tensors, told


def save_model(path: str | os.PathLike[str], network: nn.Module, config: Config) -> None:
    """Write a network with its settings.

    Parameters
    ----------
    path : path-like
        Ends in ``.safetensors``; appears whole or not at all.
    network : torch.nn.Module
    config : Config

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_tensors(path, shipped(network.state_dict()), config.to_json())


def shipped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network that it computes with: what only training needs is left out."""
    return {
        name: value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked") and not name.startswith("conventions.")
    }


def load_model(
    source: str | os.PathLike[str], *, device: str | torch.device = "cpu"
) -> tuple[nn.Module, Config]:
    """Read a network, ready to place points (evaluation mode, no gradients).

    Parameters
    ----------
    source : path-like
        A `modeldir` of `python -m landmarks.keypoints.train`, or a file that `save_model` wrote.
    device : str or torch.device, optional

    Returns
    -------
    network : torch.nn.Module
        (B, channels, side, side) in [−1, 1] → `Output`.
    config : Config

    Raises
    ------
    ModelError
        Nothing is there, it is damaged, or it is something else.
    ConfigError
        Its settings are damaged or of a newer version.
    """
    from landmarks.keypoints.networks import build_network

    path = Path(source)
    if path.is_dir():
        path = path / MODEL_FILE
        if not path.is_file():
            raise ModelError(f"{source} holds no {MODEL_FILE}: expected the folder of a run")
    tensors, told = read_tensors(path, device=device)
    config = Config.from_json(told, str(path))
    network = build_network(config).to(device)
    fill(network, tensors, str(path))
    return network.eval().requires_grad_(False), config


def fill(network: nn.Module, tensors: Mapping[str, Any], source: str) -> None:
    """Give a network weights that must fit it one to one.

    Raises
    ------
    ModelError
        Names or shapes differ.
    """
    counted = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({**counted, **tensors})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{source} does not hold the weights that it announces: {reason}"
        ) from None
