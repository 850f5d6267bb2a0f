"""How well a network does on persons that it was not trained on, while it is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landmarks import scheme
from landmarks.keypoints.batches import to_tensor
from landmarks.keypoints.runtimes import Answers
from landmarks.metrics import FAILED, inter_ocular_distances

Array = NDArray[Any]

STRETCHED = 0.91
"""Radii are stretched to hold so many of the truths in the crops of validation persons, so that
they hold 90 % in boxes that a detector found, where 0.7 % fewer of the same persons' truths were
inside."""

_BATCH = 64


@dataclass
class Standing:
    """How well a run does on validation persons.

    Attributes
    ----------
    best : float or None
        Smallest mean error so far, in inter-ocular distances.
    epoch : int
        When it was reached.
    schedule : dict
        State of the plateau schedule, where there is one.
    """

    best: float | None = None
    epoch: int = 0
    schedule: dict[str, Any] = field(default_factory=dict)


def ask(network: nn.Module, images: Array, device: torch.device) -> Answers:
    """Answers to (n, side, side[, 3]) uint8 pictures; the network is in evaluation mode after."""
    network.eval()
    parts: list[list[Tensor]] = []
    with torch.no_grad():
        for at in range(0, len(images), _BATCH):
            output = network(to_tensor(images[at : at + _BATCH]).to(device))
            parts.append([value.float().cpu() for value in output if value is not None])
    joined = [torch.cat(values).numpy() for values in zip(*parts, strict=True)]
    return Answers(joined[0], *(joined[1:] or (None, None)))


def mean_errors(said: Array, truth: Array) -> Array:
    """(n,) mean distances of (n, 68, 2) points, in inter-ocular distances of the truth."""
    length = np.maximum(inter_ocular_distances(truth), 1e-6)
    return np.linalg.norm(said - truth, axis=2).mean(axis=1) / length


def radius_factors(radius: Array, distance: Array, share: float = STRETCHED) -> Array:
    """What radii must be multiplied with to hold the wanted share of the truths.

    Parameters
    ----------
    radius, distance : (n, 68) float arrays
        Stated radii, and true distances.
    share : float, optional

    Returns
    -------
    factors : (68,) float array
        The same for all landmarks of a region (`landmarks.scheme.REGIONS`).
    """
    ratio = distance / radius
    factors = np.empty(scheme.COUNT)
    for region in scheme.REGIONS.values():
        factors[list(region)] = np.quantile(ratio[:, list(region)], share)
    return factors


def judge(said: Answers, truth: Array) -> dict[str, float]:
    """Numbers for the metrics of a run.

    Parameters
    ----------
    said : Answers
        Radii as the network is trained, without factors.
    truth : (n, 68, 2) float array
        Fractions of the side.

    Returns
    -------
    numbers : dict
        'validation_nme' (mean over faces, inter-ocular), 'validation_failures' (above 8 %), and
        where radii are told 'validation_coverage', the share of truths inside.
    """
    errors = mean_errors(said.points, truth)
    numbers = {
        "validation_nme": float(errors.mean()),
        "validation_failures": float((errors > FAILED).mean()),
    }
    if said.radius is not None:
        inside = np.linalg.norm(said.points - truth, axis=2) <= said.radius
        numbers["validation_coverage"] = float(inside.mean())
    return numbers
