"""FID and KID, where the weights of the Inception network are at hand; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

_WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
_ADDRESS = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0"
_AT_ONCE = 32


def missing_inception(faces: int) -> str | None:
    """Why FID and KID cannot be measured here; None where they can.

    Parameters
    ----------
    faces : int
        How many there are in each of the two sets.

    Returns
    -------
    reason : str or None
        One sentence, with what to do.
    """
    import torch

    if faces < 2:
        return "FID and KID are left out: they compare sets of at least two faces"
    folder = Path(torch.hub.get_dir(), "checkpoints")
    packages = {"torchmetrics": "torchmetrics", "torch_fidelity": "torch-fidelity"}
    lacking = [
        name for module, name in packages.items() if importlib.util.find_spec(module) is None
    ]
    steps = [f"pip install {' '.join(lacking)}"] if lacking else []
    if not (folder / _WEIGHTS).is_file():
        steps.append(f"put {_ADDRESS}/{_WEIGHTS} into {folder}")
    return f"FID and KID are left out; to get them, {' and '.join(steps)}" if steps else None


def inception_distances(
    generated: NDArray[np.uint8], true: NDArray[np.uint8], *, network: nn.Module | None = None
) -> tuple[float, float]:
    """FID and KID by torchmetrics.

    Parameters
    ----------
    generated, true : (n, H, W, 3) uint8 array
        RGB, n ≥ 2.
    network : torch.nn.Module, optional
        (n, 3, H, W) uint8 → (n, d) features, with an attribute `num_features`; left out, Inception
        (see `missing_inception`).

    Returns
    -------
    fid, kid : float
        KID is the mean over 50 subsets of at most 100 pictures, drawn with a fixed seed.
    """
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    subset = min(100, len(generated), len(true))
    with warnings.catch_warnings():
        # KID keeps all features: a few thousand faces' are small.
        warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance`")
        fid = FrechetInceptionDistance(feature=2048 if network is None else network)
        kid = KernelInceptionDistance(
            feature=2048 if network is None else network, subsets=50, subset_size=subset
        )
    for images, real in ((true, True), (generated, False)):
        for start in range(0, len(images), _AT_ONCE):
            part = torch.from_numpy(images[start : start + _AT_ONCE].copy()).permute(0, 3, 1, 2)
            fid.update(part, real=real)
            kid.update(part, real=real)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return float(fid.compute()), float(kid.compute()[0])
