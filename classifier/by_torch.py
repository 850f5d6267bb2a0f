"""Any classifier, computed by torch (a machine on landmarks by numpy)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from classifier.landmark_svm import LandmarkSvm
from classifier.model_file import read_classifier
from landmarks.keypoints.batches import to_tensor
from landmarks.runs.devices import usable_device

Array = NDArray[Any]

_BATCH = 64


class ByTorch:
    """Computes the classifier of a file.

    Parameters
    ----------
    source : path-like
        As `classifier.model_file.read_classifier` takes it.
    device : str or None
        None is a GPU that torch can use, else the processor.

    Attributes
    ----------
    network : torch.nn.Module or LandmarkSvm
    config : Config
    temperature : float
    persons, pictures : frozenset of int
    """

    def __init__(self, source: str | os.PathLike[str], device: str | None = None) -> None:
        self._device = usable_device(device)
        stored = read_classifier(source, device=self._device)
        self.network, self.config, self.temperature, self.persons, self.pictures = stored

    def __call__(self, images: Array, points: Array) -> Array:
        if isinstance(self.network, LandmarkSvm):
            return self.network.scores(points)
        return seen_by(self.network, images, points, self._device)


def seen_by(network: nn.Module, images: Array, points: Array, device: torch.device | str) -> Array:
    """(n, C) logits that a network gives (n, side, side[, 3]) uint8 squares and their (n, 68, 2)
    aligned landmarks."""
    parts = []
    with torch.no_grad():
        for at in range(0, len(images), _BATCH):
            rows = slice(at, at + _BATCH)
            places = torch.from_numpy(np.float32(points[rows])).to(device)
            seen = network(to_tensor(images[rows]).to(device), places)
            parts.append(seen.float().cpu().numpy())
    return np.concatenate(parts)
