"""What a classifier says of faces, and how good that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from classifier import metrics
from classifier.augment import middle
from classifier.by_torch import seen_by
from classifier.dataset import Faces
from classifier.model import both_ways

Array = NDArray[Any]


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

    def compute(images: Array, points: Array) -> Array:
        return seen_by(network, images, points, device)

    return both_ways(compute, middle(faces.images, faces.side), faces.points)


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
