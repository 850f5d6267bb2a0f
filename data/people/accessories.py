"""Things that a person wears or holds in one picture: glasses, a mask, a hand before the face."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.people.appearance import Look


@dataclass(frozen=True)
class Accessories:
    """What covers parts of the head in one picture.

    Attributes
    ----------
    glasses, mask, hand, hat : str
        Kinds, empty for none.
    seed : int
        Of their shapes and colours.
    """

    glasses: str = ""
    mask: str = ""
    hand: str = ""
    hat: str = ""
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def draw_accessories(rng: np.random.Generator, look: Look) -> Accessories:
    """Draw what a person wears in one picture, which never depends on the emotion."""
    return Accessories(seed=int(rng.integers(2**31)))
