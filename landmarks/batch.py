"""Landmarks of many pictures: many processes, nothing finished is lost, nothing is done twice."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from landmarks.errors import ImageError, InputError
from landmarks.faces import Face, FaceFinder, Settings, shared_finder
from landmarks.image import Picture
from landmarks.inputs import Source
from landmarks.journal import Journal, Key, Record
from landmarks.outputs import NO_FACE, Output, Problem, read_problems, write_problems
from landmarks.pool import OrderedPool
from landmarks.tables import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

DECIMALS = 3  # a thousandth of a pixel


@dataclass(frozen=True)
class Task:
    """One picture to work on; a film's frame comes with its pixels."""

    source: Source
    frame: int | None = None
    seconds: float | None = None
    image: NDArray[np.uint8] | None = field(default=None, repr=False)
    error: str | None = None

    @property
    def key(self) -> Key:
        return self.source.path, self.frame

    @property
    def stem(self) -> str:
        frame = "" if self.frame is None else f"_frame{self.frame:06d}"
        return f"{self.source.stem}{frame}"


@dataclass
class Report:
    """What a batch did.

    Attributes
    ----------
    images : int
        Pictures (or frames) that were read.
    faces : int
        Faces found in them.
    problems : list of Problem
        Pictures without a face or that could not be read, with the reason.
    skipped : int
        Done by an earlier run.
    """

    images: int = 0
    faces: int = 0
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def without_face(self) -> list[Problem]:
        """Pictures that were read and show no face."""
        return [problem for problem in self.problems if problem.reason == NO_FACE]

    @property
    def unreadable(self) -> list[Problem]:
        """Pictures that could not be read."""
        return [problem for problem in self.problems if problem.reason != NO_FACE]

    def add(self, record: Record) -> None:
        """Count one picture."""
        if record.error is None:
            self.images += 1
            self.faces += len(record.rows)
        if not record.rows:
            reason = record.error or NO_FACE
            self.problems.append(Problem(record.file, record.frame, reason))

    def __str__(self) -> str:
        told = f"read {self.images} image{'' if self.images == 1 else 's'}, found {self.faces} face"
        told += "" if self.faces == 1 else "s"
        if self.skipped:
            told += f", skipped {self.skipped} done before"
        if self.without_face:
            told += f"; {len(self.without_face)} without a face"
        if self.unreadable:
            told += f"; {len(self.unreadable)} could not be read"
        return told


_finder: FaceFinder | None = None
_draw: str | None = None


def _prepare(settings: Settings, draw: str | None, alone: bool) -> None:
    global _finder, _draw
    if not alone:
        import cv2

        cv2.setNumThreads(1)  # the processes already fill the cores
    _finder = shared_finder(settings, check=False)
    _draw = draw


def _work(task: Task) -> Record:
    """Faces of one picture; what is wrong with it becomes its record's reason."""
    assert _finder is not None
    error, faces = task.error, []
    picture: Picture | NDArray[np.uint8] | None = task.image
    if error is None:
        try:
            if picture is None:
                picture = Picture(task.source.path)
            faces = _finder(picture)
        except ImageError as problem:
            error = str(problem)
        # One picture must not end the work on a hundred thousand; its reason is reported.
        except Exception as problem:
            error = f"{task.source.path} failed: {type(problem).__name__}: {problem}"
    rows = tuple(
        Row(
            file=task.source.path,
            face=number,
            box=(face.box.left, face.box.top, face.box.right, face.box.bottom),
            score=round(face.box.score, 6),
            points=np.round(face.points, DECIMALS),
            frame=task.frame,
            seconds=task.seconds,
        )
        for number, face in enumerate(faces)
    )
    if _draw is not None and rows and picture is not None:
        _write_overlay(picture, faces, os.path.join(_draw, task.stem))
    return Record(task.source.path, task.stem, task.frame, task.seconds, rows, error)


def _write_overlay(picture: Picture | NDArray[np.uint8], faces: list[Face], stem: str) -> None:
    from PIL import Image

    from landmarks.draw import overlay
    from landmarks.files import replacing

    # Photographs stay small; what was stored without loss is drawn without loss.
    lossless = isinstance(picture, Picture) and not picture.is_jpeg
    target = Path(f"{stem}.png" if lossless else f"{stem}.jpg")
    image = picture.rgb() if isinstance(picture, Picture) else picture
    boxes = [(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in faces]
    drawn = Image.fromarray(overlay(image, [face.points for face in faces], boxes=boxes))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, "wb", durable=False) as handle:
            drawn.save(handle, format="PNG" if lossless else "JPEG", quality=92)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None


