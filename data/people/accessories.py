"""What a person wears or holds in one picture: glasses, a mask, a hat, a hand before the face."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.people.appearance import Look

GLASSES = ("", "thin", "thick", "rimless", "sunglasses")
MASKS = ("", "surgical", "cloth")
HATS = ("", "beanie", "cap")
HANDS = ("", "chin", "cheek", "mouth", "eye", "forehead")


@dataclass(frozen=True)
class Accessories:
    """What covers parts of the head in one picture.

    Attributes
    ----------
    glasses, mask, hat, hand : str
        Kinds, of `GLASSES`, `MASKS`, `HATS` and `HANDS`; empty for none.
    seed : int
        Of their shapes, colours and places.
    """

    glasses: str = ""
    mask: str = ""
    hat: str = ""
    hand: str = ""
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def draw_accessories(rng: np.random.Generator, look: Look) -> Accessories:
    """Draw what a person wears in one picture; it depends on the person, never on the emotion.

    Parameters
    ----------
    rng : numpy.random.Generator
        The picture's own stream for accessories.
    look : Look
        Some people wear glasses in most of their pictures, the others in few.
    """
    own = np.random.default_rng([look.seed, 60])
    wears = own.random() < 0.2 + 0.15 * look.age
    usual = str(own.choice(GLASSES[1:4]))
    glasses = ""
    if rng.random() < (0.8 if wears else 0.03):
        glasses = usual
    if rng.random() < 0.04:
        glasses = "sunglasses"
    mask = str(rng.choice(MASKS[1:])) if rng.random() < 0.025 else ""
    hat = ""
    if not look.headwear and rng.random() < 0.08:
        hat = str(rng.choice(HATS[1:]))
    hand = str(rng.choice(HANDS[1:])) if not mask and rng.random() < 0.045 else ""
    return Accessories(glasses, mask, hat, hand, int(rng.integers(2**31)))
