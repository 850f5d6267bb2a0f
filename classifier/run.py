"""Network, optimiser and position of one run."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
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
from classifier.splits import note_on
from classifier.temperature import fit_temperature, softmax
from landmarks.keypoints.schedules import rate_at
from landmarks.runs.network_run import NetworkRun
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress


class Run(NetworkRun):
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

    config: Config
    standing: Standing

    def __init__(
        self,
        config: Config,
        train: Sequence[Faces],
        held: Faces,
        data: str,
        device: torch.device,
    ) -> None:
        super().__init__(config, data, device, Standing())
        self._batches = Batches(train, config)
        self._held, self._labels = held, held.labels(config.emotions)
        first = train[0].labels(config.emotions)
        classes = len(config.emotions)
        self._weights = class_weights(first, classes, config.settings["balance"])
        known = {person for faces in (*train, held) for person in faces.persons}
        self._persons = sorted(person for person in known if person is not None)
        self._pictures = {one for faces in (*train, held) for one in faces.hashes}
        self._note = note_on((*train, held))
        self.epoch_steps = math.ceil(len(train[0]) / self._batches.first)
        self.steps = config.steps or config.epochs * self.epoch_steps
        torch.manual_seed(config.seed)
        self._network = build_network(config)

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
        self._begin(folder, progress, clear=clear)

    def batch(self, step: int, pool: Executor | None = None) -> Batch:
        """As `Batches`."""
        return self._batches(step, pool)

    def one(self, batch: Batch) -> dict[str, Tensor]:
        """One step; its loss."""
        config, device = self.config, self._device
        batch = Batch(*(values.to(device, non_blocking=True) for values in batch))
        images = batch.images.contiguous(memory_format=torch.channels_last)
        self._seed()
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
        self._stepped(loss)
        return {"loss": loss.detach()}

    def evaluate(self) -> str:
        """Judge the average on validation persons, keep the best; a line that tells how it is."""
        folder = self._check()
        logits = logits_of(self._judged(), self._held, self._device)
        loss = weighed_loss(logits, self._labels, self._weights)
        numbers: Mapping[str, float] = {"validation_loss": loss, **judge(logits, self._labels)}
        folder.write_metrics(self.step, numbers)
        if self.standing.best is None or loss < self.standing.best:
            temperature = fit_temperature(logits, self._labels, self._held.persons)
            self.standing = Standing(loss, self.epoch, temperature)
            self._keep_best()
            self._ship()
        told = ", ".join(
            f"{name[11:].replace('_', ' ')} {value:.3f}" for name, value in numbers.items()
        )
        return (
            f"epoch {self.epoch}: validation {told}; best loss {self.standing.best:.3f}{self._note}"
        )

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
            pictures=self._pictures,
        )

    def show(self) -> None:
        """Pictures: what the last batch looks like, and what is taken for what."""
        folder = self._check()
        faces = faces_picture(self._batches(self.step - 1).images)
        folder.write_picture("faces", self.epoch, self.step, faces)
        said = logits_of(self._judged(), self._held, self._device).argmax(axis=1)
        counts = confusion_matrix(self._labels, said, len(self.config.emotions))
        picture = confusion_picture(counts, self.config.emotions)
        folder.write_picture("confusion", self.epoch, self.step, picture)
