"""What a classifier says of faces, and how good that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from classifier import metrics
from classifier.augment import middle
from classifier.dataset import Faces
from classifier.mirror import mirrored_points
from landmarks.keypoints.batches import to_tensor

Array = NDArray[Any]

_BATCH = 64


@dataclass
class Standing:
    """How well a run does on validation persons.

    Attributes
    ----------
    best : float or None
        Smallest weighed loss so far.
    epoch : int
        When it was reached.
    temperature : float
        Of the weights that reached it.
    """

    best: float | None = None
    epoch: int = 0
    temperature: float = 1.0


def logits_of(network: nn.Module, faces: Faces, device: torch.device | str) -> Array:
    """(n, C) mean logits of each face and its mirror image; evaluation mode after."""
    network.eval()
    return look(network, middle(faces.images, faces.side), faces.points, device)


def look(network: nn.Module, images: Array, points: Array, device: torch.device | str) -> Array:
    """The same of (n, side, side[, 3]) uint8 squares and (n, 68, 2) aligned landmarks."""
    parts: list[Tensor] = []
    other = mirrored_points(points)
    with torch.no_grad():
        for at in range(0, len(images), _BATCH):
            rows = slice(at, at + _BATCH)
            pictures = to_tensor(images[rows]).to(device)
            seen = [
                network(given, torch.from_numpy(np.float32(places[rows])).to(device))
                for given, places in ((pictures, points), (pictures.flip(-1), other))
            ]
            parts.append(((seen[0] + seen[1]) / 2).float().cpu())
    return torch.cat(parts).numpy()


def weighed_loss(logits: Array, labels: Array, weights: Array) -> float:
    """Cross-entropy with weights of classes."""
    given = torch.from_numpy(np.float32(logits)), torch.from_numpy(labels)
    return float(functional.cross_entropy(*given, torch.from_numpy(np.float32(weights))))


def judge(logits: Array, labels: Array) -> dict[str, float]:
    """Numbers for the metrics of a run."""
    classes = logits.shape[1]
    counts = metrics.confusion_matrix(labels, logits.argmax(axis=1), classes)
    return {
        "validation_accuracy": metrics.accuracy(counts),
        "validation_balanced_accuracy": metrics.balanced_accuracy(counts),
        "validation_macro_f1": metrics.macro_f1(counts),
    }
