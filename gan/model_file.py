"""The file of a generator: its weights, and the settings that they were trained with.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gan.config import Config
from landmarks.errors import InputError
from landmarks.files import replacing

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

GENERATOR_FILE = "generator.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"


class ModelError(InputError):
    """A file holds no generator that can be used."""


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
    # One that is laid out channels last is a view of another order.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path, "wb") as handle:
        handle.write(save(plain, {"config": told}))


def read_tensors(
    path: str | os.PathLike[str], *, device: str | torch.device = "cpu", prefix: str = ""
) -> tuple[dict[str, Tensor], str]:
    """Tensors and text of a file.

    Parameters
    ----------
    path : path-like
    device : str or torch.device, optional
    prefix : str, optional
        Only tensors whose names begin so are read, and they lose it.

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
            names = [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118
            tensors = {name[len(prefix) :]: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no .safetensors file: {error}") from None
    return tensors, told


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

    path, prefix = Path(source), ""
    if path.is_dir():
        name, prefix = (GENERATOR_FILE, "") if ema else (CHECKPOINT_FILE, "networks.generator.")
        path = path / name
        if not path.is_file():
            raise ModelError(f"{source} holds no {name}: expected the folder of a training run")
    elif not ema:
        raise ModelError(f"{source} is a file: weights of the last step are in a run's folder")
    tensors, told = read_tensors(path, device=device, prefix=prefix)
    config = Config.from_json(_config_of(told), str(path))
    generator = build_generator(config).to(device)
    load_exactly(generator, tensors, str(path))
    return generator.eval().requires_grad_(False), config


def load_exactly(module: nn.Module, tensors: dict[str, Any], source: str) -> None:
    """Fill a module with tensors that must fit it one to one.

    Raises
    ------
    ModelError
        Names or shapes differ.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{source} does not hold the weights that it announces: {reason}"
        ) from None


def _config_of(told: str) -> str:
    """The settings in a file's text: a checkpoint's tells more."""
    try:
        inner = json.loads(told).get("config")
    except (ValueError, AttributeError):
        return told
    return inner if isinstance(inner, str) else told
