"""Losses of the editor: pure functions of tensors, each `(loss, parts)` or a number.

Faces are (B, 3, H, W) in [−1, 1], weights (B, 1, H, W) with 0 outside of the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from gan.editor.judge import Seen

_WINDOW = 7
_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # for a range of 2


def similarity(first: Tensor, second: Tensor) -> Tensor:
    """SSIM (B, 1, H, W) of windows of 7 pixels, the mean over colours.

    References
    ----------
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE Transactions on Image Processing 13 (4), 2004.
    """

    def mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(values, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)

    a, b = first.float(), second.float()
    mean_a, mean_b = mean(a), mean(b)
    spread_a, spread_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    shared = mean(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * shared + _C2) / (spread_a.clamp_min(0) + spread_b.clamp_min(0) + _C2)
    return (light * structure).mean(dim=1, keepdim=True)


def weighted(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of (B, C, H, W) with weights (B, 1, H, W)."""
    total = weight.sum().clamp_min(1e-6) * values.shape[1]
    return (values * weight).sum() / total


def landmark_distance(points: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance of (B, 68, 2) landmarks in inter-ocular distances."""
    eyes = (wanted[:, 36] - wanted[:, 45]).norm(dim=1).clamp_min(1)
    return ((points - wanted).norm(dim=2).mean(dim=1) / eyes).mean()


def feature_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of maps, level by level, in standard deviations of the second."""
    parts = [
        (a - b.detach()).abs().mean() / b.detach().std().clamp_min(1e-3)
        for a, b in zip(first, second, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_loss(
    face: Tensor,
    target: Tensor,
    weight: Tensor,
    wanted: Tensor,
    seen: tuple[Seen, Seen],
    critic: tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]],
    share: Mapping[str, float],
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the painted face is to become.

    Parameters
    ----------
    face, target, weight : tensors
    wanted : (B, 68, 2) tensor
        Landmarks in pixels.
    seen : (Seen, Seen)
        What the landmark network sees in the face and in the target.
    critic : (sequence, sequence, sequence)
        The critics' logits of the face, and their features of the face and the target; none before
        there are critics.
    share : mapping
        Weight of each part by name.

    Returns
    -------
    loss : tensor
    parts : dict
        `l1`, `structure`, `landmarks`, `perception`, `adversarial`, `matching`, without weights.
    """
    logits, painted, true = critic
    parts = {
        "l1": weighted((face - target).abs(), weight),
        "structure": weighted(1 - similarity(face, target), weight),
        "landmarks": landmark_distance(seen[0].points.float(), wanted),
        "perception": feature_distance(seen[0].features, seen[1].features),
        "adversarial": -_mean(logits) if logits else face.new_zeros(()),
        "matching": feature_distance(painted, true) if painted else face.new_zeros(()),
    }
    loss = torch.stack([share[name] * part.float() for name, part in parts.items()]).sum()
    return loss, parts


def critic_loss(true: Sequence[Tensor], painted: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the critics' logits (Lim and Ye, "Geometric GAN", arXiv:1705.02894, 2017)."""
    right = [functional.relu(1 - logits.float()) for logits in true]
    return _mean(right) + _mean([functional.relu(1 + logits.float()) for logits in painted])


def _mean(maps: Sequence[Tensor]) -> Tensor:
    """Each map counts alike, however large it is."""
    return torch.stack([values.float().mean() for values in maps]).mean()
