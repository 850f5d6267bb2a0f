"""How a run is carried out, and what comes of it: the same for every training."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

from landmarks.errors import InputError

Own = TypeVar("Own", bound="Options")


class TrainingError(InputError):
    """Training cannot begin or go on."""


@dataclass(frozen=True)
class Options:
    """How a run is carried out; none of it changes what is learnt.

    Attributes
    ----------
    resume : bool
        Go on where the folder's run stopped; False begins anew.
    device : str or None
        None takes what accelerate finds.
    workers : int
        Threads that prepare pictures.
    save_every : float
        Seconds between checkpoints; 0 saves after every step.
    log_every : int
        Steps between lines of metrics.
    sample_every : int or None
        Epochs between sample pictures; None makes about twenty in a run.

    Raises
    ------
    InputError
        A number is out of range.
    """

    resume: bool = True
    device: str | None = None
    workers: int = 1
    save_every: float = 60.0
    log_every: int = 10
    sample_every: int | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "log_every", "sample_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name} is {value}: expected 1 or more")
        if not self.save_every >= 0:
            raise TrainingError(f"save_every is {self.save_every}: expected 0 or more seconds")

    @classmethod
    def of(cls: type[Own], args: argparse.Namespace) -> Own:
        """The options among a command's arguments, which have their names."""
        return cls(**{entry.name: getattr(args, entry.name) for entry in fields(cls)})


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    interrupted : bool
        Stopped by Ctrl-C or SIGTERM; saved at that step.
    """

    step: int
    steps: int
    interrupted: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `Options.of` takes."""
    add = parser.add_argument
    add("--resume", action=argparse.BooleanOptionalAction, default=True,
        help="go on with the folder's run; --no-resume begins anew (default: go on)")  # fmt: skip
    add("--device", help="cpu, cuda, cuda:1, … (default: the best there is)")
    add("--workers", type=int, default=os.cpu_count() or 1, metavar="N",
        help="threads that prepare the pictures (default: %(default)s)")  # fmt: skip
    add("--save-every", type=float, default=60, metavar="SECONDS",
        help="between checkpoints (default: %(default)s)")  # fmt: skip
    add("--log-every", type=int, default=10, metavar="STEPS",
        help="between lines of metrics (default: %(default)s)")  # fmt: skip
    add("--sample-every", type=int, metavar="EPOCHS",
        help="between sample pictures (default: about twenty in a run)")  # fmt: skip


def numbers(texts: Iterable[str], example: str) -> dict[str, float]:
    """Numbers of a recipe, as a command's `--set` takes them.

    Parameters
    ----------
    texts : iterable of str
        Each NAME=NUMBER.
    example : str
        One of them, for errors.

    Raises
    ------
    TrainingError
        One is something else.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise TrainingError(f"--set {text}: expected NAME=NUMBER, like {example}") from None
    return found
