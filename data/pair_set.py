"""Writing a folder of pairs: nothing finished is lost, and the bytes are the same every time."""

from __future__ import annotations

import csv
import functools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.pair_work import Task, numbered, prepare, work
from data.photos import Photo, Photos
from gan.frame import FRAME_FILE, Frame, read_drawing, write_frame
from gan.held_out import differences
from gan.pair_table import TABLE_FILE, PairRecord, write_pair_table
from landmarks.errors import InputError
from landmarks.files import TEMPORARY, replacing
from landmarks.journal import Journal, Record
from landmarks.outputs import NO_FACE
from landmarks.pool import Died, OrderedPool
from landmarks.samples import split_of

ERRORS_FILE = "errors.csv"
JOURNAL_FILE = "pairs.partial"
_COUNTS = ("without_face", "unusable")


@dataclass(frozen=True)
class PairSet:
    """What is to be made.

    Attributes
    ----------
    folder : str
        Where.
    frame : Frame
    photos : Photos
    split : {'all', 'train', 'validation', 'test'}
        Whose pairs; persons keep their numbers.
    source : str
        Where the photographs come from, for people to read.
    border : float
        How much of a face's frame may lie beyond its photograph, as a share; tighter photographs
        give no pair. What lies beyond repeats the photograph's border.

    Raises
    ------
    InputError
        `border` is not 0 to 1.
    """

    folder: str
    frame: Frame
    photos: Photos
    split: str = "all"
    source: str = ""
    border: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.border <= 1:
            raise InputError(f"the border is {self.border}: expected 0 to 1 (0.2 is a fifth)")

    def settings(self) -> dict[str, Any]:
        """What a resumed run must not change."""
        return {
            **self.frame.record(),
            "split": self.split,
            "persons": self.photos.persons,
            "photographs": self.photos.fingerprint,
            # Where all are taken nothing is said: so earlier runs can be gone on with.
            **({"border": self.border} if self.border < 1 else {}),
        }


@dataclass
class Summary:
    """What came of it.

    Attributes
    ----------
    folder : str
    rule : str
        How persons were told apart.
    pairs, persons : int
    skipped : int
        Pairs that an earlier run had made.
    without_face, unusable : int
        Photographs that gave no pair: no face was found, or something else was wrong.
    problems : list of (str, str)
        The photographs without a pair that this run saw, and why.
    several : bool
        Photographs may show several faces, of which the largest was taken.
    """

    folder: str
    rule: str = ""
    pairs: int = 0
    persons: int = 0
    skipped: int = 0
    without_face: int = 0
    unusable: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    several: bool = False

    def refuse(self, source: str, reason: str) -> None:
        """Count a photograph that gave no pair."""
        self.problems.append((source, reason))
        if reason == NO_FACE:
            self.without_face += 1
        else:
            self.unusable += 1

    def __str__(self) -> str:
        told = f"{self.folder}: {self.pairs} pairs of {self.persons} persons"
        told += f" (by {self.rule})" if self.rule else ""
        if self.skipped:
            told += f", {self.skipped} made before"
        if self.without_face:
            told += f"; {self.without_face} without a face"
        if self.unusable:
            told += f"; {self.unusable} could not be used"
            first = next((reason for _, reason in self.problems if reason != NO_FACE), None)
            told += "" if first is None else f", the first: {first}"
        if self.without_face or self.unusable:
            told += f" (all in {Path(self.folder, ERRORS_FILE)})"
        if self.several:
            told += "; of a photograph with several faces the largest was taken"
        return told


def make_pairs(
    target: PairSet, *, jobs: int = 1, resume: bool = False, progress: bool = False
) -> Summary:
    """Make the pairs of all photographs.

    Parameters
    ----------
    target : PairSet
    jobs : int, optional
        Number of processes.
    resume : bool, optional
        Go on with a run that was stopped.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.

    Returns
    -------
    summary : Summary

    Raises
    ------
    InputError
        The folder cannot be written, or holds other files, finished pairs, an unfinished run
        (without `resume`) or one with other settings (with it); nothing could be used.

    Notes
    -----
    The bytes depend on the photographs and the settings, not on `jobs` or on where a run stopped.
    """
    folder = Path(target.folder)
    finished = _check_folder(folder, target, resume)
    if finished is not None:
        finished.several = target.photos.several
        return finished
    journal = Journal(folder / JOURNAL_FILE, target.settings(), resume=resume)
    summary = Summary(target.folder, target.photos.persons, several=target.photos.several)
    try:
        done = {record.stem: record for record in journal if record.error is None}
        records = list(_made(target, journal, done, summary, jobs, progress))
        if not records:
            journal.remove()  # nothing to go on with: another try may be made in this folder
            what = summary.problems[0] if summary.problems else (target.source, "holds no picture")
            told = what[1] if what[0] in what[1] else f"{what[0]}: {what[1]}"
            split = "" if target.split == "all" else f" of the split {target.split!r}"
            raise InputError(f"no pair{split} could be made ({told})")
        _finish(folder, target, records, summary)
        journal.remove()
    finally:
        journal.close()
    return summary


