"""A network, its moving average and its position: what all runs of a network have in common."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from landmarks.runs.options import TrainingError
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress, restore, save_state


def follow(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move an average towards the weights; faster at the beginning, when all is new.

    Parameters
    ----------
    average, network : torch.nn.Module
        Of the same kind. What is counted in whole numbers is taken over as it is.
    step : int
        Steps done.
    decay : float
        Share of the average that is kept in a late step.
    """
    decay = min(decay, (1 + step) / (10 + step))
    new = network.state_dict()
    with torch.no_grad():
        for name, value in average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name], 1 - decay)
            else:
                value.copy_(new[name])


class NetworkRun(ABC):
    """A run whose best weights on validation persons are kept.

    Subclasses make the networks and the batches, and say what a step and a judgement are.

    Parameters
    ----------
    config : Settings
        With `batch`, and the settings 'patience' and, where there is an average, 'ema'.
    data : str
        Digest of what is trained on.
    device : torch.device
    standing : dataclass
        How well the run does; with `best` and the `epoch` of it, and only what JSON can hold.

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    epoch_steps : int
        Steps of an epoch.
    """

    steps: int
    epoch_steps: int
    _batches: Callable[..., Any]
    _network: nn.Module
    _optimizer: torch.optim.Optimizer

    def __init__(self, config: Any, data: str, device: torch.device, standing: Any) -> None:
        self.config, self._data, self._device = config, data, device
        self.step, self.standing = 0, standing
        self._average: nn.Module | None = None
        self._best: dict[str, Tensor] = {}
        self._folder: RunFolder | None = None
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    def _begin(self, folder: RunFolder, progress: Progress | None, *, clear: bool) -> None:
        """Make the folder ready, and begin or go on; networks and optimiser are there."""
        self._folder = folder
        folder.prepare()
        if progress is None:
            # The first checkpoint shows that the folder can be written, before hours are spent.
            self._write(folder, metrics=0)
        else:
            self._restore(folder.checkpoint, progress)
        # At step 0 nothing of this run is there yet: what is there is of one that it replaces.
        if clear or (progress and progress.step == 0):
            folder.clear()
            folder.model.unlink(missing_ok=True)
        metrics = progress.metrics if progress else 0
        folder.open(self.config.to_json(), metrics=metrics, step=self.step)
        if self._best:
            self._ship()  # the last process may have died before it was written

    def _restore(self, path: Path, progress: Progress) -> None:
        networks = {"network": self._network, "average": self._average}
        rest = restore(path, networks, self._optimizer, device=self._device)
        self._best = {name.removeprefix("best."): value for name, value in rest.items()}
        self.step = progress.step
        self.standing = type(self.standing)(**progress.standing)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.epoch_steps

    @property
    def finished(self) -> bool:
        """All steps are done, or nothing has become better for too many epochs."""
        patience = self.config.settings["patience"]
        waited = self.epoch - self.standing.epoch
        return self.step >= self.steps or (patience > 0 and waited >= patience)

    @property
    def per_step(self) -> int:
        """Pictures of a step."""
        return int(self.config.batch)

    def _judged(self) -> nn.Module:
        """The network whose weights are kept if they are the best."""
        return self._network if self._average is None else self._average

    def _seed(self) -> None:
        # What is dropped out follows from the step alone, so that a run can be gone on with.
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) % 2**63)

    def _stepped(self, loss: Tensor) -> None:
        """A step was done."""
        self.step += 1
        if self._average is not None:
            follow(self._average, self._network, self.step, self.config.settings["ema"])
        # Looking at a number makes the processor wait for a GPU; it is looked at when others are.
        self._finite &= torch.isfinite(loss.detach())

    def _check(self) -> RunFolder:
        assert self._folder is not None
        if not bool(self._finite):
            raise TrainingError(
                f"the loss is not a number any more by step {self.step}: stopped; the last "
                "checkpoint is kept"
            )
        return self._folder

    def log(self, parts: Mapping[str, Tensor], rate: float) -> str:
        """Write the losses of the last step; a line that tells them."""
        folder = self._check()
        values = {name: float(part) for name, part in parts.items()}
        epoch = self.step / self.epoch_steps
        folder.write_metrics(self.step, {"epoch": epoch, **values})
        folder.write_rate(self.step, "faces_per_second", rate)
        shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        return f"step {self.step}, epoch {epoch:.2f}: {shown}; {rate:.0f} faces/s"

    def _keep_best(self) -> None:
        self._best = {k: v.detach().clone() for k, v in self._judged().state_dict().items()}

    @abstractmethod
    def _ship(self) -> None:
        """Write the file of the best weights."""

    def save(self) -> None:
        """Write a checkpoint."""
        folder = self._check()
        self._write(folder, folder.sync_metrics())

    def _write(self, folder: RunFolder, metrics: int) -> None:
        standing = dataclasses.asdict(self.standing)
        progress = Progress(self.step, self.config.to_json(), self._data, metrics, standing)
        parts = {"network": self._network.state_dict(), "best": self._best}
        if self._average is not None:
            parts["average"] = self._average.state_dict()
        save_state(folder.checkpoint, progress, parts, self._optimizer)
