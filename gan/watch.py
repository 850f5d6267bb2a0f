"""Losses that are not finite any more: noticed at once, told when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from landmarks.runs.options import TrainingError


class LossWatch:
    """Remembers the first step whose losses are not finite, on the device that computes them.

    Looking at a number makes the processor wait for a GPU; `see` does not look.

    Parameters
    ----------
    names : sequence of str
        Of the losses.
    device : torch.device
    """

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self._names = names
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        self._losses = torch.zeros(len(names), device=device)
        self._looks = device.type == "cpu"  # nothing has to be waited for

    def see(self, losses: Tensor, step: int) -> None:
        """Take the losses of a step, counted from 1."""
        new = ~torch.isfinite(losses).all() & (self._step == 0)
        self._losses = torch.where(new, losses, self._losses)
        self._step = torch.where(new, step, self._step)
        if self._looks:
            self.check()

    def check(self) -> None:
        """Raise TrainingError if any step until now was not finite."""
        step = int(self._step)
        if step:
            finite = torch.isfinite(self._losses).tolist()
            name = self._names[finite.index(False)]
            raise TrainingError(
                f"the {name} loss is not a number any more at step {step}: stopped; the last "
                "checkpoint is kept"
            )