def _made(
    target: PairSet,
    journal: Journal,
    done: dict[str, Record],
    summary: Summary,
    jobs: int,
    progress: bool,
) -> Iterator[PairRecord]:
    """Pairs in the order of the photographs, those of an earlier run among them."""
    waiting: deque[tuple[Task, Record | None]] = deque()

    def undone() -> Iterator[Task]:
        for task in numbered(target.photos.stream(), target.split):
            known = done.get(task.stem) if task.person else None
            waiting.append((_light(task), known))
            if known is None:
                yield task

    persons = set()
    pool = OrderedPool(
        work,
        functools.partial(prepare, target.folder, target.frame, target.border, jobs == 1),
        jobs,
    )
    quiet = None if progress else True
    bar = tqdm(total=target.photos.total, unit="img", disable=quiet, leave=False)

    def settled(record: Record | None) -> Iterator[PairRecord]:
        """Everything up to the photograph that this record is of."""
        while waiting:
            task, known = waiting[0]
            if known is None:
                if record is None:
                    return
                known, record = record, None
                journal.add(known)
            else:
                summary.skipped += bool(known.rows)
            waiting.popleft()
            bar.update()
            if known.rows:
                summary.pairs += 1
                persons.add(task.person)
                yield _pair(target.frame, task, known)
            else:
                summary.refuse(task.photo.source, known.error or NO_FACE)

    with bar:
        for task, result in _answers(pool, undone()):
            if not isinstance(result, Record):
                reason = f"{task.photo.source} ended the process that read it"
                result = Record(task.photo.source, task.stem, error=reason)
            yield from settled(result)
        yield from settled(None)
    summary.persons = len(persons)


def _answers(
    pool: OrderedPool[Task, Record], tasks: Iterator[Task]
) -> Iterator[tuple[Task, Record | Died]]:
    """What the pool gives; processes that cannot start are no fault of this program's."""
    try:
        yield from pool.run(tasks)
    except RuntimeError as error:
        if "cannot start" not in str(error):
            raise
        raise InputError(str(error)) from None


def _light(task: Task) -> Task:
    """Without the picture, which may have to wait for many others."""
    photo = task.photo
    kept = Photo(photo.source, photo.person, None, photo.emotion, photo.intensity)
    return Task(kept, task.person, task.image)


def _pair(frame: Frame, task: Task, record: Record) -> PairRecord:
    points = record.rows[0].points
    assert points is not None
    photo = task.photo
    return PairRecord(
        person=task.person,
        image=task.image,
        name=photo.person,
        split=split_of(photo.person),
        source=photo.source,
        emotion=photo.emotion,
        intensity=photo.intensity,
        points=frame.place(points),
    )


def _check_folder(folder: Path, target: PairSet, resume: bool) -> Summary | None:
    """Refuse a folder that is not ours to write; what it holds if all is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}") from None
    if FRAME_FILE in names:
        if not resume:
            raise InputError(f"{folder} holds finished pairs: give another folder, or delete it")
        made = read_drawing(folder)
        before = made.get("settings")
        told = differences({"settings": before}, {"settings": target.settings()})
        if told:
            raise InputError(f"{folder} holds pairs with other settings ({'; '.join(told)})")
        (folder / JOURNAL_FILE).unlink(missing_ok=True)  # a kill at the very end leaves it
        return _summary_of(made, str(folder), target.photos.persons)
    if names and JOURNAL_FILE not in names:
        raise InputError(f"{folder} holds other files ({names[0]}): give an empty or new folder")
    return None


def _summary_of(made: dict[str, Any], folder: str, rule: str) -> Summary:
    """What a finished folder tells of the run that made it."""
    try:
        pairs, persons = int(made["pairs"]), int(made["persons"])
        # Earlier versions did not count those that gave no pair.
        without_face, unusable = (int(made.get(name, 0)) for name in _COUNTS)
    except (KeyError, TypeError, ValueError):
        path = Path(folder, FRAME_FILE)
        raise InputError(f"{path} is damaged: expected the numbers of pairs and persons") from None
    return Summary(folder, rule, pairs, persons, pairs, without_face, unusable)


def _finish(folder: Path, target: PairSet, records: list[PairRecord], summary: Summary) -> None:
    for unfinished in folder.glob(f"{TEMPORARY}*"):
        unfinished.unlink(missing_ok=True)  # left by a kill; nobody else writes here now
    write_pair_table(folder, records)
    if summary.problems:
        with replacing(folder / ERRORS_FILE) as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["file", "reason"])
            writer.writerows(summary.problems)
    # Last: this file says that the folder is whole.
    write_frame(
        folder,
        target.frame,
        pairs=summary.pairs,
        persons=summary.persons,
        **{name: getattr(summary, name) for name in _COUNTS},
        table=TABLE_FILE,
        source=target.source,
        settings=target.settings(),
    )
