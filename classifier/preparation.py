"""What a run is to be, found out in a moment: no torch is loaded and no picture decoded."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from classifier.config import Config
from classifier.emotions import ALL, CONTEMPT
from classifier.model_file import MODEL_FILE
from classifier.sources import Entry, SourceError, read_entries
from classifier.splits import PARTLY, UNKNOWN, PersonsError, refuse_few, split_all
from landmarks.runs.options import Options
from landmarks.runs.run_folder import CONFIG_FILE, RunFolder, opened, other_run, refuse_other
from landmarks.runs.state import Progress


@dataclass(frozen=True)
class Reading:
    """How data sets are read.

    Attributes
    ----------
    scheme : str or None
        Whose codes the labels are (`classifier.emotions.SCHEMES`).
    persons : str
        As `classifier.sources.read_entries`.
    contempt : bool
        An eighth class is taken.
    without : tuple of str
        Emotions that are left out.
    least : float
        Faces of less intensity are left out, neutral ones excepted.

    Raises
    ------
    SourceError
        `least` is no intensity.
    """

    scheme: str | None = None
    persons: str = "auto"
    contempt: bool = False
    without: tuple[str, ...] = ()
    least: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.least) and self.least >= 0):
            raise SourceError(f"the least intensity is {self.least}: expected 0 or more")

    def entries(self, source: str | os.PathLike[str]) -> list[Entry]:
        """The entries of a data set that are wanted.

        Raises
        ------
        InputError
            As `read_entries`, or none is left.
        """
        if unknown := sorted(set(self.without) - set(ALL)):
            raise SourceError(
                f"no emotion is called {', '.join(unknown)}: expected {', '.join(ALL)}"
            )
        left_out = {*self.without, *(() if self.contempt else (CONTEMPT,))}
        read = read_entries(source, scheme=self.scheme, persons=self.persons)
        wanted = [entry for entry in read if entry.emotion not in left_out]
        if not wanted:
            raise SourceError(f"{source} shows nothing but {', '.join(sorted(left_out))}")
        kept = [entry for entry in wanted if entry.emotion == "neutral" or self._strong(entry)]
        if all(entry.emotion == "neutral" for entry in kept) and len(kept) < len(wanted):
            most = max(entry.intensity or 0.0 for entry in wanted if not self._strong(entry))
            raise SourceError(
                f"{source} shows no expression of intensity {self.least:g} or more: the strongest "
                f"has {most:g}"
            )
        return kept

    def _strong(self, entry: Entry) -> bool:
        return entry.intensity is None or entry.intensity >= self.least


@dataclass(frozen=True)
class Plan:
    """A run that may begin or go on.

    Attributes
    ----------
    train : tuple of tuple of Entry
        One for each source that has any.
    held : tuple of Entry
        Of validation persons of the first source.
    left : int
        Entries of test persons of the first source, which nothing looks at.
    config : Config
        With the classes that the first source shows.
    options : Options
    folder : RunFolder
    progress : Progress or None
        Where the folder's run is.
    """

    train: tuple[tuple[Entry, ...], ...]
    held: tuple[Entry, ...]
    left: int
    config: Config
    options: Options
    folder: RunFolder
    progress: Progress | None
    cache: str | None = field(default=None)


def for_classes(config: Config, emotions: Sequence[str]) -> Config:
    """The same settings for the emotions that faces show."""
    return dataclasses.replace(config, emotions=tuple(e for e in ALL if e in set(emotions)))


@contextmanager
def prepared(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config,
    options: Options,
    reading: Reading,
    *,
    cache: str | None = None,
    report: Callable[[str], None],
) -> Iterator[Plan]:
    """Check all that can be checked at once, and keep the run's folder for this process.

    Parameters
    ----------
    sources : sequence of path-like
        The first one's validation persons judge; further ones only teach.
    modeldir : path-like
    config : Config
    options : Options
    reading : Reading
    cache : str, optional
        File of landmarks found before; left out, one in the folder of the run.
    report : callable
        Takes one line of text at a time.

    Yields
    ------
    plan : Plan
        Its folder is closed at the end of the block.

    Raises
    ------
    InputError
        A set cannot be read, a class has one person only, the folder cannot be used, or holds a
        run of other settings.
    OSError
        The folder cannot be written.
    """
    read = [reading.entries(source) for source in sources]
    parts = [_parts(entries, everyone=config.rule == "all") for entries in read]
    persons = [entry.person for entry in read[0]]
    refuse_few([entry.emotion for entry in read[0]], persons)
    config = dataclasses.replace(config, least=reading.least)
    config = for_classes(config, [entry.emotion for entry in read[0]])
    learnt = set(config.emotions)
    train = [tuple(entry for entry in part["train"] if entry.emotion in learnt) for part in parts]
    held = tuple(parts[0]["validation"])
    _check(str(sources[0]), train[0], held)
    refuse_lacking(
        " and ".join(map(str, sources)), {one.emotion for part in train for one in part}, config
    )
    for source, entries in zip(sources, read, strict=True):
        unknown = sum(entry.person is None for entry in entries)
        if unknown:
            told = UNKNOWN if unknown == len(entries) else PARTLY
            report(
                f"{told}: the same people may be in training and validation ({source}: {unknown} "
                f"of {len(entries)} pictures)"
            )
    with opened(modeldir, MODEL_FILE, resume=options.resume) as (folder, progress):
        refuse_kept(folder, progress, config, options)
        yield Plan(
            tuple(part for part in train if part),
            held,
            len(parts[0]["test"]),
            config,
            options,
            folder,
            progress,
            cache,
        )


def refuse_kept(
    folder: RunFolder, progress: Progress | None, config: Config, options: Options
) -> None:
    """Refuse a folder that holds a run of other settings, its network and classes among them.

    Raises
    ------
    FolderError
        The settings differ.
    ConfigError
        The run's are damaged, of a newer version, or none of a classifier.
    """
    refuse_other(folder, progress, config)
    kept = folder.path / CONFIG_FILE
    # A machine on landmarks has no checkpoint, and that of a finished run may have been removed.
    if options.resume and progress is None and kept.is_file():
        told = Config.from_json(kept.read_text(encoding="utf-8", errors="replace"), str(kept))
        if differences := told.differences(config):
            raise other_run(folder.path, f"whose {'; '.join(differences)}")


def refuse_lacking(source: str, shown: Collection[str], config: Config) -> None:
    """Refuse classes that no training face shows: they would be said by chance.

    Raises
    ------
    PersonsError
    """
    if lacking := [emotion for emotion in config.emotions if emotion not in shown]:
        raise PersonsError(
            f"no training person of {source} shows {', '.join(lacking)}: expected some, or leave "
            "that out (--without)"
        )


def _parts(entries: Sequence[Entry], *, everyone: bool) -> dict[str, list[Entry]]:
    splits = split_all([entry.person for entry in entries], [entry.name for entry in entries])
    if everyone:
        splits[splits == "test"] = "train"
    parts: dict[str, list[Entry]] = {"train": [], "validation": [], "test": []}
    for entry, split in zip(entries, splits.tolist(), strict=True):
        parts[split].append(entry)
    return parts


def _check(source: str, train: Sequence[Entry], held: Sequence[Entry]) -> None:
    if not held or len({entry.emotion for entry in train}) < 2:
        told = {entry.person or entry.name for entry in train}
        raise PersonsError(
            f"{source} has {len(told)} training persons who show "
            f"{len({entry.emotion for entry in train})} emotions, and "
            f"{len({entry.person or entry.name for entry in held})} validation persons: expected "
            "two emotions, and one validation person or more"
        )
