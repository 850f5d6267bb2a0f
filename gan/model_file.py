"""The file of a generator: its weights, and the settings that they were trained with.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gan.config import Config
from landmarks.runs.state import CHECKPOINT_FILE
from landmarks.runs.tensor_file import (
    ModelError,
    load_network,
    read_text,
    settings_in,
    weights_in,
    write_tensors,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

GENERATOR_FILE = "generator.safetensors"


def save_generator(path: str | os.PathLike[str], generator: nn.Module, config: Config) -> None:
    """Write a generator with its settings.

    Parameters
    ----------
    path : path-like
        Ends in ``.safetensors``; appears whole or not at all.
    generator : torch.nn.Module
    config : Config

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_tensors(path, generator.state_dict(), config.to_json())


def read_config(source: str | os.PathLike[str], *, ema: bool = True) -> Config:
    """The settings of a generator, without its weights; torch is not loaded.

    Parameters
    ----------
    source, ema
        As `load_generator`.

    Raises
    ------
    ModelError, ConfigError
        As `load_generator`.
    """
    path, _ = _place(source, ema)
    return _parse(read_text(path), str(path))


def load_generator(
    source: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    ema: bool = True,
) -> tuple[nn.Module, Config]:
    """Read a generator, ready to draw faces (evaluation mode, no gradients).

    Parameters
    ----------
    source : path-like
        A `modeldir` of `python -m gan.train`, or a file that `save_generator` wrote.
    device : str or torch.device, optional
    ema : bool, optional
        The moving average of the weights, where the recipe keeps one; False takes the weights of
        the last step, which only a `modeldir` has.

    Returns
    -------
    generator : torch.nn.Module
        (B, 3, size, size) landmark images in [−1, 1] → faces of the same shape and range.
    config : Config

    Raises
    ------
    ModelError
        Nothing is there, it is damaged, or it is something else.
    ConfigError
        Its settings are damaged or of a newer version.
    """
    from gan.networks import build_generator

    path, prefix = _place(source, ema)
    return load_network(path, _parse, build_generator, device=device, prefix=prefix)


def _place(source: str | os.PathLike[str], ema: bool) -> tuple[Path, str]:
    """The file of a generator, and what its tensors' names begin with."""
    if not ema and Path(source).is_file():
        raise ModelError(f"{source} is a file: weights of the last step are in a run's folder")
    if ema or not Path(source).is_dir():
        return weights_in(source, GENERATOR_FILE), ""
    return weights_in(source, CHECKPOINT_FILE), "networks.generator."


def _parse(told: str, source: str) -> Config:
    return Config.from_json(settings_in(told), source)
