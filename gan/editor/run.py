"""Networks, optimiser and position of one run."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np
import torch
from torch import Tensor, nn

from gan.editor import losses
from gan.editor.batches import Batch, Batches, example, matched, stack
from gan.editor.config import Config
from gan.editor.frames import Loaded
from gan.editor.judge import Judge
from gan.editor.model_file import save_editor
from gan.editor.network import Critics, RepairNetwork
from gan.sample_grid import sample_grid
from landmarks.keypoints.schedules import rate_at
from landmarks.runs.network_run import follow
from landmarks.runs.options import TrainingError
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import Progress, restore, save_state

_HELD = 192
# Pairs of validation persons that judge.
_SHOWN = 8
_AT_ONCE = 16


@dataclasses.dataclass
class Standing:
    """What a run must know to go on, beside weights.

    Attributes
    ----------
    best : float or None
        Smallest error on validation persons.
    start : float or None
        Error of the weights that training began with, where there were any.
    beaten : int or None
        Pairs of training after which that was undercut first.
    """

    best: float | None = None
    start: float | None = None
    beaten: int | None = None


class Run:
    """One run, opened once and then advanced step by step.

    Parameters
    ----------
    config : Config
    loaded : Loaded
    data : str
        Digest of the pictures.
    device : torch.device

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    epoch_steps : int
        Steps between two judgements.
    standing : Standing
    """

    def __init__(self, config: Config, loaded: Loaded, data: str, device: torch.device) -> None:
        self.config, self._data, self._device = config, data, device
        self._batches = Batches(loaded.train, config.batch, config.seed)
        pairs = sum(len(frames.pairs) for frames in loaded.train)
        self.steps = config.steps
        self.epoch_steps = min(math.ceil(pairs / config.batch), max(1, self.steps // 10), 500)
        self.step, self.standing = 0, Standing()
        held = loaded.validation
        rows = np.random.default_rng(0).permutation(len(held.pairs))[:_HELD]
        self._held = [matched(held, int(row)) for row in rows]
        torch.manual_seed(config.seed)
        self._network, self._critic = RepairNetwork(config.widths), Critics()
        self._judge = Judge().to(device).eval().requires_grad_(False)
        self._folder: RunFolder | None = None
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    def open(
        self,
        folder: RunFolder,
        progress: Progress | None,
        start: Mapping[str, Tensor] | None,
        *,
        clear: bool,
    ) -> None:
        """Make the folder ready, and begin or go on; whoever locked the folder closes it."""
        if progress is None and start is not None:
            self._network.load_state_dict(start)
        for network in (self._network, self._critic):
            network.to(self._device).to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._network).requires_grad_(False)
        rate, decay = self.config.settings["learning_rate"], self.config.settings["weight_decay"]
        self._optimizer = torch.optim.AdamW(
            [*self._network.parameters(), *self._critic.parameters()],
            rate,
            betas=(0.5, 0.99),
            weight_decay=decay,
        )
        self._folder = folder
        folder.prepare()
        if progress is None:
            if start is not None:
                self.standing.start = self._error()["error"]
            # The first checkpoint shows that the folder can be written, before hours are spent.
            self._write(folder, metrics=0)
        else:
            parts = {"network": self._network, "average": self._average, "critic": self._critic}
            restore(folder.checkpoint, parts, self._optimizer, device=self._device)
            self.step, self.standing = progress.step, Standing(**progress.standing)
        if clear or (progress and progress.step == 0):
            folder.clear()
            folder.model.unlink(missing_ok=True)
        folder.open(
            self.config.to_json(), metrics=progress.metrics if progress else 0, step=self.step
        )

    @property
    def epoch(self) -> int:
        """Judgements so far."""
        return self.step // self.epoch_steps

    @property
    def finished(self) -> bool:
        """All steps are done."""
        return self.step >= self.steps

    @property
    def per_step(self) -> int:
        """Pairs of a step."""
        return self.config.batch

    def batch(self, step: int, pool: Executor | None = None) -> Batch:
        """As `Batches`."""
        return self._batches(step, pool)

    def one(self, batch: Batch) -> dict[str, Tensor]:
        """One step of both networks; the parts of their losses."""
        settings, device = self.config.settings, self._device
        batch = Batch(*(values.to(device, non_blocking=True) for values in batch))
        planes = batch.planes.contiguous(memory_format=torch.channels_last)
        criticised = self.step >= settings["critic_from"] * self.steps
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(self.step, self.steps, settings)
        self._optimizer.zero_grad(set_to_none=True)
        self._network.train()
        # Outside of the face both pictures are the warped one: nothing to tell them apart by.
        region = planes[:, 9:10]
        target = planes[:, :3] * (1 - region) + batch.target * region
        parts: dict[str, Tensor] = {}
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            face = self._network(planes).face
            if criticised:
                self._critic.train().requires_grad_(True)
                logits, true = self._critic(target, planes, batch.wanted)
                painted, _ = self._critic(face.detach(), planes, batch.wanted)
                parts["critic"] = losses.critic_loss(logits, painted)
                parts["critic"].backward()
                self._critic.requires_grad_(False)
                logits, features = self._critic(face, planes, batch.wanted)
            else:
                logits, features, true = [], [], []
            crops = self._judge.crops(batch.wanted)
            with torch.no_grad():
                seen = self._judge(target, crops)
            loss, others = losses.generator_loss(
                face,
                target,
                batch.weight,
                batch.wanted,
                (self._judge(face, crops), seen),
                (logits, features, true),
                settings,
            )
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
        self._critic.requires_grad_(True)
        self._optimizer.step()
        self.step += 1
        follow(self._average, self._network, self.step, settings["ema"])
        self._finite &= torch.isfinite(loss.detach())
        return {name: part.detach() for name, part in (others | parts).items()}

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
        folder.write_metrics(self.step, values)
        folder.write_rate(self.step, "pairs_per_second", rate)
        shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        return f"step {self.step}: {shown}; {rate:.1f} pairs/s"

    def _error(self, *, warp_alone: bool = False) -> dict[str, float]:
        """Of the moving average on held-out pairs; `error` is what it is judged by."""
        sums: dict[str, list[float]] = {}
        self._average.eval()
        for start in range(0, len(self._held), _AT_ONCE):
            batch = stack([example(pair) for pair in self._held[start : start + _AT_ONCE]])
            batch = Batch(*(values.to(self._device) for values in batch))
            with torch.inference_mode():
                face = batch.planes[:, :3] if warp_alone else self._average(batch.planes).face
                crops = self._judge.crops(batch.wanted)
                points = self._judge(face.contiguous(), crops).points
            found = {
                "l1": losses.weighted((face - batch.target).abs(), batch.weight),
                "similarity": losses.weighted(
                    losses.similarity(face, batch.target), batch.planes[:, 9:10]
                ),
                "landmarks": losses.landmark_distance(points, batch.wanted),
            }
            for name, value in found.items():
                sums.setdefault(name, []).append(float(value) * len(crops))
        numbers = {name: sum(values) / len(self._held) for name, values in sums.items()}
        return {"error": 1 - numbers["similarity"] + 5 * numbers["landmarks"], **numbers}

    def evaluate(self) -> str:
        """Judge the network on validation persons, write it; a line that tells how it is."""
        folder = self._check()
        numbers = self._error()
        error, standing = numbers["error"], self.standing
        folder.write_metrics(self.step, {f"validation_{k}": v for k, v in numbers.items()})
        standing.best = error if standing.best is None else min(standing.best, error)
        told = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        line = f"{self.step * self.config.batch:,} pairs: validation {told}"
        if standing.start is not None:
            if standing.beaten is None and error < standing.start:
                standing.beaten = self.step * self.config.batch
            line += f"; {self._against_start()}"
        save_editor(folder.model, self._average.state_dict(), self.config)
        return line

    def _against_start(self) -> str:
        """How this run stands to the weights that it began with."""
        start, beaten = self.standing.start, self.standing.beaten
        if beaten is None:
            return f"the weights that it began with are better so far ({start:.4f})"
        return f"better than the weights that it began with ({start:.4f}) since {beaten:,} pairs"

    def outlook(self) -> str:
        """What the warp alone reaches on the held-out pairs, for comparison."""
        numbers = self._error(warp_alone=True)
        told = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        return f"{len(self._held)} held-out pairs, the warp alone: {told}"

    def show(self) -> None:
        """Draw held-out pairs: source, warped, painted, true."""
        folder = self._check()
        some = np.unique(np.linspace(0, len(self._held) - 1, _SHOWN).round().astype(int))
        batch = stack([example(self._held[k]) for k in some])
        with torch.inference_mode():
            face = self._average(batch.planes.to(self._device)).face.cpu()
        sources = np.stack([self._held[k].source for k in some])
        source = torch.from_numpy(sources).permute(0, 3, 1, 2) / 127.5 - 1
        shown = [source, batch.planes[:, :3], face, batch.target]
        folder.write_picture("pairs", self.epoch, self.step, sample_grid(*shown))

    def save(self) -> None:
        """Write a checkpoint."""
        folder = self._check()
        self._write(folder, folder.sync_metrics())

    def _write(self, folder: RunFolder, metrics: int) -> None:
        progress = Progress(
            self.step,
            self.config.to_json(),
            self._data,
            metrics,
            dataclasses.asdict(self.standing),
        )
        parts = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "critic": self._critic.state_dict(),
        }
        save_state(folder.checkpoint, progress, parts, self._optimizer)
