"""A face's landmarks in the mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landmarks import scheme

Array = NDArray[Any]


def mirrored_points(points: Array) -> Array:
    """Aligned landmarks (..., 68, 2), in fractions of the square's side, of the mirrored picture.

    Notes
    -----
    Twice is what was given.
    """
    return (np.asarray(points) * [-1, 1] + [1, 0])[..., scheme.MIRROR, :]
