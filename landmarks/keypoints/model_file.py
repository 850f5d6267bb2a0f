"""The file of a landmark network: its weights, and the settings that they were trained with.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from landmarks.keypoints.config import Config
from landmarks.runs.tensor_file import load_network, weights_in, write_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MODEL_FILE = "model.safetensors"


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

    path = weights_in(source, MODEL_FILE)
    return load_network(path, Config.from_json, build_network, device=device)
