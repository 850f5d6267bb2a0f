"""The training loop: everything that happens between two batches."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan.config import Config
from gan.losses import gate_is_open
from gan.model_file import save_generator
from gan.networks import build_networks
from gan.pairs import PairError
from gan.preparation import Plan, prepared
from gan.processes import Processes
from gan.recipes import LOSSES, STEPS, all_parameters, make_optimizer
from gan.sample_grid import sample_grid
from gan.store import PairStore, Skipped, load_pairs
from gan.watch import LossWatch
from landmarks.runs.interrupts import Interrupts
from landmarks.runs.memory import enough_memory
from landmarks.runs.network_run import follow
from landmarks.runs.options import Options, TrainingError
from landmarks.runs.options import Outcome as RunOutcome
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress, first_not_finite, restore, save_state, state_bytes
from landmarks.runs.telling import tell_skipped

SHOWN_FACES = 64
"""So many held-out faces are generated for the figure in the metrics."""


@dataclass(frozen=True)
class Outcome(RunOutcome):
    """What came of a run.

    Attributes
    ----------
    skipped : tuple of Skipped
        Pictures that could not be read.
    """

    skipped: tuple[Skipped, ...]


def train(
    datadir: str | os.PathLike[str],
    epochs: int,
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options | None = None,
    *,
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train a translator, or go on with one.

    Parameters
    ----------
    datadir : path-like
        Folder of pairs.
    epochs : int
        How often each pair is seen; a finished run goes on if this is raised.
    modeldir : path-like
        Folder of the run.
    config : Config, optional
        Default: what the command takes where nothing else is asked for, the device's fast precision
        among it. Where it gives no size, that of the folder's pictures is taken; what the folder
        tells of its drawing takes the place of what is said here.
    options : Options, optional
    report : callable, optional
        Takes one line of text at a time.

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError
        Pairs, folder or settings cannot be used (told before the first step); a loss is not a
        finite number any more (the last checkpoint is kept).
    OSError
        The folder cannot be written; the last checkpoint is kept.
    """
    given, options = config or Config(), options or Options()
    with prepared(
        datadir,
        epochs,
        modeldir,
        given,
        options,
        any_precision=config is None,
        report=report,
    ) as plan:
        return carry_out(plan, report=report)


def carry_out(plan: Plan, *, report: Callable[[str], None]) -> Outcome:
    """Train as it was planned.

    Parameters
    ----------
    plan : Plan
    report : callable

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError, OSError
        As `train`.
    """
    config, options, folder = plan.settled(), plan.options, plan.folder
    processes = Processes(config, options.device)
    if processes.is_main:
        folder.lock()
    tell = report if processes.is_main else lambda _: None
    memory = f"{len(plan.index.pairs)} pairs of pictures of {config.size} pixels"
    with enough_memory("cpu", memory, "give a smaller size"):
        store, skipped = load_pairs(plan.train, config.size, workers=options.workers)
        held, held_skipped = load_pairs(plan.held, config.size, workers=options.workers)
    skipped += held_skipped
    tell_skipped([told.reason for told in skipped], tell)
    if len({pair.person for pair in store.pairs}) < 2:
        place = plan.train[0].face.parent
        raise PairError(f"fewer than two persons in {place} have pictures that can be read")
    steps = math.ceil(plan.epochs * len(store) / config.batch)
    tell(
        f"training on {len(store)} pairs, {len(held)} of held-out persons, {steps} steps of "
        f"{config.batch} on {processes.describe()}"
    )
    batch = f"a batch of {config.batch} pictures of {config.size} pixels"
    with enough_memory(processes.device, batch, "give a smaller batch"):
        run = _Run(processes, config, options, store, held, plan.data)
        if processes.is_main:
            run.open(folder, plan.progress)
        processes.wait()
        run.start(folder, plan.progress)
        if run.step >= steps:
            tell(
                f"{folder.path} has done all {run.step} steps: raise the number of epochs to go on"
            )
        elif run.step:
            tell(f"{folder.path} goes on at step {run.step} of {steps}")
        interrupted = run.until(steps, plan.epochs, tell)
    return Outcome(run.step, steps, interrupted, tuple(skipped))


