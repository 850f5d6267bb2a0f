"""The training loop: everything that happens between two batches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from landmarks.keypoints.config import Config
from landmarks.keypoints.dataset import Loaded, load_backgrounds, load_faces
from landmarks.keypoints.devices import training_device
from landmarks.keypoints.run import Run, TrainingError
from landmarks.runs.interrupts import Interrupts
from landmarks.runs.run_folder import FolderError
from landmarks.runs.state import CHECKPOINT_FILE, Progress, read_progress
from landmarks.samples import ShardError

_SHOWN = 10


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
        Threads that prepare the pictures.
    save_every : float
        Seconds between checkpoints; 0 saves after every step.
    log_every : int
        Steps between lines of metrics.
    sample_every : int or None
        Epochs between pictures of predictions; None makes about twenty in a run.
    feature_maps : str or None
        A picture whose feature maps are drawn too; None takes a validation face.

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
    feature_maps: str | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "log_every", "sample_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name} is {value}: expected 1 or more")
        if not self.save_every >= 0:
            raise TrainingError(f"save_every is {self.save_every}: expected 0 or more seconds")


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    step, steps : int
        Done, and in all.
    best : float or None
        Smallest mean error on validation persons, in inter-ocular distances.
    interrupted : bool
        Stopped by Ctrl-C or SIGTERM; saved at that step.
    skipped : tuple of ShardError
        Samples and shards that could not be read.
    """

    step: int
    steps: int
    best: float | None
    interrupted: bool
    skipped: tuple[ShardError, ...]


def train(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options = Options(),
    *,
    weights: str | os.PathLike[str] | None = None,
    backgrounds: Sequence[str] = (),
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train a network, or go on with one.

    Parameters
    ----------
    sources : sequence of path-like
        Each a shard or a folder of them; every one has the same share of each batch. Persons are
        split by `landmarks.samples.split_of`; those of 'test' are never looked at.
    modeldir : path-like
        Folder of the run.
    config : Config, optional
    options : Options, optional
    weights : path-like, optional
        File of the weights that `config.start` or `config.imagenet` announces.
    backgrounds : sequence of str, optional
        Pictures without faces, or folders of them.
    report : callable, optional
        Takes one line of text at a time.

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError
        Shards, folder or settings cannot be used (told before the first step); a loss is not a
        finite number any more (the last checkpoint is kept).
    OSError
        The folder cannot be written; the last checkpoint is kept.
    """
    config = config or Config()
    device = training_device(options.device)
    found = Path(modeldir) / CHECKPOINT_FILE
    progress = read_progress(found) if options.resume else None
    if progress:
        _compare(progress, config, str(found), modeldir)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one face per thread is faster than one face on many
    try:
        loaded = load_faces(sources, config)
        around = load_backgrounds(backgrounds, config)
        _tell(loaded, report)
        data = loaded.digest()
        if progress and progress.data != data:
            raise FolderError(
                f"{modeldir} holds a run on other faces: give the same shards to go on, another "
                "folder, or --no-resume to begin anew"
            )
        run = Run(config, loaded, around, data, device)
        report(
            f"training {config.network} ({config.recipe}) on {run.faces} faces, "
            f"{run.steps} steps of {config.batch} on {device}"
        )
        try:
            run.open(modeldir, progress, weights, clear=not options.resume)
            if run.finished:
                report(f"{modeldir} has done all {run.step} steps: it is finished")
            interrupted = _until_finished(run, options, report)
        finally:
            run.close()
    except torch.OutOfMemoryError:
        raise TrainingError(
            f"{device} has too little memory for a batch of {config.batch}: give a smaller batch; "
            "a checkpoint that was there is kept"
        ) from None
    finally:
        cv2.setNumThreads(threads)
    return Outcome(run.step, run.steps, run.standing.best, interrupted, loaded.errors)


def _compare(
    progress: Progress, config: Config, source: str, modeldir: str | os.PathLike[str]
) -> None:
    differences = Config.from_json(progress.config, source).differences(config)
    if differences:
        raise FolderError(
            f"{modeldir} holds a run whose {'; '.join(differences)}: give the same settings to go "
            "on, another folder, or --no-resume to begin anew"
        )


def _tell(loaded: Loaded, report: Callable[[str], None]) -> None:
    for error in loaded.errors[:_SHOWN]:
        report(f"skipped: {error}")
    if loaded.errors:
        report(f"{len(loaded.errors)} samples or shards cannot be read and are skipped")
    persons = len({person for faces in loaded.train for person in faces.persons})
    report(
        f"{sum(map(len, loaded.train))} faces of {persons} training persons, "
        f"{len(loaded.validation)} of {len(set(loaded.validation.persons))} validation persons; "
        f"{loaded.test} of test persons are left alone"
    )


def _until_finished(run: Run, options: Options, report: Callable[[str], None]) -> bool:
    """Train to the end; True if interrupted before."""
    every = options.sample_every or max(1, run.steps // run.epoch_steps // 20)
    saved = logged = time.monotonic()
    logged_step = run.step
    with (
        ThreadPoolExecutor(options.workers) as pool,
        ThreadPoolExecutor(1) as ahead,
        Interrupts() as interrupts,
    ):
        waiting = None if run.finished else ahead.submit(run.batches, run.step, pool)
        while waiting is not None:
            batch = waiting.result()
            waiting = ahead.submit(run.batches, run.step + 1, pool)
            parts = run.one(batch)
            if run.step % options.log_every == 0 or run.step == run.steps:
                rate = (run.step - logged_step) * run.config.batch / (time.monotonic() - logged)
                logged, logged_step = time.monotonic(), run.step
                report(run.log(parts, rate))
            if run.step % run.epoch_steps == 0 or run.step == run.steps:
                report(run.evaluate())
                if run.epoch % every == 0 or run.finished:
                    run.show(options.feature_maps)
            stop = interrupts.wanted or run.finished
            if stop or time.monotonic() - saved >= options.save_every:
                run.save()
                saved = time.monotonic()
            if stop:
                waiting.result()
                waiting = None
    return not run.finished
