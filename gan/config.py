"""What a model is: everything that training was told and generating has to know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from landmarks.runs.settings import BATCH_LIMIT, ConfigError, Settings, completed

SIZES = (64, 128, 256)
RECIPES = ("published", "better")
PRECISIONS = ("fp32", "bf16")

BASE_FILTERS = {"published": 96, "better": 32}
"""Width of the first layer where nobody tells another."""

SETTINGS: dict[str, dict[str, float]] = {
    # As published: torch's own betas, no decay, and no moving average.
    "published": {"learning_rate": 0.002, "beta1": 0.9, "beta2": 0.999},
    "better": {
        "learning_rate": 5e-4,
        "discriminator_learning_rate": 5e-4,
        "beta1": 0.5,
        "beta2": 0.99,
        "ema": 0.998,
        "adversarial": 1.0,
        "l1": 20.0,
        "contour": 4.0,
        "feature_matching": 10.0,
    },
}
"""Learning rates, decay of the moving average per step, and weights of the losses."""


@dataclass(frozen=True)
class Config(Settings):
    """Settings of a model, the same in its folder, in its weights and on the command line.

    Attributes
    ----------
    recipe : {'better', 'published'}
    size : int
        Side of the pictures in pixels. Where it is not given, that of the frame in `drawing`, or 64
        where its frame has none of the known sizes; None as long as no drawing is told.
    base_filters : int
        Width of the first layer; the others are multiples. Where it is not given, the recipe's.
    pairing : {'exact', 'person'}
    seed : int
        0 ≤ seed < 2**63.
    batch : int
        Pairs in a step, over all processes; at most 65,536.
    precision : {'fp32', 'bf16'}
        Of the arithmetic; weights are always float32.
    held_out : float
        Share of persons that training never sees.
    gate : tuple of 3 tuples of 3 floats, or None
        Matrix of the published gate on the losses; the published recipe alone has one.
    drawing : dict
        How the landmark images were drawn and how the crop relates to the points: what
        `data.make_pairs` wrote into `pairs.json`, as it is. Empty if the folder told nothing.
    settings : dict
        The recipe's numbers: learning rates, weights of the losses. Those that are not given are
        the recipe's own.

    Raises
    ------
    ConfigError
        A setting is not known or not allowed.
    """

    KIND: ClassVar[str] = "translator"

    recipe: str = "better"
    # None stands for what follows from others. A size stays None until the pictures are known:
    # 64 too early would be taken for a size that somebody wants.
    size: int = None  # type: ignore[assignment]
    base_filters: int = None  # type: ignore[assignment]
    pairing: str = "exact"
    seed: int = 0
    batch: int = 16
    precision: str = "fp32"
    held_out: float = 0.1
    gate: tuple[tuple[float, ...], ...] | None = None
    drawing: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_among("recipe", RECIPES)
        self._complete()
        if self.size is not None:
            self.check_among("size", SIZES)
        self.check_among("pairing", ("exact", "person"))
        self.check_among("precision", PRECISIONS)
        self.check_whole("base_filters")
        self.check_whole("batch", most=BATCH_LIMIT)
        self.check_seed()
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"held_out is {self.held_out}: expected 0 ≤ held_out < 1")
        if self.gate is not None and [len(row) for row in self.gate] != [3, 3, 3]:
            raise ConfigError("the gate's matrix is not 3×3")
        if self.gate is not None and self.recipe != "published":
            raise ConfigError(
                f"the gate weighs the three losses of the published recipe, and recipe is "
                f"{self.recipe!r}: expected 'published', or no gate"
            )

    def _complete(self) -> None:
        """Put defaults where nothing was given."""
        if self.size is None and self.drawing:
            frame = self.drawing.get("frame")
            told = frame.get("size") if isinstance(frame, Mapping) else None
            object.__setattr__(self, "size", told if told in SIZES else SIZES[0])
        if self.base_filters is None:
            object.__setattr__(self, "base_filters", BASE_FILTERS[self.recipe])
        if self.gate is not None:  # JSON has lists
            object.__setattr__(self, "gate", tuple(tuple(row) for row in self.gate))
        numbers = completed(self.settings, SETTINGS[self.recipe], self.recipe)
        object.__setattr__(self, "settings", numbers)

    def for_pictures(self, drawing: Mapping[str, Any]) -> Config:
        """The same settings for certain pictures, with a size in any case.

        Parameters
        ----------
        drawing : mapping
            What their folder tells; it takes the place of what is told here, unless it is empty.

        Returns
        -------
        config : Config
        """
        config = dataclasses.replace(self, drawing=drawing or self.drawing)
        return config if config.size else dataclasses.replace(config, size=SIZES[0])
