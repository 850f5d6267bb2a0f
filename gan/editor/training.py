"""Train the expression editor, or go on with one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from gan.editor.config import Config
from gan.editor.frames import Loaded, load_frames
from gan.editor.model_file import MODEL_FILE, load_network
from gan.editor.run import Run
from landmarks.keypoints.devices import training_device
from landmarks.runs.loop import until_finished
from landmarks.runs.memory import enough_memory
from landmarks.runs.options import Options
from landmarks.runs.options import Outcome as RunOutcome
from landmarks.runs.run_folder import RunFolder, opened, other_run
from landmarks.runs.state import Progress
from landmarks.samples import ShardError
from landmarks.shards import shard_files

_SHOWN = 10


@dataclass(frozen=True)
class Outcome(RunOutcome):
    """What came of a run.

    Attributes
    ----------
    best : float or None
        Smallest error on validation persons.
    start : float or None
        Error of the weights that it began with.
    beaten : int or None
        Pairs of training after which that was undercut.
    skipped : tuple of ShardError
        Samples and shards that could not be read.
    """

    best: float | None
    start: float | None
    beaten: int | None
    skipped: tuple[ShardError, ...]


@dataclass(frozen=True)
class Plan:
    """A run that may begin or go on; no torch has been asked for anything yet."""

    sources: tuple[str | os.PathLike[str], ...]
    config: Config
    options: Options
    folder: RunFolder
    progress: Progress | None


@contextmanager
def prepared(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config,
    options: Options,
) -> Iterator[Plan]:
    """Check all that can be checked at once, and keep the run's folder for this process.

    Raises
    ------
    InputError
        A shard is missing; the folder cannot be used, or holds a run of other settings.
    OSError
        The folder cannot be written.
    """
    for source in sources:
        shard_files(source)
    with opened(modeldir, MODEL_FILE, resume=options.resume) as (folder, progress):
        if progress is not None:
            told = Config.from_json(progress.config, str(folder.checkpoint))
            if differences := told.differences(config):
                raise other_run(modeldir, f"whose {'; '.join(differences)}")
        yield Plan(tuple(sources), config, options, folder, progress)


def train(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train an editor on pairs of pictures of the same people.

    Parameters
    ----------
    sources : sequence of path-like
        Each a shard or a folder of them; every one has the same share of each batch. Persons are
        split by `landmarks.split_of`; those of 'test' are never looked at, those of 'validation' in
        the first source judge.
    modeldir : path-like
        Folder of the run.
    config : Config, optional
    options : Options, optional
    weights : path-like, optional
        Of which `config.start` tells the SHA-256: a modeldir or .safetensors file to begin with.
    report : callable, optional
        Takes one line of text at a time.

    Raises
    ------
    InputError
        Shards, folder, weights or settings cannot be used (told before the first step); a loss is
        not a finite number any more (the last checkpoint is kept).
    OSError
        The folder cannot be written; the last checkpoint is kept.
    """
    with prepared(sources, modeldir, config or Config(), options or Options()) as plan:
        return carry_out(plan, weights=weights, report=report)


def carry_out(
    plan: Plan, *, weights: str | os.PathLike[str] | None, report: Callable[[str], None]
) -> Outcome:
    """Train as it was planned; parameters and errors as of `train`."""
    config, folder, progress = plan.config, plan.folder, plan.progress
    device = training_device(plan.options.device)
    start = None
    if config.start:
        network, told = load_network(weights)
        if told.widths != config.widths:
            raise other_widths(config, told)
        start = network.state_dict()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with enough_memory("cpu", "the pictures of all shards", "give fewer"):
            loaded = load_frames(plan.sources)
        _tell(loaded, report)
        data = _digest(loaded)
        if progress and progress.data != data:
            raise other_run(folder.path, "on other pictures")
        batch = f"a batch of {config.batch} faces of {config.side} pixels"
        with enough_memory(device, batch, "give a smaller batch"):
            run = Run(config, loaded, data, device)
            run.open(folder, progress, start, clear=not plan.options.resume)
            if run.finished:
                report(f"{folder.path} has done all {run.step} steps: it is finished")
            else:
                report(run.outlook())
                report(f"steps {run.step} to {run.steps} of {config.batch} pairs on {device}")
            interrupted = until_finished(run, plan.options, report)
    finally:
        cv2.setNumThreads(threads)
    standing = run.standing
    return Outcome(
        run.step,
        run.steps,
        interrupted,
        standing.best,
        standing.start,
        standing.beaten,
        loaded.errors,
    )


def other_widths(config: Config, told: Config) -> Exception:
    """The error of weights to begin with that are of another network."""
    from landmarks.runs.tensor_file import ModelError

    return ModelError(
        f"the weights to begin with have widths {told.widths}: expected {config.widths}"
    )


def _tell(loaded: Loaded, report: Callable[[str], None]) -> None:
    for error in loaded.errors[:_SHOWN]:
        report(f"skipped: {error}")
    if loaded.errors:
        report(f"{len(loaded.errors)} samples or shards cannot be read and are skipped")
    for source in loaded.unpaired:
        report(f"{source}: no pairs of training persons, nothing is learnt from it")
    for source, frames in zip(loaded.sources, loaded.train, strict=True):
        report(
            f"{source}: {len(frames.pairs):,} pairs of {len(frames.images):,} pictures of "
            f"{len(set(frames.persons))} training persons"
        )
    held = loaded.validation
    report(
        f"{len(held.pairs):,} pairs of {len(set(held.persons))} validation persons; "
        f"{loaded.test} pictures of test persons are left alone"
    )


def _digest(loaded: Loaded) -> str:
    """Equal for equal pictures and landmarks in equal order."""
    told = hashlib.sha256()
    for frames in (*loaded.train, loaded.validation):
        told.update(f"{len(frames.images)} pictures".encode())
        for image in frames.images:
            told.update(f"{image.shape}".encode())
            told.update(np.ascontiguousarray(image).data)
        told.update(np.ascontiguousarray(frames.points).data)
        told.update(np.ascontiguousarray(frames.pairs).data)
    return told.hexdigest()
