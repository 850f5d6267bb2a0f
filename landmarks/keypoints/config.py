"""What a network is and how it is trained: everything that its weights depend on but the faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from landmarks.runs.settings import BATCH_LIMIT, ConfigError, Settings, completed

RECIPES = ("published", "better")
PRECISIONS = ("fp32", "bf16")


class Shape(NamedTuple):
    """What a network looks at: channels of the picture (1 is grey), and its side in pixels."""

    channels: int
    side: int


NETWORKS = {
    "naimishnet": Shape(1, 96),
    "resnet18": Shape(1, 224),
    "efficientnet_b0": Shape(3, 224),
    "small": Shape(1, 112),
}

BETTER: dict[str, float] = {
    "learning_rate": 2e-3,
    "weight_decay": 0.02,
    "warm_up": 0.05,
    "ema": 0.998,
    "clip": 5.0,
    "patience": 0,
    "wing_width": 0.12,
    "wing_curve": 0.02,
    "radius": 0.05,
    "trust": 0.2,
    "negatives": 0.125,
}
"""Our recipe. Learning rate at its height, reached after the share `warm_up` of all steps; decay of
the moving average per step; largest norm of a gradient; epochs without gain that end the run (0:
none do); the wing loss's two lengths in inter-ocular distances; weights of the losses of radii and
trust; the share of a batch that is no face."""

PUBLISHED: dict[str, dict[str, float]] = {
    "naimishnet": {"learning_rate": 1e-3, "patience": 30},
    "resnet18": {"learning_rate": 1e-4, "patience": 0},
    "efficientnet_b0": {
        "learning_rate": 1e-3,
        "patience": 0,
        "plateau_factor": 0.1,
        "plateau_patience": 10,
    },
}
"""Published recipes: Adam with torch's own betas, and of the plateau schedule torch's own numbers
where the publication gives none."""

EPOCHS = {"naimishnet": 300, "resnet18": 100, "efficientnet_b0": 100, "small": 300}
BATCHES = {"naimishnet": 128, "resnet18": 64, "efficientnet_b0": 32, "small": 64}
"""Epochs and pictures of a step where nobody tells others."""


@dataclass(frozen=True)
class Config(Settings):
    """Settings of a network, the same in its folder, in its weights and on the command line.

    Attributes
    ----------
    network : {'small', 'naimishnet', 'resnet18', 'efficientnet_b0'}
    recipe : {'better', 'published'}
        `small` has no published one.
    channels, side : int
        Of the picture that the network sees; where they are not given, the network's own.
    factor : float
        Side of the crop in sides of the detector's box.
    imagenet : bool
        Training begins with the weights of ImageNet.
    leaks : bool
        Test persons are trained on too: only to compare with reports on published splits, in which
        the tested persons are those of the training.
    start : str
        SHA-256 of the file of weights that training begins with; empty for none.
    epochs, batch : int
        How often each face is seen, and faces of a step (at most 65,536); where they are not given,
        the network's own.
    steps : int
        Steps in all, whatever `epochs` says; 0 leaves it to that.
    seed : int
        0 ≤ seed < 2**63.
    precision : {'fp32', 'bf16'}
        Of the arithmetic in training; weights are always float32.
    settings : dict
        The recipe's numbers; those that are not given are its own.

    Raises
    ------
    ConfigError
        A setting is not known or not allowed.
    """

    KIND: ClassVar[str] = "landmark network"

    network: str = "small"
    recipe: str = "better"
    # None stands for what follows from the network; it is replaced below, nobody meets it.
    channels: int = None  # type: ignore[assignment]
    side: int = None  # type: ignore[assignment]
    factor: float = 1.35
    imagenet: bool = False
    leaks: bool = False
    start: str = ""
    epochs: int = None  # type: ignore[assignment]
    batch: int = None  # type: ignore[assignment]
    steps: int = 0
    seed: int = 0
    precision: str = "fp32"
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_among("network", tuple(NETWORKS))
        self.check_among("recipe", RECIPES)
        self.check_among("precision", PRECISIONS)
        if self.recipe == "published" and self.network not in PUBLISHED:
            raise ConfigError(
                f"{self.network} has no published recipe: expected 'better', or one of "
                f"{', '.join(PUBLISHED)}"
            )
        if self.imagenet and self.network not in ("resnet18", "efficientnet_b0"):
            raise ConfigError(
                f"there are no ImageNet weights of {self.network}: expected resnet18 or "
                "efficientnet_b0"
            )
        own = NETWORKS[self.network]
        given = {"channels": own.channels, "side": own.side}
        given |= {"epochs": EPOCHS[self.network], "batch": BATCHES[self.network]}
        for name, value in given.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check_numbers()
        known = BETTER if self.recipe == "better" else PUBLISHED[self.network]
        recipe = f"{self.recipe} {self.network}"
        object.__setattr__(self, "settings", completed(self.settings, known, recipe))
        for name in ("wing_width", "wing_curve"):
            if self.settings.get(name, 1) <= 0:
                raise ConfigError(f"{name} is {self.settings[name]:g}: expected a number above 0")
        for name in ("ema", "plateau_factor", "negatives"):
            if self.settings.get(name, 0) >= 1:
                raise ConfigError(f"{name} is {self.settings[name]:g}: expected less than 1")

    def _check_numbers(self) -> None:
        self.check_whole("side")
        self.check_whole("epochs")
        self.check_whole("batch", most=BATCH_LIMIT)
        self.check_whole("steps", least=0)
        self.check_among("channels", (1, 3))
        own = NETWORKS[self.network]
        if self.network == "naimishnet" and (self.channels, self.side) != own:
            raise ConfigError("naimishnet sees one channel of 96 pixels, nothing else")
        if self.network != "naimishnet" and (self.side < 32 or self.side % 16):
            raise ConfigError(f"side is {self.side}: expected a multiple of 16 from 32 on")
        if not 0.5 <= self.factor <= 4:
            raise ConfigError(f"factor is {self.factor}: expected 0.5 to 4")
        self.check_seed()
