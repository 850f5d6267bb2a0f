"""The training loop: everything that happens between two batches."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from classifier.config import SVM, Config
from classifier.dataset import Faces, Skipped, landmarks_file, load_faces
from classifier.judging import judge
from classifier.landmark_svm import LandmarkSvm
from classifier.metrics import expected_calibration_error
from classifier.model_file import MODEL_FILE, save_classifier
from classifier.preparation import Plan, Reading, for_classes, prepared, refuse_kept, refuse_lacking
from classifier.run import Run
from classifier.splits import note_on, refuse_shared
from classifier.temperature import fit_temperature, softmax
from landmarks.keypoints.devices import training_device
from landmarks.runs.loop import until_finished
from landmarks.runs.memory import enough_memory
from landmarks.runs.options import Options
from landmarks.runs.options import Outcome as RunOutcome
from landmarks.runs.run_folder import RunFolder, opened, other_run
from landmarks.runs.state import Progress
from landmarks.runs.telling import tell_position, tell_skipped


@dataclass(frozen=True)
class Outcome(RunOutcome):
    """What came of a run.

    Attributes
    ----------
    validation : dict
        Numbers of the best weights on validation persons: accuracy, balanced accuracy, macro-F1,
        expected calibration error (the temperature was learnt on the same faces), temperature.
        Empty where the run was interrupted.
    skipped : tuple of Skipped
        Pictures that show no face, or could not be read.
    """

    validation: dict[str, float]
    skipped: tuple[Skipped, ...]


def train(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    epochs: int,
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options | None = None,
    reading: Reading | None = None,
    *,
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train a classifier, or go on with one.

    Parameters
    ----------
    sources : path-like or sequence of path-like
        As `classifier.sources.read_entries` takes them. Persons are split by
        `landmarks.samples.split_of`; validation persons of the first source judge, its test persons
        are never looked at. Further sources only teach.
    epochs : int
        How often each face of the first source is seen.
    modeldir : path-like
        Folder of the run.
    config : Config, optional
        Its classes are replaced by what the first source shows.
    options : Options, optional
    reading : Reading, optional
    report : callable, optional
        Takes one line of text at a time.

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError
        Sets, folder or settings cannot be used (told before the first step); the loss is not a
        finite number any more (the last checkpoint is kept).
    OSError
        The folder cannot be written; the last checkpoint is kept.
    """
    several = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    given = replace(config or Config(), epochs=epochs)
    with prepared(
        several, modeldir, given, options or Options(), reading or Reading(), report=report
    ) as plan:
        return carry_out(plan, report=report)


def carry_out(plan: Plan, *, report: Callable[[str], None]) -> Outcome:
    """Train as it was planned.

    Raises
    ------
    InputError, OSError
        As `train`.
    """
    config, jobs = plan.config, plan.options.workers
    plan.folder.lock()
    cache = plan.cache or landmarks_file(plan.folder.path)
    look: dict[str, Any] = {
        "side": config.side,
        "channels": config.channels,
        "pictures": config.network != SVM,
        "cache": cache,
        "jobs": jobs,
    }
    with enough_memory("cpu", "the faces of all sets", "give fewer, or a smaller side"):
        train = [load_faces(entries, **look) for entries in plan.train]
        held = load_faces(plan.held, **look)
    _tell(train, held, plan, report)
    return _run(train, held, config, plan.options, plan.folder, plan.progress, report)


