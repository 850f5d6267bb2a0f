"""How fast a network learns at each step, and by which rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from landmarks.keypoints.config import Config


def rate_at(step: int, steps: int, settings: Mapping[str, float]) -> float:
    """Learning rate of our recipe: up in a line, down in half a cosine wave.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        In all.
    settings : mapping
        Of them `learning_rate`, the height, and `warm_up`, the share of the steps up to it.
    """
    rise = settings["warm_up"] * steps
    if step < rise:
        return settings["learning_rate"] * (step + 1) / (rise + 1)
    fall = (step - rise) / max(1.0, steps - rise)
    return settings["learning_rate"] * 0.5 * (1 + math.cos(math.pi * fall))


def make_optimizer(network: nn.Module, config: Config) -> torch.optim.Optimizer:
    """AdamW for ours, which spares biases and normalisations; Adam for the published recipes."""
    rate = config.settings["learning_rate"]
    if config.recipe == "published":
        return torch.optim.Adam(network.parameters(), rate)
    parameters = list(network.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, rate, weight_decay=config.settings["weight_decay"])


def make_plateau(
    optimizer: torch.optim.Optimizer, config: Config
) -> torch.optim.lr_scheduler.ReduceLROnPlateau | None:
    """The schedule that slows down where the error no longer falls, if the recipe has it."""
    if "plateau_factor" not in config.settings:
        return None
    return torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=config.settings["plateau_factor"],
        patience=int(config.settings["plateau_patience"]),
    )
