"""Network, optimiser and position of one run."""

from __future__ import annotations

import copy
import math
import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landmarks.image import resize
from landmarks.keypoints import losses
from landmarks.keypoints.batches import Batch, Batches, fixed_crops, to_tensor
from landmarks.keypoints.config import Config
from landmarks.keypoints.dataset import Loaded, as_channels
from landmarks.keypoints.model_file import shipped
from landmarks.keypoints.networks import build_network
from landmarks.keypoints.pictures import feature_maps, predictions
from landmarks.keypoints.runtimes import Answers
from landmarks.keypoints.schedules import make_optimizer, make_plateau, rate_at
from landmarks.keypoints.small import Small
from landmarks.keypoints.validation import Standing, ask, judge, radius_factors
from landmarks.keypoints.weights import begin_with
from landmarks.runs.network_run import NetworkRun
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress
from landmarks.runs.tensor_file import write_tensors

_SHOWN = 16


class Run(NetworkRun):
    """One run, opened once and then advanced step by step.

    Parameters
    ----------
    config : Config
    loaded : Loaded
    backgrounds : list of uint8 arrays
    data : str
        `Loaded.digest`.
    device : torch.device
    shown : (H, W, 3) uint8 array, optional
        The picture whose feature maps are drawn; left out, a validation face's are.

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    epoch_steps : int
        Steps in which as many faces are drawn as there are.
    faces : int
    standing : Standing
    """

    config: Config
    standing: Standing

    def __init__(
        self,
        config: Config,
        loaded: Loaded,
        backgrounds: list[NDArray[np.uint8]],
        data: str,
        device: torch.device,
        shown: NDArray[np.uint8] | None = None,
    ) -> None:
        super().__init__(config, data, device, Standing())
        self._shown = shown
        negatives = config.settings.get("negatives", 0.0) if config.network == "small" else 0.0
        self._batches = Batches(loaded.train, config, negatives=negatives, backgrounds=backgrounds)
        self._held = fixed_crops(loaded.validation, config)
        self._sources = len(loaded.train)
        self.faces = sum(map(len, loaded.train))
        self.epoch_steps = math.ceil(self.faces / self._batches.faces)
        self.steps = config.steps or config.epochs * self.epoch_steps
        torch.manual_seed(config.seed)
        self._network = build_network(config)

    def open(
        self,
        folder: RunFolder,
        progress: Progress | None,
        weights: str | os.PathLike[str] | None,
        *,
        clear: bool,
    ) -> None:
        """Make the folder ready, and begin or go on; whoever locked the folder closes it."""
        if progress is None:
            begin_with(self._network, self.config, weights)
        if isinstance(self._network, Small):
            self._network.learn_conventions(self._sources)
        # Channels last is faster by half on a processor, where depthwise layers are many.
        self._network.to(self._device).to(memory_format=torch.channels_last)
        if "ema" in self.config.settings:
            self._average = copy.deepcopy(self._network).requires_grad_(False)
        self._optimizer = make_optimizer(self._network, self.config)
        self._plateau = make_plateau(self._optimizer, self.config)
        self._begin(folder, progress, clear=clear)

    def _restore(self, path: Path, progress: Progress) -> None:
        super()._restore(path, progress)
        if self._plateau is not None and (saved := dict(self.standing.schedule)):
            for group in self._optimizer.param_groups:
                group["lr"] = saved["rate"]
            self._plateau.load_state_dict({k: v for k, v in saved.items() if k != "rate"})

    def batch(self, step: int, pool: Executor | None = None) -> Batch:
        """As `Batches`."""
        return self._batches(step, pool)

    def one(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the parts of its loss."""
        config, device = self.config, self._device
        batch = Batch(*(values.to(device, non_blocking=True) for values in batch))
        images = batch.images
        images = images.contiguous(memory_format=torch.channels_last)
        self._seed()
        self._network.train()
        if config.recipe == "better":
            for group in self._optimizer.param_groups:
                group["lr"] = rate_at(self.step, self.steps, config.settings)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            told = (batch.sources,) if isinstance(self._network, Small) else ()
            output = self._network(images, *told)
        if config.recipe == "better":
            loss, parts = losses.better(output, batch.points, batch.faces, config.settings)
        else:
            loss, parts = losses.published(config.network, output, batch.points)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if "clip" in config.settings:
            nn.utils.clip_grad_norm_(self._network.parameters(), config.settings["clip"])
        self._optimizer.step()
        self._stepped(loss)
        return {name: part.detach() for name, part in parts.items()}

    def evaluate(self) -> str:
        """Judge the network on validation persons, keep the best; a line that tells how it is."""
        folder = self._check()
        network = self._judged()
        images, truth = self._held
        said = ask(network, images, self._device)
        numbers = judge(said, truth)
        folder.write_metrics(self.step, numbers)
        error = numbers["validation_nme"]
        if self.standing.best is None or error < self.standing.best:
            self.standing.best, self.standing.epoch = error, self.epoch
            self._keep_best()
            self._calibrate(said, truth)
            self._ship()
        if self._plateau is not None:
            self._plateau.step(error)
            kept = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
            state: dict[str, Any] = {k: self._plateau.state_dict()[k] for k in kept}
            self.standing.schedule = {**state, "rate": self._optimizer.param_groups[0]["lr"]}
        told = ", ".join(f"{name[11:]} {value:.2%}" for name, value in numbers.items())
        return f"epoch {self.epoch}: validation {told}; best {self.standing.best:.2%}"

    def _calibrate(self, said: Answers, truth: NDArray[np.float64]) -> None:
        """Stretch the best network's radii to hold 90 % of the truths."""
        if said.radius is None:
            return
        distance = np.linalg.norm(said.points - truth, axis=2)
        factors = torch.from_numpy(radius_factors(said.radius, distance)).float()
        self._best["radius_factor"] = factors.to(self._device)

    def _ship(self) -> None:
        assert self._folder is not None
        write_tensors(self._folder.model, shipped(self._best), self.config.to_json())

    def show(self) -> None:
        """Draw predictions, and the first layers' answers to the chosen picture or a face."""
        folder = self._check()
        images, truth = self._held
        some = np.unique(np.linspace(0, len(images) - 1, _SHOWN).round().astype(int))
        said = ask(self._judged(), images[some], self._device)
        picture = predictions(images[some], truth[some], said.points)
        folder.write_picture("predictions", self.epoch, self.step, picture)
        image = images[0]
        if self._shown is not None:
            size = (self.config.side, self.config.side)
            image = as_channels(resize(self._shown, np.zeros((0, 2)), size)[0],
                                self.config.channels)  # fmt: skip
        given = to_tensor(image[None]).to(self._device)
        maps = feature_maps(self._judged().eval(), given)
        folder.write_picture("feature_maps", self.epoch, self.step, maps)
