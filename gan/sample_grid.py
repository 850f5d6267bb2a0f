"""Landmarks, generated and true faces side by side, in one picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS = 8


def sample_grid(landmarks: Tensor, generated: Tensor, true: Tensor) -> NDArray[np.uint8]:
    """At most eight of the faces, from all parts of the batch.

    Parameters
    ----------
    landmarks, generated, true : (B, 3, H, W) tensor
        In [−1, 1]; B ≥ 1.

    Returns
    -------
    grid : (rows · H, 3 · W, 3) uint8 array
        RGB; a row for each face, with landmarks, generated and true one from left to right.
    """
    shown = torch.stack([landmarks, generated, true], 1)[:: -(-len(true) // ROWS)]
    grid = torch.cat([torch.cat(list(row), 2) for row in shown], 1)
    whole = ((grid.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return np.ascontiguousarray(whole.permute(1, 2, 0).cpu().numpy())
