"""Losses of both recipes: pure functions of tensors.

Published: means of logistic terms (Yoo et al. 2016), and the gate on them. Better: hinge losses
(Lim and Ye 2017), L1, and feature matching (Wang et al., "pix2pixHD", CVPR 2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def logistic(logits: Tensor, *, real: bool) -> Tensor:
    """Mean of −log σ(logit) for real, −log(1 − σ(logit)) for fake.

    Parameters
    ----------
    logits : (B,) tensor
    real : bool
        What the discriminator should say.

    Returns
    -------
    loss : scalar tensor
        float32, at least 0; log 2 where the discriminator cannot tell.
    """
    logits = logits.float()
    return F.softplus(-logits if real else logits).mean()


def face_discriminator_loss(associated: Tensor, other: Tensor, fake: Tensor) -> Tensor:
    """Real or fake: the mean over a real face, another person's real face, and a generated one.

    Parameters
    ----------
    associated, other, fake : (B,) tensor
        Logits.
    """
    return (logistic(associated, real=True) + logistic(other, real=True) + _fake(fake)) / 3


def pair_discriminator_loss(associated: Tensor, other: Tensor, fake: Tensor) -> Tensor:
    """Associated or not: the mean over landmarks with their face, with another's, with a generated.

    Parameters
    ----------
    associated, other, fake : (B,) tensor
        Logits.
    """
    return (logistic(associated, real=True) + _fake(other) + _fake(fake)) / 3


def generator_loss(face_logits: Tensor, pair_logits: Tensor) -> Tensor:
    """How well a generated face passes as real, and as associated: the mean of both.

    Parameters
    ----------
    face_logits, pair_logits : (B,) tensor
        Of the generated faces.
    """
    return (logistic(face_logits, real=True) + logistic(pair_logits, real=True)) / 2


def _fake(logits: Tensor) -> Tensor:
    return logistic(logits, real=False)


def gate_is_open(losses: Sequence[float], matrix: Sequence[Sequence[float]]) -> bool:
    """Whether the published gate lets a step change the weights.

    Parameters
    ----------
    losses : 3 floats
        e: of the generator, of the face discriminator, of the pair discriminator.
    matrix : (3, 3) floats
        M.

    Returns
    -------
    open : bool
        λ > e M eᵀ, where λ is the largest eigenvalue of eᵀe.

    Notes
    -----
    eᵀe has rank one, so that λ = e·e and no eigenvalues need to be found. The published code takes
    the first that LAPACK returns, in an order that is not promised: often one of the two zeros.
    """
    bilinear = sum(
        left * entry * right
        for left, row in zip(losses, matrix, strict=True)
        for entry, right in zip(row, losses, strict=True)
    )
    return sum(loss * loss for loss in losses) > bilinear


def hinge_discriminator_loss(real: Tensor, mismatched: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of one discriminator that sees landmarks and a face together.

    Parameters
    ----------
    real, mismatched, fake : tensor
        Logits of patches, of equal shapes: landmarks with their own face, with another person's,
        with a generated one. Both latter should be refused, with half the weight each (Reed et
        al., "Generative Adversarial Text to Image Synthesis", ICML 2016).
    """
    refused = F.relu(1 + mismatched.float()).mean() + F.relu(1 + fake.float()).mean()
    return F.relu(1 - real.float()).mean() + refused / 2


def hinge_generator_loss(fake: Tensor) -> Tensor:
    """−mean of the logits of generated faces."""
    return -fake.float().mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean L1 distance of a discriminator's activations, averaged over its layers.

    Parameters
    ----------
    fake, real : sequences of tensors
        Equal shapes, layer by layer; no gradient flows into `real`.
    """
    parts = [
        F.l1_loss(ours.float(), theirs.detach().float())
        for ours, theirs in zip(fake, real, strict=True)
    ]
    return torch.stack(parts).mean()


def weighted_l1(fake: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight · |fake − real|, over the mean weight of the same picture.

    Each picture is a mean of its own, so that the mean over shares of a batch is that of the batch.

    Parameters
    ----------
    fake, real : (B, 3, H, W) tensor
        In [−1, 1].
    weight : (B, 1, H, W) tensor
        At least 0.
    """
    distance = (fake.float() - real.float()).abs().mean(1, keepdim=True)
    return ((weight * distance).mean((1, 2, 3)) / weight.mean((1, 2, 3))).mean()
