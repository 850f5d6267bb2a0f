"""What is made small in training: pure functions of tensors.

Points and radii are fractions of the crop's side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from landmarks import scheme
from landmarks.keypoints.output import Output

SCALES_90 = 3.8897202
"""90 % of a two-dimensional Laplace distribution lie within so many of its scales: where the
distribution of the distance, a gamma distribution of shape 2, reaches 0.9."""

_SHORTEST = 0.15  # inter-ocular distance in a profile, below which errors count no more
_FIT, _MISFIT = 0.06, 0.14  # mean errors of a fit that is to be trusted, and that is not


def inter_ocular(points: Tensor) -> Tensor:
    """(B,) distances of the outer eye corners; of a profile 0.15 of the side, at least."""
    corners = points[:, scheme.RIGHT_OUTER_EYE_CORNER] - points[:, scheme.LEFT_OUTER_EYE_CORNER]
    return corners.norm(dim=1).clamp_min(_SHORTEST)


def wing(predicted: Tensor, truth: Tensor, *, width: float, curve: float) -> Tensor:
    """Wing loss of coordinates in inter-ocular distances: logarithmic near, linear far.

    Parameters
    ----------
    predicted, truth : (B, 68, 2) tensors
    width : float
        Error up to which it is logarithmic, in inter-ocular distances.
    curve : float
        The smaller, the more it cares for small errors.

    Returns
    -------
    loss : scalar tensor
        Mean over all coordinates, divided by `width`.

    References
    ----------
    Feng et al., "Wing Loss for Robust Facial Landmark Localisation with Convolutional Neural
    Networks", CVPR 2018, Eq. (5).
    """
    error = (predicted - truth).abs() / inter_ocular(truth)[:, None, None]
    joined = width - width * math.log1p(width / curve)
    near = width * torch.log1p(error / curve)
    return torch.where(error < width, near, error - joined).mean() / width


def radius_likelihood(radius: Tensor, distance: Tensor) -> Tensor:
    """Negative log-likelihood of distances, whose 90 % radius is told.

    Parameters
    ----------
    radius : (B, 68) tensor
    distance : (B, 68) tensor
        Of the points from the truth; no gradient goes through it.

    Returns
    -------
    loss : scalar tensor
        Mean, of a two-dimensional Laplace distribution without its constant: d / b + 2 log b with
        its scale b = radius / SCALES_90.

    Notes
    -----
    Smallest where b is half of the mean distance.
    """
    scale = radius.clamp_min(1e-5) / SCALES_90
    return (distance.detach() / scale + 2 * scale.log()).mean()


def better(
    output: Output, points: Tensor, faces: Tensor, settings: Mapping[str, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Our loss.

    Parameters
    ----------
    output : Output
    points : (B, 68, 2) tensor
        The truth.
    faces : (B,) bool tensor
        False where there is no face; such a picture counts for `trust` alone.
    settings : mapping
        `landmarks.keypoints.config.BETTER`.

    Returns
    -------
    loss : scalar tensor
    parts : dict
        'points', and where the network tells them 'radius' and 'trust': scalar tensors.
    """
    predicted, truth = output.points[faces], points[faces]
    parts = {
        "points": wing(predicted, truth, width=settings["wing_width"], curve=settings["wing_curve"])
    }
    loss = parts["points"]
    distance = (predicted - truth).norm(dim=2).detach()
    if output.radius is not None:
        parts["radius"] = radius_likelihood(output.radius[faces], distance)
        loss = loss + settings["radius"] * parts["radius"]
    if output.trust is not None:
        error = distance.mean(dim=1) / inter_ocular(truth)
        wanted = torch.zeros_like(output.trust)
        wanted[faces] = 1 - ((error - _FIT) / (_MISFIT - _FIT)).clamp(0, 1)
        parts["trust"] = functional.binary_cross_entropy_with_logits(output.trust, wanted)
        loss = loss + settings["trust"] * parts["trust"]
    return loss, parts


def published(network: str, output: Output, points: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a published recipe.

    Parameters
    ----------
    network : {'naimishnet', 'resnet18', 'efficientnet_b0'}
        Squared error of positions in [−1, 1]; squared error of fractions; smooth L1 of fractions.
    output : Output
    points : (B, 68, 2) tensor
        The truth.

    Returns
    -------
    loss : scalar tensor
    parts : dict
        'points'.
    """
    if network == "efficientnet_b0":
        loss = functional.smooth_l1_loss(output.points, points)
    else:
        unit = 2.0 if network == "naimishnet" else 1.0
        loss = functional.mse_loss(unit * output.points, unit * points)
    return loss, {"points": loss}
