"""What an editor is and how it is trained: everything its weights depend on but the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gan.editor.square import INTER_OCULAR, SIDE
from landmarks.runs.settings import BATCH_LIMIT, ConfigError, Settings, completed

PRECISIONS = ("fp32", "bf16")

RECIPE: dict[str, float] = {
    "learning_rate": 5e-4,
    "weight_decay": 1e-4,
    "warm_up": 0.03,
    "ema": 0.999,
    "l1": 1.0,
    "structure": 0.3,
    "landmarks": 1.0,
    "perception": 0.1,
    "adversarial": 0.02,
    "matching": 0.1,
    "critic_from": 0.1,
}
"""Learning rate at its height, reached after the share `warm_up` of all steps; decay of the moving
average per step; weights of the losses (`gan.editor.losses`); the share of all steps after which
the critic begins to count."""


@dataclass(frozen=True)
class Config(Settings):
    """Settings of an editor, the same in its folder, in its weights and on the command line.

    Attributes
    ----------
    widths : tuple of int
        As `gan.editor.network.WIDTHS`.
    start : str
        SHA-256 of the file of weights that training begins with; empty for none.
    steps, batch : int
        In all, and pairs of each.
    seed : int
    precision : {'fp32', 'bf16'}
        Of the arithmetic in training.
    side, inter_ocular : number
        Of the square, as in `gan.editor.square`.
    told : str
        Data and terms, for the file that ships.
    settings : dict
        Numbers of the recipe; those that are not given are its own.

    Raises
    ------
    ConfigError
        A setting is not known or not allowed.
    """

    KIND: ClassVar[str] = "expression editor"

    widths: tuple[int, ...] = (40, 64, 112, 160)
    start: str = ""
    steps: int = 10_000
    batch: int = 16
    seed: int = 0
    precision: str = "fp32"
    side: int = SIDE
    inter_ocular: float = INTER_OCULAR
    told: str = ""
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_among("precision", PRECISIONS)
        self.check_whole("steps")
        self.check_whole("batch", most=BATCH_LIMIT)
        self.check_seed()
        if (self.side, self.inter_ocular) != (SIDE, INTER_OCULAR):
            raise ConfigError(
                f"it sees squares of {self.side} pixels with {self.inter_ocular} between the eyes: "
                f"this software makes them of {SIDE} with {INTER_OCULAR}"
            )
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) < 2 or any(
            not isinstance(w, int) or w < 8 or w % 8 for w in self.widths
        ):
            raise ConfigError(f"widths are {self.widths}: expected two or more multiples of 8")
        object.__setattr__(self, "settings", completed(self.settings, RECIPE, "editor's"))
        for name in ("ema", "warm_up", "critic_from"):
            if self.settings[name] >= 1:
                raise ConfigError(f"{name} is {self.settings[name]:g}: expected less than 1")
