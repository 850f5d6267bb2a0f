"""Landmarks of many pictures: many processes, nothing finished is lost, nothing is done twice."""

from __future__ import annotations

import errno
import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from landmarks.errors import ImageError, InputError
from landmarks.faces import Face, FaceFinder, Settings, shared_finder
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.inputs import Source
from landmarks.journal import Journal, Key, Record, key_of
from landmarks.outputs import NO_FACE, Output, Problem, read_problems, write_problems
from landmarks.pool import OrderedPool
from landmarks.predictor import load_predictor
from landmarks.tables import Row

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
    faces: list[Face] = []
    error = task.error
    if error is None:
        try:
            picture = Picture(task.source.path) if task.image is None else task.image
            faces = _finder(picture)
            if _draw is not None and faces:
                _write_overlay(picture, faces, os.path.join(_draw, task.stem))
        except ImageError as problem:
            error = str(problem)
        except InputError:
            raise  # no picture's fault
        # One picture must not end the work on a hundred thousand; its reason is reported.
        except Exception as problem:
            error = f"{task.source.path} failed: {type(problem).__name__}: {problem}"
    if error is not None:
        return Record(task.source.path, task.stem, task.frame, task.seconds, (), error)
    rows = tuple(
        Row(
            file=task.source.path,
            face=number,
            box=_sides(face),
            score=round(face.box.score, 6),
            points=np.round(face.points, DECIMALS),
            frame=task.frame,
            seconds=task.seconds,
        )
        for number, face in enumerate(faces)
    )
    return Record(task.source.path, task.stem, task.frame, task.seconds, rows)


def _sides(face: Face) -> tuple[float, float, float, float]:
    return face.box.left, face.box.top, face.box.right, face.box.bottom


def _write_overlay(picture: Picture | NDArray[np.uint8], faces: list[Face], stem: str) -> None:
    from PIL import Image

    from landmarks.draw import overlay

    # Photographs stay small; what was stored without loss is drawn without loss.
    lossless = isinstance(picture, Picture) and not picture.is_jpeg
    target = Path(f"{stem}.png" if lossless else f"{stem}.jpg")
    image = picture.rgb() if isinstance(picture, Picture) else picture
    boxes = [_sides(face) for face in faces]
    drawn = Image.fromarray(overlay(image, [face.points for face in faces], boxes=boxes))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, "wb", durable=False) as handle:
            drawn.save(handle, format="PNG" if lossless else "JPEG", quality=92)
    except OSError as error:
        raise _cannot_write(target, error) from None


def _cannot_write(target: Path, error: OSError) -> InputError:
    """A full disk ends the batch; a name that this disk cannot hold is its picture's problem."""
    kind = ImageError if error.errno in (errno.ENAMETOOLONG, errno.EISDIR) else InputError
    return kind(f"{target} cannot be written: {error.strerror or error}")


