"""The file of an editor's network: its weights in half precision, and how they were trained.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.editor.config import Config
from gan.editor.network import RepairNetwork
from gan.editor.repair import SHIPPED, Network
from landmarks.runs.devices import usable_device
from landmarks.runs.tensor_file import ModelError, fill, read_tensors, write_tensors

MODEL_FILE = "editor.safetensors"


def save_editor(path: str | os.PathLike[str], state: Mapping[str, Tensor], config: Config) -> None:
    """Write a network's weights with its settings, whole or not at all."""
    write_tensors(path, {name: value.half() for name, value in state.items()}, config.to_json())


def load_network(
    source: str | os.PathLike[str] | None = None, *, device: str | torch.device = "cpu"
) -> tuple[RepairNetwork, Config]:
    """Read a network, ready to repair faces (evaluation mode, no gradients).

    Parameters
    ----------
    source : path-like, optional
        A modeldir of `python -m gan.editor.train` or a .safetensors file of it; None is the network
        that ships.
    device : str or torch.device, optional

    Raises
    ------
    ModelError
        Nothing is there, it is damaged, or it is something else.
    ConfigError
        Its settings are damaged or of a newer version.
    """
    path = weights_file(source)
    tensors, told = read_tensors(path, device=device)
    config = Config.from_json(told, str(path))
    network = RepairNetwork(config.widths).to(device)
    fill(network, {name: value.float() for name, value in tensors.items()}, str(path))
    return network.eval().requires_grad_(False), config


def weights_file(source: str | os.PathLike[str] | None) -> Path:
    """The file of weights that a path stands for.

    Raises
    ------
    ModelError
        There is none.
    """
    path = SHIPPED.with_suffix(".safetensors") if source is None else Path(source)
    if path.is_dir():
        path = path / MODEL_FILE
        if not path.is_file():
            raise ModelError(f"{source} holds no {MODEL_FILE}: expected the folder of a run")
    if not path.is_file():
        raise ModelError(f"{path} does not exist: expected a modeldir or a .safetensors file")
    return path


def torch_network(source: str | os.PathLike[str] | None, device: str | None) -> Network:
    """A network on a device, for `gan.editor.repair.Repairer`."""
    place = usable_device(device)
    network, _ = load_network(source, device=place)
    network.to(memory_format=torch.channels_last)

    def residual(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            given = torch.from_numpy(planes).to(place, memory_format=torch.channels_last)
            answer: NDArray[np.float32] = network(given).residual.float().cpu().numpy()
        return answer

    return residual
