"""The training loop: everything that happens between two batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2

from landmarks.errors import InputError
from landmarks.keypoints.config import Config
from landmarks.keypoints.dataset import Loaded, load_backgrounds, load_faces
from landmarks.keypoints.devices import training_device
from landmarks.keypoints.preparation import Options, Plan, prepared
from landmarks.keypoints.run import Run
from landmarks.keypoints.weights import check_start
from landmarks.runs.loop import until_finished
from landmarks.runs.memory import enough_memory
from landmarks.runs.options import Outcome as RunOutcome
from landmarks.runs.run_folder import other_run
from landmarks.runs.telling import tell_position, tell_skipped
from landmarks.samples import ShardError


@dataclass(frozen=True)
class Outcome(RunOutcome):
    """What came of a run.

    Attributes
    ----------
    best : float or None
        Smallest mean error on validation persons, in inter-ocular distances.
    skipped : tuple of ShardError
        Samples and shards that could not be read.
    """

    best: float | None
    skipped: tuple[ShardError, ...]


def train(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options | None = None,
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
        The weights that `config.start` or `config.imagenet` announces: a file, or the folder of an
        earlier run; ImageNet's are downloaded without.
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
    with prepared(sources, modeldir, config or Config(), options or Options()) as plan:
        return carry_out(plan, weights=weights, backgrounds=backgrounds, report=report)


def carry_out(
    plan: Plan,
    *,
    weights: str | os.PathLike[str] | None,
    backgrounds: Sequence[str],
    report: Callable[[str], None],
) -> Outcome:
    """Train as it was planned.

    Parameters
    ----------
    plan : Plan
    weights, backgrounds, report
        As `train`.

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError, OSError
        As `train`.
    """
    config, folder, progress = plan.config, plan.folder, plan.progress
    if progress is None:
        check_start(config, weights)
    device = training_device(plan.options.device)
    folder.lock()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one face per thread is faster than one face on many
    try:
        with enough_memory("cpu", "the faces of all shards", "give fewer, or a smaller side"):
            damaged: list[InputError] = []
            # Fewer than faces: a wrong path is told first.
            around = load_backgrounds(backgrounds, config, damaged.append)
            loaded = load_faces(plan.sources, config)
        tell_skipped(damaged, report, "backgrounds cannot be read and are skipped")
        _tell(loaded, report, config.leaks)
        data = loaded.digest(around)
        if progress and progress.data != data:
            raise other_run(folder.path, "on other faces or backgrounds")
        batch = f"a batch of {config.batch} pictures of {config.side} pixels"
        with enough_memory(device, batch, "give a smaller batch"):
            run = Run(config, loaded, around, data, device, plan.shown)
            report(
                f"training {config.network} ({config.recipe}) on {run.faces} faces, "
                f"{run.steps} steps of {config.batch} on {device}"
            )
            run.open(folder, progress, weights, clear=not plan.options.resume)
            tell_position(run, folder.path, report)
            interrupted = until_finished(run, plan.options, report)
    finally:
        cv2.setNumThreads(threads)
    return Outcome(run.step, run.steps, interrupted, run.standing.best, loaded.errors)


def _tell(loaded: Loaded, report: Callable[[str], None], leaks: bool) -> None:
    tell_skipped(loaded.errors, report, "samples or shards cannot be read and are skipped")
    if loaded.placed:
        report(f"{loaded.placed} validation faces judge nobody: a network placed their points")
    persons = len({person for faces in loaded.train for person in faces.persons})
    report(
        f"{sum(map(len, loaded.train))} faces of {persons} training persons, "
        f"{len(loaded.validation)} of {len(set(loaded.validation.persons))} validation persons; "
        + ("THIS LEAKS: test persons are trained on" if leaks else
           f"{loaded.test} of test persons are left alone")
    )  # fmt: skip