def _tasks(sources: Iterable[Source], done: set[Key]) -> Iterator[Task]:
    from landmarks.film import read_film

    for source in sources:
        if not source.film:
            if key_of(source.path, None) not in done:
                yield Task(source)
            continue

        def known(frame: int, path: str = source.path) -> bool:
            return key_of(path, frame) in done

        try:
            for frame, seconds, image in read_film(source.path, skip=known):
                damaged = None if image is not None else f"{source.path}: frame {frame} is damaged"
                yield Task(source, frame, round(seconds, 6), image, damaged)
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
        A folder for pictures with the landmarks on them; what is skipped is not drawn.
    jobs : int, optional
        Number of processes. With more than one, a script needs its main part below
        `if __name__ == "__main__":`.
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
        other settings (with it); another run writes there now; a picture would be overwritten.
    RuntimeError
        The processes cannot start.
    """
    settings = settings or Settings()
    load_predictor(
        settings.predictor, check=False
    )  # a missing file is told before the first picture
    if draw is not None:
        _check_overlays(sources, draw)
    batch = None if output is None else _Batch(output, settings, sources, resume=resume)
    report = Report() if batch is None else batch.report
    film = any(source.film for source in sources)
    pool = OrderedPool(
        _work,
        functools.partial(_prepare, settings, draw, jobs == 1),
        jobs,
        ahead=2 if film else 8,  # frames wait with their pixels
    )
    bar = tqdm(
        total=None if film else len(sources),
        unit="img",
        smoothing=0.05,
        disable=None if progress else True,
        leave=False,
    )
    try:
        with bar:
            bar.update(report.skipped)
            for task, result in pool.run(_tasks(sources, batch.done if batch else set())):
                record = result if isinstance(result, Record) else _dead(task)
                if batch is not None:
                    record = batch.add(record)
                report.add(record)
                if on_record is not None:
                    on_record(record)
                bar.update()
                bar.set_postfix(faces=report.faces, refresh=False)
        if batch is not None:
            batch.finish()
    finally:
        if batch is not None:
            batch.journal.close()
    return report


def _check_overlays(sources: list[Source], draw: str) -> None:
    """The overlays must not take the place of the photographs."""
    for source in sources:
        for suffix in () if source.film else (".jpg", ".png"):
            target = os.path.join(draw, source.stem) + suffix
            if os.path.realpath(target) == os.path.realpath(source.path):
                raise InputError(
                    f"--draw {draw} would overwrite {source.path}: give another folder"
                )
    try:
        os.makedirs(draw, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {draw} cannot be made: {error.strerror}") from None


class _Batch:
    """What an earlier run has done, what this one adds, and how both become the output."""

    def __init__(
        self, output: Output, settings: Settings, sources: list[Source], *, resume: bool
    ) -> None:
        self.output = output
        self.report = Report()
        self._settings = asdict(settings) | {"format": output.kind}
        written = output.done() if resume else {}
        problems = list(read_problems(output.errors)) if resume else []
        if written or problems:
            self._check_run()
        self._earlier = [problem for problem in problems if problem.reason == NO_FACE]
        self._keep = set(written)
        self._check_names(written, sources)
        self.journal = Journal(output.journal, self._settings, resume=resume)
        found = {p.key: p for p in self._earlier}
        self.done = set(written) | set(found)
        for record in self.journal:
            if record.error is None:
                self.done.add(record.key)
                if not record.rows:
                    found[record.key] = Problem(record.file, record.frame, NO_FACE)
        wanted = {os.path.abspath(source.path) for source in sources}
        self.report.problems = [p for key, p in found.items() if key[0] in wanted]
        self.report.skipped = sum(path in wanted for path, _ in self.done)

    def _check_run(self) -> None:
        """A finished output goes on only with the settings that made it."""
        if not self.output.run.exists():
            return
        try:
            made = dict(json.loads(self.output.run.read_text(encoding="utf-8"))["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{self.output.run} is damaged: delete it") from None
        told = [
            f"{k} was {made.get(k)}, is {v}" for k, v in self._settings.items() if made.get(k) != v
        ]
        if told:
            raise InputError(f"{self.output.run}: made with other settings ({'; '.join(told)})")

    def _check_names(self, written: dict[Key, str], sources: list[Source]) -> None:
        owner = {stem: key[0] for key, stem in written.items() if stem}
        for source in sources:
            path = os.path.abspath(source.path)
            if owner.get(source.stem, path) != path:
                raise InputError(
                    f"{source.path} and {owner[source.stem]}, done before, would be written to the"
                    " same file: give another folder"
                )

    def add(self, record: Record) -> Record:
        """Write one picture's results; returned is what could be written."""
        try:
            self.output.add(record)
        except OSError as error:
            target = Path(error.filename or record.stem)
            problem = _cannot_write(target, error)
            if not isinstance(problem, ImageError):
                raise problem from None
            record = replace(record, rows=(), error=str(problem))
        self.journal.add(record)
        return record

    def finish(self) -> None:
        """Write the output and the lists, and delete the journal."""
        latest = {record.key: number for number, record in enumerate(self.journal)}

        def records() -> Iterator[Record]:
            # A picture that was tried again has two lines: the later one counts.
            return (r for number, r in enumerate(self.journal) if latest[r.key] == number)

        # After a kill at the very end the output may hold what the journal holds.
        keep = self._keep - set(latest)
        problems = [p for p in self._earlier if p.key not in latest]
        problems += [Problem(r.file, r.frame, r.error or NO_FACE) for r in records() if not r.rows]
        run = {"settings": self._settings}
        try:
            if keep or any(record.error is None for record in records()):
                film = any(frame is not None for _, frame in latest)
                self.output.finish(records(), film=film, keep=keep)
                with replacing(self.output.run) as handle:
                    handle.write(json.dumps(run, indent=2) + "\n")
            write_problems(self.output.errors, problems)
        except OSError as error:
            raise InputError(
                f"the results cannot be written: {error.strerror or error}; all is kept in"
                f" {self.journal.path}, --resume goes on with it"
            ) from None
        self.journal.remove()


def _dead(task: Task) -> Record:
    reason = f"{task.source.path} ended the process that read it (out of memory, or a crash)"
    return Record(task.source.path, task.stem, task.frame, task.seconds, (), reason)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
