"""The small landmark network of `people_gap`, and its training on one core."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from landmarks import scheme
from landmarks.files import replacing
from scripts.bench.gap_faces import INPUT, Faces, augment

Array = NDArray[Any]

_SAVED_EVERY = 500  # steps


class Recipe(NamedTuple):
    """How a network is trained; the same for every arm."""

    steps: int
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.02
    seed: int = 0


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_convolution(width, width), _convolution(width, width))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class LandmarkNetwork(nn.Module):
    """68 points as the mean positions of 68 maps on a grid of a quarter of the input's side."""

    def __init__(self) -> None:
        super().__init__()
        self.quarter = nn.Sequential(_convolution(3, 16, 2), _convolution(16, 32, 2), _Residual(32))
        self.eighth = nn.Sequential(_convolution(32, 80, 2), _Residual(80), _Residual(80))
        self.sixteenth = nn.Sequential(_convolution(80, 128, 2), _Residual(128))
        self.lateral = nn.ModuleList(nn.Conv2d(width, 64, 1) for width in (32, 80, 128))
        self.merge = _convolution(64, 64)
        self.maps = nn.Conv2d(64, scheme.COUNT, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Points of (B, 3, INPUT, INPUT) images in [−1, 1]: (B, 68, 2) pixels."""
        quarter = self.quarter(images)
        eighth = self.eighth(quarter)
        fine, middle, coarse = (
            layer(features)
            for layer, features in zip(
                self.lateral, (quarter, eighth, self.sixteenth(eighth)), strict=True
            )
        )
        middle = middle + functional.interpolate(coarse, scale_factor=2.0)
        fine = fine + functional.interpolate(middle, scale_factor=2.0, mode="bilinear")
        maps = self.maps(self.merge(functional.relu(fine))).float()
        batch, count, rows, columns = maps.shape
        share = maps.flatten(2).softmax(dim=2).view(batch, count, rows, columns)
        step = INPUT / columns
        place = (torch.arange(columns, device=maps.device) + 0.5) * step - 0.5
        return torch.stack([share.sum(2) @ place, share.sum(3) @ place], dim=2)


def to_tensor(images: Array) -> Tensor:
    """(B, H, W, 3) uint8 → (B, 3, H, W) in [−1, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _batch(sources: Sequence[Faces], recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """Faces of step `step`, each source with the same share: a function of seed and step alone."""
    rng = np.random.default_rng([recipe.seed, step])
    drawn = [
        augment(source, int(row), rng)
        for part, source in enumerate(sources)
        for row in rng.integers(
            len(source.names), size=len(range(part, recipe.batch, len(sources)))
        )
    ]
    images, points = zip(*drawn, strict=True)
    return to_tensor(np.stack(images)), torch.from_numpy(np.stack(points))


def loss_of(predicted: Tensor, truth: Tensor) -> Tensor:
    """Wing loss in pixels: logarithmic up to 6 px, linear beyond (Feng et al., CVPR 2018)."""
    width, curve = 6.0, 1.5
    error = (predicted - truth).abs()
    joined = width - width * float(np.log(1 + width / curve))
    near = width * torch.log1p(error / curve)
    return torch.where(error < width, near, error - joined).mean()


def train(sources: Sequence[Faces], recipe: Recipe, target: Path, key: str) -> LandmarkNetwork:
    """Train, or go on, or read what was trained before.

    Parameters
    ----------
    sources : sequence of Faces
        Drawn from in equal parts.
    recipe : Recipe
    target : Path
        Of the weights; beside it a log, and while training the state to go on from.
    key : str
        What the weights depend on; others are not read.

    Returns
    -------
    network : LandmarkNetwork
        In evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    network = LandmarkNetwork().to(memory_format=torch.channels_last)
    if target.exists():
        saved = torch.load(target, weights_only=True)
        if saved["key"] == key:
            network.load_state_dict(saved["network"])
            return network.eval()
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.steps, pct_start=0.1
    )
    partial, log = target.with_suffix(".partial"), target.with_suffix(".log")
    parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "schedule": schedule}
    first = 0
    if partial.exists():
        saved = torch.load(partial, weights_only=True)
        if saved["key"] == key:
            first = saved["step"]
            for name, part in parts.items():
                part.load_state_dict(saved[name])
    network.train()
    began, losses = time.monotonic(), []
    for step in range(first, recipe.steps):
        images, truth = _batch(sources, recipe, step)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = network(images)
        loss = loss_of(predicted.float(), truth)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % _SAVED_EVERY == 0 or step + 1 == recipe.steps:
            pace = (step + 1 - first) / (time.monotonic() - began)
            told = {"step": step + 1, "loss": round(float(np.mean(losses)), 4)}
            print(f"  {target.stem}: {told}, {pace:.1f} steps/s", file=sys.stderr, flush=True)
            with open(log, "a", encoding="utf-8") as handle:
                handle.write(json.dumps(told) + "\n")
            losses.clear()
            state = {name: part.state_dict() for name, part in parts.items()}
            with replacing(partial, "wb", durable=False) as handle:
                torch.save({"key": key, "step": step + 1, **state}, handle)
    network.eval()
    with replacing(target, "wb", durable=False) as handle:
        torch.save({"key": key, "network": network.state_dict()}, handle)
    os.unlink(partial)
    return network


@torch.inference_mode()
def predict(network: LandmarkNetwork, images: Array) -> Array:
    """(n, 68, 2) points of (n, INPUT, INPUT, 3) uint8 pictures, in their pixels."""
    parts = [network(to_tensor(images[at : at + 64])) for at in range(0, len(images), 64)]
    return torch.cat(parts).numpy()
