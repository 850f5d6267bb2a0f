"""Landmarks of many pictures: many processes, nothing finished is lost, nothing is done twice."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from landmarks.errors import ImageError, InputError
from landmarks.faces import Face, FaceFinder, Settings, shared_finder
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.inputs import Source
from landmarks.journal import Key, Record, key_of
from landmarks.ledger import Ledger, Report, cannot_write
from landmarks.outputs import Output
from landmarks.placing import make_placer
from landmarks.pool import OrderedPool
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


_finder: FaceFinder | None = None
_draw: str | None = None


def _prepare(settings: Settings, draw: str | None, alone: bool) -> None:
    global _finder, _draw
    if not alone:
        import cv2

        cv2.setNumThreads(1)  # the processes already fill the cores
        os.environ["OMP_NUM_THREADS"] = "1"  # torch's, which is loaded later if at all
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
            radius=None if face.radius is None else np.round(face.radius, DECIMALS),
            trust=None if face.trust is None else round(face.trust, 6),
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
        raise cannot_write(target, error) from None


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
    # A missing file is told before the first picture.
    make_placer(settings.predictor, check=False)
    if draw is not None:
        _check_overlays(sources, draw)
    ledger = None if output is None else Ledger(output, settings, sources, resume=resume)
    report = Report() if ledger is None else ledger.report
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
            for task, result in pool.run(_tasks(sources, ledger.done if ledger else set())):
                record = result if isinstance(result, Record) else _dead(task)
                if ledger is not None:
                    record = ledger.add(record)
                report.add(record)
                if on_record is not None:
                    on_record(record)
                bar.update()
                bar.set_postfix(faces=report.faces, refresh=False)
        if ledger is not None:
            ledger.finish()
    finally:
        if ledger is not None:
            ledger.journal.close()
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


def _dead(task: Task) -> Record:
    reason = f"{task.source.path} ended the process that read it (out of memory, or a crash)"
    return Record(task.source.path, task.stem, task.frame, task.seconds, (), reason)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
