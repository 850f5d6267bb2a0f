"""Weights that training begins with: ImageNet's, or those of an earlier run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from landmarks.keypoints.config import Config
from landmarks.keypoints.model_file import MODEL_FILE, load_model
from landmarks.runs.tensor_file import ModelError, fill, weights_in

OWN = ".safetensors"
"""Our own files end so; torchvision's do not."""

_CLASSIFIERS = ("fc.", "classifier.")


def weights_file(path: str | os.PathLike[str]) -> Path:
    """The file of weights that a path stands for: itself, or the best one of a run's folder.

    Raises
    ------
    ModelError
        There is no such file.
    """
    file = weights_in(path, MODEL_FILE)
    if not file.is_file():
        raise ModelError(
            f"the weights {path} do not exist: expected 'imagenet', a modeldir, a .safetensors "
            "file or torchvision's file"
        )
    return file


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the weights that a path stands for.

    Raises
    ------
    ModelError
        As `weights_file`.
    """
    return hashlib.sha256(weights_file(path).read_bytes()).hexdigest()


def check_start(config: Config, path: str | os.PathLike[str] | None) -> None:
    """Refuse weights other than those which the settings announce.

    Parameters
    ----------
    config : Config
    path : path-like or None
        As `begin_with`.

    Raises
    ------
    ModelError
        They are missing, others, or not announced at all.
    """
    if path is None:
        if config.start:
            raise ModelError(
                f"the settings announce weights of SHA-256 {config.start[:12]}… to begin with, "
                "and none are given: expected their file"
            )
        return
    found = digest(path)
    if config.start not in ("", found) or not (config.start or config.imagenet):
        told = f"SHA-256 {config.start[:12]}…" if config.start else "none"
        raise ModelError(
            f"the weights {path} have SHA-256 {found[:12]}…, and the settings' start announces "
            f"{told}: expected the same"
        )


def begin_with(network: nn.Module, config: Config, path: str | os.PathLike[str] | None) -> None:
    """Fill a new network.

    Parameters
    ----------
    network : torch.nn.Module
        As `build_network(config)` gives it.
    config : Config
    path : path-like or None
        A .safetensors file that `save_model` wrote, or the folder of its run; or, where
        `config.imagenet` says so, torchvision's file of ImageNet weights; None downloads those.

    Raises
    ------
    ModelError
        The file is missing, damaged, or of another network; the download fails.
    """
    if path is not None and is_own(path):
        _from_model(network, config, path)
        return
    if not config.imagenet:
        return
    state = _download(config.network) if path is None else _read_state(path)
    told = str(path or "the download")
    kept = {name: v for name, v in state.items() if not name.startswith(_CLASSIFIERS)}
    first = next(iter(kept), "")
    if config.channels == 1 and first and kept[first].ndim == 4:
        # A grey picture is one whose three channels are equal.
        kept[first] = kept[first].sum(dim=1, keepdim=True)
    body = network.body
    assert isinstance(body, nn.Module)
    own = {k: v for k, v in body.state_dict().items() if k.startswith(_CLASSIFIERS)}
    fill(body, {**own, **kept}, told)


def is_own(path: str | os.PathLike[str]) -> bool:
    """Whether weights are of this software, and not of torchvision."""
    return os.path.isdir(path) or os.fspath(path).lower().endswith(OWN)


def _from_model(network: nn.Module, config: Config, path: str | os.PathLike[str]) -> None:
    given, made = load_model(path)
    for name in ("network", "channels"):
        if getattr(made, name) != getattr(config, name):
            raise ModelError(
                f"{path} holds weights of {made.network} with {made.channels} channels: expected "
                f"{config.network} with {config.channels}"
            )
    if made.leaks and not config.leaks:
        raise ModelError(f"{path} was trained on test persons (--leaks): give --leaks here too")
    if made.imagenet != config.imagenet:
        config_says = "with" if config.imagenet else "without"
        raise ModelError(
            f"{path} sees pictures {'with' if made.imagenet else 'without'} ImageNet's mean and "
            f"deviation, this run would {config_says}: expected the same"
        )
    network.load_state_dict(given.state_dict())
    if isinstance(factor := getattr(network, "radius_factor", None), Tensor):
        factor.fill_(1)  # it is measured anew


def _read_state(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged pickles raise whatever their bytes happen to say.
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"{path} is no file of weights: {reason}") from None
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise ModelError(f"{path} holds no weights by name: expected a file of torchvision")
    return state


def _download(network: str) -> dict[str, Tensor]:
    from torchvision import models  # type: ignore[import-untyped]

    weights = {
        "resnet18": models.ResNet18_Weights.IMAGENET1K_V1,
        "efficientnet_b0": models.EfficientNet_B0_Weights.IMAGENET1K_V1,
    }[network]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the ImageNet weights cannot be downloaded ({error}): get {weights.url} on another "
            "machine, and give the file with --weights FILE"
        ) from None
    return state
