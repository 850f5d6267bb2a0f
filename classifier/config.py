"""What a classifier is and how it is trained: everything that it depends on but the faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from classifier.emotions import ALL, EMOTIONS
from landmarks.runs.settings import BATCH_LIMIT, ConfigError, Settings, completed

PRECISIONS = ("fp32", "bf16")

STARTS = ("landmarks", "imagenet")
"""Weights that training may begin with: for `small`, those of the landmark network that ships; for
torchvision's networks, those of ImageNet, which it fetches."""


class Shape(NamedTuple):
    """What a network looks at: channels of the picture (1 is grey), and its side in pixels."""

    channels: int
    side: int


NETWORKS = {
    "small": Shape(1, 112),
    "plain": Shape(1, 64),
    "resnet18": Shape(3, 112),
    "efficientnet_b0": Shape(3, 112),
    "mobilenet_v3_small": Shape(3, 112),
    "landmarks_svm": Shape(1, 112),
}

TORCHVISION = ("resnet18", "efficientnet_b0", "mobilenet_v3_small")
SVM = "landmarks_svm"

SETTINGS: dict[str, float] = {
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "warm_up": 0.05,
    "ema": 0.995,
    "clip": 5.0,
    "patience": 0,
    "balance": 0.5,
    "smoothing": 0.1,
    "dropout": 0.3,
    "share": 0.5,
    "frozen": 0,
}
"""Learning rate at its height, reached after the share `warm_up` of all steps; decay of the moving
average per step; largest norm of a gradient; epochs without gain that end the run (0: none do);
classes are weighed with their frequency to the power of −`balance` (0: as they are, 1: all alike);
part of a label that is spread over all classes; part of the last features that is dropped; share
of a batch that further sources have; how many stages of the landmark network (0 to 3) stay as they
are, which makes training faster."""

SVM_SETTINGS: dict[str, float] = {"penalty": 1.0, "width": 0.005, "balance": 1.0}
"""Of the machine: its penalty C, the γ of its radial kernel on standardised coordinates, and the
weighing of classes."""

BATCH = 64


@dataclass(frozen=True)
class Config(Settings):
    """Settings of a classifier, the same in its folder, in its weights and on the command line.

    Attributes
    ----------
    network : {'small', 'plain', 'resnet18', 'efficientnet_b0', 'mobilenet_v3_small', \
'landmarks_svm'}
    emotions : tuple of str
        The classes, in the order of `classifier.emotions.ALL`.
    channels, side : int
        Of the picture that the network sees; where they are not given, the network's own.
    start : str
        '' or one of `STARTS`.
    rule : {'train', 'all'}
        Who is learnt from: persons whose name falls to training (`landmarks.split_of`), or also
        those that would be tested, where the tested set is another.
    epochs : int
        How often each face of the first source is seen.
    steps : int
        How many steps are done, whatever the number of faces; 0: as many as the epochs need. Equal
        ones give sets of unequal size the same training.
    batch : int
        Faces of a step (at most 65,536).
    least : float
        Faces of less intensity are left out, neutral ones excepted; 0 takes all. Whoever reads the
        sets sets it (`classifier.preparation`).
    seed : int
        0 ≤ seed < 2**63.
    precision : {'fp32', 'bf16'}
        Of the arithmetic in training; weights are always float32.
    settings : dict
        The recipe's numbers; those that are not given are the network's own.

    Raises
    ------
    ConfigError
        A setting is not known or not allowed.
    """

    KIND: ClassVar[str] = "emotion classifier"

    network: str = "small"
    emotions: tuple[str, ...] = EMOTIONS
    # None stands for what follows from the network; it is replaced below, nobody meets it.
    channels: int = None  # type: ignore[assignment]
    side: int = None  # type: ignore[assignment]
    start: str = None  # type: ignore[assignment]
    rule: str = "train"
    epochs: int = 40
    steps: int = 0
    batch: int = BATCH
    least: float = 0.0
    seed: int = 0
    precision: str = "fp32"
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_among("network", tuple(NETWORKS))
        self.check_among("precision", PRECISIONS)
        self.check_among("rule", ("train", "all"))
        own = NETWORKS[self.network]
        given: dict[str, int | str] = {"channels": own.channels, "side": own.side}
        given |= {"start": "landmarks" if self.network == "small" else ""}
        for name, value in given.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check_emotions()
        self._check_start()
        self.check_whole("epochs")
        self.check_whole("steps", least=0)
        self.check_whole("batch", most=BATCH_LIMIT)
        self.check_among("channels", (1, 3))
        self.check_whole("side", least=32, most=1024)
        if self.side % 16:
            raise ConfigError(f"side is {self.side}: expected a multiple of 16 from 32 on")
        if not 0 <= self.least < float("inf"):
            raise ConfigError(f"least is {self.least}: expected an intensity of 0 or more")
        self.check_seed()
        known = SVM_SETTINGS if self.network == SVM else SETTINGS
        for name in ("penalty", "width"):
            if self.settings.get(name) == 0:
                raise ConfigError(f"{name} is 0: expected more")
        object.__setattr__(self, "settings", completed(self.settings, known, self.network))
        for name in ("ema", "smoothing", "dropout", "share", "warm_up"):
            if self.settings.get(name, 0) >= 1:
                raise ConfigError(f"{name} is {self.settings[name]:g}: expected less than 1")

    def _check_emotions(self) -> None:
        object.__setattr__(self, "emotions", tuple(self.emotions))  # JSON has lists
        if unknown := [name for name in self.emotions if name not in ALL]:
            raise ConfigError(f"no emotion is called {unknown[0]!r}: expected {', '.join(ALL)}")
        if len(self.emotions) < 2 or list(self.emotions) != [e for e in ALL if e in self.emotions]:
            raise ConfigError(
                f"the classes are {', '.join(self.emotions)}: expected two or more, each once, in "
                f"the order of {', '.join(ALL)}"
            )

    def _check_start(self) -> None:
        self.check_among("start", ("", *STARTS))
        fits = {"": True, "landmarks": self.network == "small" and self.channels == 1}
        if not fits.get(self.start, self.network in TORCHVISION):
            raise ConfigError(
                f"start is {self.start!r}: {self.network} of {self.channels} channels has no such "
                "weights to begin with"
            )
