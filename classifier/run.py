"""Network, optimiser and position of one run."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifier.batches import Batch, Batches, class_weights
from classifier.config import Config
from classifier.dataset import Faces
from classifier.judging import Standing, judge, logits_of, weighed_loss
from classifier.metrics import confusion_matrix, expected_calibration_error
from classifier.model_file import save_classifier
from classifier.network import TRUNK, build_network
from classifier.pictures import confusion_picture, faces_picture
from classifier.temperature import fit_temperature, softmax
from landmarks.keypoints.schedules import rate_at
from landmarks.runs.options import TrainingError
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress, restore, save_state


class Run:
    """One run, opened once and then advanced step by step.

    Parameters
    ----------
    config : Config
    train : sequence of Faces
        One for each source.
    held : Faces
        Of validation persons.
    data : str
        Digest of both.
    device : torch.device

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    epoch_steps : int
        Steps in which as many faces of the first source are drawn as there are.
    standing : Standing
    """

    def __init__(
        self,
        config: Config,
        train: Sequence[Faces],
        held: Faces,
        data: str,
        device: torch.device,
    ) -> None:
        self.config, self._data, self._device = config, data, device
        self._batches = Batches(train, config)
        self._held, self._labels = held, held.labels(config.emotions)
        first = train[0].labels(config.emotions)
        classes = len(config.emotions)
        self._weights = class_weights(first, classes, config.settings["balance"])
        known = {person for faces in (*train, held) for person in faces.persons}
        self._persons = sorted(person for person in known if person is not None)
        self.epoch_steps = math.ceil(len(train[0]) / self._batches.first)
        self.steps = config.epochs * self.epoch_steps
        self.step, self.standing = 0, Standing()
        torch.manual_seed(config.seed)
        self._network = build_network(config)
        self._average: nn.Module | None = None
        self._best: dict[str, Tensor] = {}
        self._folder: RunFolder | None = None
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    def open(self, folder: RunFolder, progress: Progress | None, *, clear: bool) -> None:
        """Make the folder ready, and begin or go on; whoever locked the folder closes it."""
        if progress is None:
            torch.manual_seed(self.config.seed)
            self._network = build_network(self.config, begin=True)
        for name in TRUNK[: int(self.config.settings["frozen"])]:
            if self.config.network == "small":
                self._network.get_submodule(name).requires_grad_(False)
        self._network.to(self._device).to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._network).requires_grad_(False)
        settings = self.config.settings
        parameters = list(self._network.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        rate, decay = settings["learning_rate"], settings["weight_decay"]
        self._optimizer = torch.optim.AdamW(groups, rate, weight_decay=decay)
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
        self.step, self.standing = progress.step, Standing(**progress.standing)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.epoch_steps

    @property
    def finished(self) -> bool:
        """All steps are done, or the loss has not become smaller for too many epochs."""
        patience = self.config.settings["patience"]
        waited = self.epoch - self.standing.epoch
        return self.step >= self.steps or (patience > 0 and waited >= patience)

    @property
    def per_step(self) -> int:
        """Faces of a step."""
        return self.config.batch

    def batch(self, step: int, pool: Executor | None = None) -> Batch:
        """As `Batches`."""
        return self._batches(step, pool)

    def one(self, batch: Batch) -> dict[str, Tensor]:
        """One step; its loss."""
        config, device = self.config, self._device
        batch = Batch(*(values.to(device, non_blocking=True) for values in batch))
        images = batch.images.contiguous(memory_format=torch.channels_last)
        # What is dropped out follows from the step alone, so that a run can be gone on with.
        torch.manual_seed((config.seed * 1_000_003 + self.step) % 2**63)
        self._network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(self.step, self.steps, config.settings)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            logits = self._network(images, batch.points)
        smoothing = config.settings["smoothing"]
        each = functional.cross_entropy(
            logits.float(), batch.labels, reduction="none", label_smoothing=smoothing
        )
        loss = (each * batch.weights).sum() / batch.weights.sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), config.settings["clip"])
        self._optimizer.step()
        self.step += 1
        self._follow()
        # Looking at a number makes the processor wait for a GPU; it is looked at when others are.
        self._finite &= torch.isfinite(loss.detach())
        return {"loss": loss.detach()}

    def _follow(self) -> None:
        """Move the average towards the weights; faster at the beginning, when all is new."""
        assert self._average is not None
        decay = min(self.config.settings["ema"], (1 + self.step) / (10 + self.step))
        new = self._network.state_dict()
        with torch.no_grad():
            for name, value in self._average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(new[name], 1 - decay)
                else:
                    value.copy_(new[name])

    def _check(self) -> RunFolder:
        assert self._folder is not None
        if not bool(self._finite):
            raise TrainingError(
                f"the loss is not a number any more by step {self.step}: stopped; the last "
                "checkpoint is kept"
            )
        return self._folder

    def log(self, parts: Mapping[str, Tensor], rate: float) -> str:
        """Write the loss of the last step; a line that tells it."""
        folder = self._check()
        epoch, value = self.step / self.epoch_steps, float(parts["loss"])
        folder.write_metrics(self.step, {"epoch": epoch, "loss": value})
        folder.write_rate(self.step, "faces_per_second", rate)
        return f"step {self.step}, epoch {epoch:.2f}: loss {value:.4f}; {rate:.0f} faces/s"

    def evaluate(self) -> str:
        """Judge the average on validation persons, keep the best; a line that tells how it is."""
        folder = self._check()
        assert self._average is not None
        logits = logits_of(self._average, self._held, self._device)
        loss = weighed_loss(logits, self._labels, self._weights)
        numbers: Mapping[str, float] = {"validation_loss": loss, **judge(logits, self._labels)}
        folder.write_metrics(self.step, numbers)
        if self.standing.best is None or loss < self.standing.best:
            temperature = fit_temperature(logits, self._labels, self._held.persons)
            self.standing = Standing(loss, self.epoch, temperature)
            self._best = {k: v.detach().clone() for k, v in self._average.state_dict().items()}
            self._ship()
        told = ", ".join(
            f"{name[11:].replace('_', ' ')} {value:.3f}" for name, value in numbers.items()
        )
        return f"epoch {self.epoch}: validation {told}; best loss {self.standing.best:.3f}"

    def calibrated(self) -> dict[str, float]:
        """The expected calibration error of the best weights on validation persons.

        The temperature was learnt on the same persons: on others it is a little larger.
        """
        best = build_network(self.config).to(self._device)
        best.load_state_dict(self._best)
        logits = logits_of(best, self._held, self._device)
        shares = softmax(logits, self.standing.temperature)
        return {
            **judge(logits, self._labels),
            "validation_ece": expected_calibration_error(shares, self._labels),
            "temperature": self.standing.temperature,
        }

    def _ship(self) -> None:
        assert self._folder is not None
        save_classifier(
            self._folder.model,
            self._best,
            self.config,
            temperature=self.standing.temperature,
            persons=self._persons,
        )

    def show(self) -> None:
        """Pictures: what the last batch looks like, and what is taken for what."""
        folder = self._check()
        assert self._average is not None
        faces = faces_picture(self._batches(self.step - 1).images)
        folder.write_picture("faces", self.epoch, self.step, faces)
        said = logits_of(self._average, self._held, self._device).argmax(axis=1)
        counts = confusion_matrix(self._labels, said, len(self.config.emotions))
        picture = confusion_picture(counts, self.config.emotions)
        folder.write_picture("confusion", self.epoch, self.step, picture)

    def save(self) -> None:
        """Write a checkpoint."""
        folder = self._check()
        self._write(folder, folder.sync_metrics())

    def _write(self, folder: RunFolder, metrics: int) -> None:
        assert self._average is not None
        standing = dataclasses.asdict(self.standing)
        progress = Progress(self.step, self.config.to_json(), self._data, metrics, standing)
        parts = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "best": self._best,
        }
        save_state(folder.checkpoint, progress, parts, self._optimizer)
