"""What a run is to be, found out in a moment: no torch is loaded and no picture decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gan.config import Config
from gan.frame import read_drawing
from gan.model_file import GENERATOR_FILE
from gan.pairs import Pair, PairIndex, is_held_out, read_index, split_persons
from landmarks.runs.options import Options, TrainingError
from landmarks.runs.run_folder import RunFolder, opened, other_run
from landmarks.runs.state import Progress

_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Plan:
    """A run that may begin or go on.

    Attributes
    ----------
    config : Config
        With a size.
    any_precision : bool
        Its precision is still to be replaced by the device's fast one.
    index : PairIndex
    train, held : tuple of Pair
    data : str
        `PairIndex.digest`.
    epochs : int
    folder : RunFolder
    progress : Progress or None
        Where the folder's run is.
    options : Options
    """

    config: Config
    any_precision: bool
    index: PairIndex
    train: tuple[Pair, ...]
    held: tuple[Pair, ...]
    data: str
    epochs: int
    folder: RunFolder
    progress: Progress | None
    options: Options

    def settled(self) -> Config:
        """The settings, with the device's fast precision where none was asked for.

        Raises
        ------
        InputError
            The device cannot be used; the folder's run is of another precision.
        """
        from landmarks.runs.devices import fast_precision, usable_device

        if not self.any_precision:
            return self.config
        precision = fast_precision(usable_device(self.options.device))
        config = replace(self.config, precision=precision)
        _require_same(self.folder, self.progress, config, self.data)
        return config


@contextmanager
def prepared(
    datadir: str | os.PathLike[str],
    epochs: int,
    modeldir: str | os.PathLike[str],
    config: Config,
    options: Options,
    *,
    any_precision: bool = False,
    report: Callable[[str], None],
) -> Iterator[Plan]:
    """Check all that can be checked at once, and keep the run's folder for this process.

    Parameters
    ----------
    datadir, epochs, modeldir, config, options
        As `gan.training.train`.
    any_precision : bool, optional
        The device's fast precision is to take the place of the one in `config`.
    report : callable
        Is told what pairs there are, and whether nobody is held out; of several processes the first
        one's.

    Yields
    ------
    plan : Plan
        Its folder is closed at the end of the block.

    Raises
    ------
    InputError
        Pairs, folder or settings cannot be used.
    OSError
        The folder cannot be written.
    """
    if epochs < 1:
        raise TrainingError(f"epochs is {epochs}: expected 1 or more")
    config = config.for_pictures(read_drawing(datadir))
    index = read_index(datadir, pairing=config.pairing)
    train, held = split_persons(index, config.held_out, config.seed)
    data = index.digest()
    with opened(modeldir, GENERATOR_FILE, resume=options.resume) as (folder, progress):
        _require_same(folder, progress, config, data, any_precision=any_precision)
        if folder.locked:
            report(index.describe())
            if not held:
                report(_nobody_is_held_out(index, config))
        yield Plan(
            config, any_precision, index, train, held, data, epochs, folder, progress, options
        )


def _require_same(
    folder: RunFolder,
    progress: Progress | None,
    config: Config,
    data: str,
    *,
    any_precision: bool = False,
) -> None:
    """Refuse a folder whose run has other settings or pairs."""
    if progress is None:
        return
    told = Config.from_json(progress.config, str(folder.checkpoint))
    if any_precision:
        told = replace(told, precision=config.precision)
    differences = told.differences(config)
    if progress.data != data:
        differences.append("pairs were others")
    if differences:
        raise other_run(folder.path, f"whose {'; '.join(differences)}")


def _nobody_is_held_out(index: PairIndex, config: Config) -> str:
    """What follows where training sees everybody, and what can be done about it."""
    persons = index.persons
    for share in _SHARES:
        out = sum(is_held_out(person, share, config.seed) for person in persons)
        if out and len(persons) - out >= 2:
            advice = f"--held-out {share:g} holds out {out}, or"
            break
    else:
        advice = "for that,"
    return (
        f"nobody is held out ({len(persons)} persons, a share of {config.held_out:g}): these pairs "
        f"cannot tell how good faces of new persons are; {advice} give gan.evaluate other "
        "persons' pairs, with --train and this folder"
    )