class _Run:
    """Networks, optimiser and position of one run."""

    def __init__(
        self,
        processes: Processes,
        config: Config,
        options: Options,
        store: PairStore,
        held: PairStore,
        data: str,
    ) -> None:
        self.processes, self.config, self.options, self.data = processes, config, options, data
        self.device = processes.device
        self.store = store.to(self.device)
        # Small sets may hold nobody out; the grids then show faces that were trained on.
        self.shown, self.shown_name = (held, "held_out_l1") if len(held) else (store, "train_l1")
        self.networks = build_networks(config).to(self.device)
        self.average: nn.Module | None = None
        if "ema" in config.settings:
            self.average = copy.deepcopy(self.networks["generator"]).requires_grad_(False)
        self.optimizer = make_optimizer(self.networks, config)
        self.watch = LossWatch(LOSSES[config.recipe], self.device)
        self.folder: RunFolder | None = None
        self.step = 0

    def open(self, folder: RunFolder, progress: Progress | None) -> None:
        self.folder = folder
        generator = state_bytes(nn.ModuleDict({"g": self.networks["generator"]}), None) // 3
        folder.prepare(state_bytes(self.networks, self.average) + generator)
        if progress is None:
            # The first checkpoint shows that the folder can be written, before hours are spent.
            self._write(folder, metrics=0)
        # At step 0 nothing of this run is there yet: what is there is of one that it replaces.
        if not self.options.resume or (progress and progress.step == 0):
            folder.clear()
        metrics, step = (progress.metrics, progress.step) if progress else (0, 0)
        folder.open(self.config.to_json(), metrics=metrics, step=step)

    def start(self, folder: RunFolder, progress: Progress | None) -> None:
        if progress:
            networks = {"networks": self.networks, "average": self.average}
            restore(folder.checkpoint, networks, self.optimizer, device=self.device)
            self.step = progress.step
            if self.folder:
                # The last process may have died between the checkpoint and the generator of it.
                save_generator(folder.model, self._best(), self.config)

    def until(self, steps: int, epochs: int, tell: Callable[[str], None]) -> bool:
        """Train up to a step; True if interrupted before."""
        every = self.options.sample_every or max(1, epochs // 20)
        saved = logged = time.monotonic()
        logged_step = self.step
        self.networks.train()
        with Interrupts() as interrupts:
            while self.step < steps:
                now = time.monotonic()
                told, stop, save_due = self._one(
                    interrupts.wanted, now - saved >= self.options.save_every
                )
                last = stop or self.step == steps
                if self.step % self.options.log_every == 0 or self.step == steps:
                    rate = (
                        (self.step - logged_step) * self.config.batch / (time.monotonic() - logged)
                    )
                    logged, logged_step = time.monotonic(), self.step
                    self._log(told, rate, tell)
                if epoch := self._grid_due(every, last=self.step == steps):
                    self._show(epoch)
                if save_due or last:
                    self._save()
                    saved = time.monotonic()
                if stop:
                    return self.step < steps
        return False

    def _one(self, stop: bool, save: bool) -> tuple[Tensor, bool, bool]:
        config, group = self.config, self.processes
        batch = self.store.batch(
            self.step,
            seed=config.seed,
            batch=config.batch,
            device=self.device,
            rank=group.rank,
            processes=group.count,
        )
        shared: list[Tensor] = []

        def allow(losses: Tensor) -> bool:
            if group.count > 1:
                # Wishes to stop and to save travel along: all processes must agree on them.
                losses = group.mean(torch.cat([losses, losses.new_tensor([stop, save])]))
            shared.append(losses)
            told = losses[: len(LOSSES[config.recipe])]
            self.watch.see(told, self.step + 1)
            return config.gate is None or gate_is_open(told.tolist(), config.gate)

        self.optimizer.zero_grad(set_to_none=True)
        STEPS[config.recipe](self.networks, batch, config.settings, group.autocast(), allow)
        parameters = all_parameters(self.networks)
        if parameters[0].grad is not None:
            group.average_gradients(parameters)
            self.optimizer.step()
            if self.average is not None:
                done, decay = self.step, config.settings["ema"]
                follow(self.average, self.networks["generator"], done, decay)
        self.step += 1
        told = shared[0]
        if group.count > 1:
            told, wishes = told[:-2], told[-2:].tolist()
            stop, save = wishes[0] > 0, wishes[1] > 0
        return told, stop, save

    def _grid_due(self, every: int, *, last: bool) -> int:
        """Epochs done, if the last step completed one that grids are drawn after; else 0."""
        done = self.step * self.config.batch // len(self.store)
        before = (self.step - 1) * self.config.batch // len(self.store)
        # A batch may be longer than an epoch, and then steps over numbers.
        return done if last or done // every > before // every else 0

    def _log(self, told: Tensor, rate: float, tell: Callable[[str], None]) -> None:
        self.watch.check()
        values = dict(zip(LOSSES[self.config.recipe], told.tolist(), strict=True))
        epoch = self.step * self.config.batch / len(self.store)
        if self.folder:
            self.folder.write_metrics(self.step, {"epoch": epoch, **values})
            self.folder.write_rate(self.step, "images_per_second", rate)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        tell(f"step {self.step}, epoch {epoch:.2f}: {shown}; {rate:.1f} images/s")

    def _show(self, epoch: int) -> None:
        """Faces of held-out persons: a grid, and their mean distance to the true ones."""
        self.watch.check()
        if self.folder is None:
            return
        generator = self._best()
        generator.eval()
        landmarks, faces = self.shown.some(SHOWN_FACES, self.device)
        with torch.no_grad(), self.processes.autocast():
            parts = landmarks.split(self.config.batch)
            made = torch.cat([generator(part).float() for part in parts])
        generator.train()
        self.folder.write_metrics(self.step, {self.shown_name: (made - faces).abs().mean().item()})
        grid = sample_grid(landmarks, made, faces)
        self.folder.write_picture("epoch", epoch, self.step, grid, event="landmarks_generated_true")

    def _save(self) -> None:
        self.watch.check()
        if self.folder:
            self._write(self.folder, self.folder.sync_metrics())
        self.processes.wait()

    def _write(self, folder: RunFolder, metrics: int) -> None:
        if broken := first_not_finite(self.networks):
            raise TrainingError(
                f"the weights {broken} are not finite any more at step {self.step}: stopped; the "
                "last checkpoint is kept"
            )
        progress = Progress(self.step, self.config.to_json(), self.data, metrics)
        parts = {"networks": self.networks.state_dict()}
        if self.average is not None:
            parts["average"] = self.average.state_dict()
        save_state(folder.checkpoint, progress, parts, self.optimizer)
        save_generator(folder.model, self._best(), self.config)

    def _best(self) -> nn.Module:
        return self.networks["generator"] if self.average is None else self.average
