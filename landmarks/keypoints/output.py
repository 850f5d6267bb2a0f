"""What every network answers."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Output(NamedTuple):
    """What a network says of each picture.

    Attributes
    ----------
    points : (B, 68, 2) tensor
        (x, y) in fractions of the crop's side (`landmarks.keypoints.crops`).
    radius : (B, 68) tensor or None
        The truth lies within it of its point in 90 % of all cases, in the same fractions; None
        where the network does not tell.
    trust : (B,) tensor or None
        Logit of "this is a face, and the points fit it".
    """

    points: Tensor
    radius: Tensor | None = None
    trust: Tensor | None = None