def train_on(
    train: Faces | Sequence[Faces],
    held: Faces,
    modeldir: str | os.PathLike[str],
    config: Config | None = None,
    options: Options | None = None,
    *,
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train on faces that are at hand, such as generated ones.

    Parameters
    ----------
    train : Faces or sequence of Faces
        One for each source; sides and channels as in `config`.
    held : Faces
        Of other persons: they tell which weights are best, and the temperature.
    modeldir, config, options, report
        As `train`; the classes are those that the first source shows.

    Returns
    -------
    outcome : Outcome

    Raises
    ------
    InputError, OSError
        As `train`; the same person is in both.
    """
    several = [train] if isinstance(train, Faces) else list(train)
    for faces in several:
        refuse_shared(faces.persons, held.persons)
    options = options or Options()
    given = for_classes(config or Config(), several[0].emotions)
    with opened(modeldir, MODEL_FILE, resume=options.resume) as (folder, progress):
        folder.lock()
        refuse_kept(folder, progress, given, options)
        return _run(several, held, given, options, folder, progress, report)


def _run(
    train: Sequence[Faces],
    held: Faces,
    config: Config,
    options: Options,
    folder: RunFolder,
    progress: Progress | None,
    report: Callable[[str], None],
) -> Outcome:
    told = hashlib.sha256("".join(faces.digest() for faces in (*train, held)).encode())
    data = told.hexdigest()
    skipped = tuple(one for faces in (*train, held) for one in faces.skipped)
    shown = {emotion for faces in train for emotion in faces.emotions}
    refuse_lacking("what is trained on", shown, config)
    if config.network == SVM:
        return _fit_svm(train, held, config, folder, skipped, report)
    if progress and progress.data != data:
        raise other_run(folder.path, "on other faces")
    device = training_device(options.device)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one face per thread is faster than one face on many
    try:
        batch = f"a batch of {config.batch} pictures of {config.side} pixels"
        with enough_memory(device, batch, "give a smaller batch"):
            run = Run(config, train, held, data, device)
            report(
                f"training {config.network} on {sum(map(len, train))} faces, {run.steps} steps of "
                f"{config.batch} on {device}"
            )
            run.open(folder, progress, clear=not options.resume)
            tell_position(run, folder.path, report)
            interrupted = until_finished(run, options, report)
            numbers = {} if interrupted else run.calibrated()
    finally:
        cv2.setNumThreads(threads)
    if numbers:
        report(_sentence(numbers, train, held))
    return Outcome(run.step, run.steps, interrupted, numbers, skipped)


def _fit_svm(
    train: Sequence[Faces],
    held: Faces,
    config: Config,
    folder: RunFolder,
    skipped: tuple[Skipped, ...],
    report: Callable[[str], None],
) -> Outcome:
    """A machine is fitted at once, to all sources alike: there is nothing to go on with."""
    machine = fit_svm(train, config)
    labels = held.labels(config.emotions)
    scores = machine.scores(held.points)
    temperature = fit_temperature(scores, labels, held.persons)
    folder.prepare()
    folder.clear()
    folder.open(config.to_json(), metrics=0, step=0)
    shares = softmax(scores, temperature)
    error = expected_calibration_error(shares, labels)
    numbers = {**judge(scores, labels), "validation_ece": error, "temperature": temperature}
    folder.write_metrics(1, numbers)
    save_classifier(
        folder.model,
        machine,
        config,
        temperature=temperature,
        persons={person for faces in (*train, held) for person in faces.persons},
        pictures={one for faces in (*train, held) for one in faces.hashes},
    )
    report(_sentence(numbers, train, held))
    return Outcome(1, 1, False, numbers, skipped)


def fit_svm(train: Sequence[Faces], config: Config) -> LandmarkSvm:
    """Landmarks and a support-vector machine on the faces of all sources.

    Parameters
    ----------
    train : sequence of Faces
    config : Config
        Of `landmarks_svm`.
    """
    points = np.concatenate([faces.points for faces in train])
    labels = np.concatenate([faces.labels(config.emotions) for faces in train])
    return LandmarkSvm.fit(points, labels, len(config.emotions), **config.settings)


def _tell(train: Sequence[Faces], held: Faces, plan: Plan, report: Callable[[str], None]) -> None:
    skipped = [one for faces in (*train, held) for one in faces.skipped]
    tell_skipped(
        [f"{one.name}: {one.reason}" for one in skipped],
        report,
        "pictures show no face that is found, or cannot be read: skipped",
    )
    counts = Counter(train[0].emotions)
    shown = ", ".join(f"{emotion} {counts[emotion]}" for emotion in plan.config.emotions)
    report(f"training faces of the first set: {shown}")
    report(
        f"{sum(map(len, train))} training faces, {len(held)} of validation persons; {plan.left} of "
        "test persons are left alone" + note_on((*train, held))
    )


def _sentence(numbers: dict[str, float], train: Sequence[Faces], held: Faces) -> str:
    told = ", ".join(
        f"{name.removeprefix('validation_').replace('_', ' ')} {value:.3f}"
        for name, value in numbers.items()
    )
    return f"best weights on {len(held)} validation faces: {told}{note_on((*train, held))}"
