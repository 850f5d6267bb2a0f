"""Pictures of faces side by side, such as landmarks, generated and true ones, in one picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS = 8


def sample_grid(*columns: Tensor) -> NDArray[np.uint8]:
    """At most eight of the faces, from all parts of the batch.

    Parameters
    ----------
    *columns : (B, 3, H, W) tensors
        In [−1, 1]; B ≥ 1.

    Returns
    -------
    grid : (rows · H, columns · W, 3) uint8 array
        RGB; a row for each face.
    """
    shown = torch.stack(columns, 1)[:: -(-len(columns[0]) // ROWS)]
    grid = torch.cat([torch.cat(list(row), 2) for row in shown], 1)
    whole = ((grid.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return np.ascontiguousarray(whole.permute(1, 2, 0).cpu().numpy())