def _tasks(sources: Iterable[Source], done: set[Key]) -> Iterator[Task]:
    from landmarks.film import read_film

    for source in sources:
        if not source.film:
            if (source.path, None) not in done:
                yield Task(source)
            continue

        def known(frame: int, path: str = source.path) -> bool:
            return (path, frame) in done

        try:
            for frame, seconds, image in read_film(source.path, skip=known):
                yield Task(source, frame, round(seconds, 6), image)
        except ImageError as error:
            yield Task(source, error=str(error))


def extract_batch(
    sources: list[Source],
    settings: Settings | None = None,
    *,
    output: Output | None = None,
    draw: str | None = None,
    jobs: int = 1,
    resume: bool = False,
    progress: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> Report:
    """Find the landmarks in all sources.

    Parameters
    ----------
    sources : list of Source
        As `landmarks.inputs.expand` gives them.
    settings : Settings, optional
        How faces are found.
    output : Output, optional
        Where the faces go; they appear there whole, or (a table) when all is done.
    draw : str, optional
        A folder for pictures with the landmarks on them.
    jobs : int, optional
        Number of processes.
    resume : bool, optional
        Skip what an earlier run into the same output has done; pictures that could not be read are
        tried again.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.
    on_record : callable, optional
        Called with each picture's record, in the order of `sources`.

    Returns
    -------
    report : Report

    Raises
    ------
    InputError
        The output cannot be written, or holds an unfinished run (without `resume`) or one with
        other settings (with it).
    """
    settings = settings or Settings()
    report = Report()
    journal: Journal | None = None
    earlier: list[Problem] = []
    keep: set[Key] = set()
    done: set[Key] = set()
    if output is not None:
        journal = Journal(output.journal, asdict(settings), resume=resume)
        if resume:
            keep = output.done()
            earlier = [p for p in read_problems(output.errors) if p.reason == NO_FACE]
            for record in journal:
                if record.error is None:
                    done.add(record.key)
                    if not record.rows:
                        report.problems.append(Problem(record.file, record.frame, NO_FACE))
            report.problems += earlier
            done |= keep | {problem.key for problem in earlier}
            wanted = {source.path for source in sources}
            report.skipped = sum(file in wanted for file, _ in done)
    pool = OrderedPool(_work, functools.partial(_prepare, settings, draw, jobs == 1), jobs)
    total = None if any(source.film for source in sources) else len(sources)
    bar = tqdm(
        total=total, unit="img", smoothing=0.05, disable=None if progress else True, leave=False
    )
    try:
        with bar:
            bar.update(report.skipped)
            for task, result in pool.run(_tasks(sources, done)):
                record = result if isinstance(result, Record) else _dead(task)
                if output is not None and journal is not None:
                    output.add(record)
                    journal.add(record)
                report.add(record)
                if on_record is not None:
                    on_record(record)
                bar.update()
                bar.set_postfix(faces=report.faces, refresh=False)
    except BaseException:
        if journal is not None:
            journal.close()
        raise
    if output is not None and journal is not None:
        _finish(output, journal, keep, earlier, film=total is None)
    return report


def _dead(task: Task) -> Record:
    reason = f"{task.source.path} ended the process that read it (out of memory, or a crash)"
    return Record(task.source.path, task.stem, task.frame, task.seconds, (), reason)


def _finish(
    output: Output, journal: Journal, keep: set[Key], earlier: list[Problem], *, film: bool
) -> None:
    latest = {record.key: number for number, record in enumerate(journal)}

    def records() -> Iterator[Record]:
        # A picture that was tried again has two lines: the later one counts.
        return (r for number, r in enumerate(journal) if latest[r.key] == number)

    try:
        output.finish(records(), film=film, keep=keep)
        new = [Problem(r.file, r.frame, r.error or NO_FACE) for r in records() if not r.rows]
        write_problems(output.errors, earlier + new)
    except OSError as error:
        journal.close()
        raise InputError(
            f"the results cannot be written: {error.strerror or error}; all is kept in"
            f" {output.journal}, --resume goes on with it"
        ) from None
    journal.remove()


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
