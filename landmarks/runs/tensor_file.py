"""Tensors and one text in a file; networks, whose settings are that text.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError, safe_open

from landmarks.errors import InputError
from landmarks.files import replacing

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Told = TypeVar("Told")


class ModelError(InputError):
    """A file holds no network that can be used."""


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
    from safetensors.torch import save

    # One that is laid out channels last is a view of another order.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path, "wb") as handle:
        handle.write(save(plain, {"config": told}))


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file, without its tensors; torch is not loaded.

    Raises
    ------
    ModelError
        No such file, damaged, or of another kind.
    """
    with _opened(path, "numpy", "cpu") as (_, told):
        return told


def settings_in(told: str) -> str:
    """The settings in a file's text: that of a checkpoint, or of a file that ships, tells more."""
    try:
        inner = json.loads(told).get("config")
    except (ValueError, AttributeError):
        return told
    return inner if isinstance(inner, str) else told


def read_tensors(
    path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    prefix: str = "",
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
    with _opened(path, "pt", str(device)) as (opened, told):
        names = [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name[len(prefix) :]: opened.get_tensor(name) for name in names}, told


@contextmanager
def _opened(path: str | os.PathLike[str], framework: str, device: str) -> Iterator[tuple[Any, str]]:
    """A file and its text."""
    if not Path(path).is_file():
        raise ModelError(f"{path} does not exist: expected a .safetensors file")
    try:
        with safe_open(path, framework=framework, device=device) as opened:
            told = (opened.metadata() or {}).get("config")
            if told is None:
                raise ModelError(f"{path} tells no settings: it was not written by this software")
            yield opened, told
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no .safetensors file: {error}") from None


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a module weights that must fit it one to one.

    What batch normalisation counted in training may be missing.

    Raises
    ------
    ModelError
        Names or shapes differ.
    """
    counted = {k: v for k, v in module.state_dict().items() if k.endswith("num_batches_tracked")}
    try:
        module.load_state_dict({**counted, **tensors})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{source} does not hold the weights that it announces: {reason}"
        ) from None


def weights_in(source: str | os.PathLike[str], name: str) -> Path:
    """The file that a path stands for: itself, or the one of that name where it is a folder.

    Raises
    ------
    ModelError
        A folder holds no such file.
    """
    path = Path(source)
    if not path.is_dir():
        return path
    if not (path / name).is_file():
        raise ModelError(f"{source} holds no {name}: expected the folder of a training run")
    return path / name


def load_network(
    path: str | os.PathLike[str],
    parse: Callable[[str, str], Told],
    build: Callable[[Told], nn.Module],
    *,
    device: str | torch.device = "cpu",
    prefix: str = "",
) -> tuple[nn.Module, Told]:
    """A network from its file, in evaluation mode and without gradients.

    Parameters
    ----------
    path : path-like
    parse : callable
        The file's text, and where it is from → settings.
    build : callable
        Settings → a network with other weights.
    device, prefix
        As `read_tensors`.

    Returns
    -------
    network : torch.nn.Module
    settings
        What `parse` made.

    Raises
    ------
    ModelError
        Nothing is there, it is damaged, or it is something else.
    """
    tensors, told = read_tensors(path, device=device, prefix=prefix)
    settings = parse(told, str(path))
    network = build(settings).to(device)
    fill(network, tensors, str(path))
    return network.eval().requires_grad_(False), settings
