"""Where a batch's results go: one table, or a folder with one file for each face."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from landmarks.errors import InputError
from landmarks.files import replacing, write_points
from landmarks.journal import Key, Record
from landmarks.tables import TABLE_SUFFIXES, read_table, write_table

NO_FACE = "no face found"
FOLDER_FORMATS = (".txt", ".pts", ".csv", ".npz")


@dataclass(frozen=True)
class Problem:
    """A picture without points.

    Attributes
    ----------
    file : str
    frame : int or None
        Of a film.
    reason : str
        `NO_FACE`, or why the picture could not be read.
    """

    file: str
    frame: int | None
    reason: str

    @property
    def key(self) -> Key:
        return self.file, self.frame


class Output(Protocol):
    """What a batch writes to."""

    journal: Path
    errors: Path

    def done(self) -> set[Key]:
        """Pictures whose faces a finished run has written."""

    def add(self, record: Record) -> None:
        """Take one picture's faces, before they are written into the journal."""

    def finish(self, records: Iterable[Record], *, film: bool, keep: set[Key]) -> None:
        """Write what is written at the end; `keep` are pictures of a finished run."""


class TableOutput:
    """All faces in one .csv, .npz or .parquet file, written when the batch is through.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.journal = Path(f"{path}.partial")
        self.errors = self.path.with_suffix(".errors.csv")

    def done(self) -> set[Key]:
        if not self.path.exists():
            return set()
        return {(row.file, row.frame) for row in read_table(self.path)}

    def add(self, record: Record) -> None:
        pass

    def finish(self, records: Iterable[Record], *, film: bool, keep: set[Key]) -> None:
        before = list(read_table(self.path)) if keep and self.path.exists() else []
        film = film or any(row.frame is not None for row in before)
        with write_table(self.path, film=film) as write:
            for row in before:
                if (row.file, row.frame) in keep:
                    write(row)
            for record in records:
                for row in record.rows:
                    write(row)


class FolderOutput:
    """One file for each face: NAME.txt, and NAME_face1.txt, … for the other faces of a picture.

    Parameters
    ----------
    path : str
        The folder; made if it is missing.
    suffix : {'.txt', '.pts', '.csv', '.npz'}
        The format of its files.
    """

    def __init__(self, path: str, suffix: str) -> None:
        if suffix not in FOLDER_FORMATS:
            known = ", ".join(FOLDER_FORMATS)
            raise InputError(f"unknown format {suffix!r} for a folder: expected one of {known}")
        self.path = Path(path)
        self.suffix = suffix
        self.journal = self.path / "landmarks.partial"
        self.errors = self.path / "landmarks.errors.csv"
        self._index = self.path / "landmarks.done.txt"

    def done(self) -> set[Key]:
        if not self._index.exists():
            return set()
        with open(self._index, encoding="utf-8", newline="") as handle:
            return {(file, int(frame) if frame else None) for file, frame in csv.reader(handle)}

    def add(self, record: Record) -> None:
        for row in record.rows:
            assert row.points is not None
            number = f"_face{row.face}" if row.face else ""
            target = self.path / f"{record.stem}{number}{self.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_points(target, row.points, durable=False)

    def finish(self, records: Iterable[Record], *, film: bool, keep: set[Key]) -> None:
        with replacing(self._index) as handle:
            writer = csv.writer(handle, lineterminator="\n")
            for file, frame in sorted(keep, key=lambda key: (key[0], key[1] or 0)):
                writer.writerow([file, "" if frame is None else frame])
            for record in records:
                if record.rows:
                    frame = record.frame
                    writer.writerow([record.file, "" if frame is None else frame])


def make_output(path: str, *, folder_format: str | None, single: bool) -> Output | None:
    """The output that a path stands for.

    Parameters
    ----------
    path : str
        Ends in .csv, .npz, .parquet (a table of all faces), in .txt or .pts (the points of one
        picture), or in nothing: a folder.
    folder_format : str or None
        Format of a folder's files; None is .txt.
    single : bool
        Only one picture is read.

    Returns
    -------
    output : Output or None
        None for a .txt or .pts file.

    Raises
    ------
    InputError
        An unknown ending; a .txt or .pts file for many pictures; a folder that cannot be made.
    """
    suffix = Path(path).suffix.lower()
    is_folder = os.path.isdir(path) or path.endswith(("/", os.sep)) or not suffix
    if folder_format is not None and not is_folder:
        raise InputError(f"--format is for a folder, and {path} is a file")
    if is_folder:
        output = FolderOutput(path, folder_format or ".txt")
        try:
            output.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the folder {path} cannot be made: {error.strerror}") from None
        return output
    parent = Path(path).parent
    if not parent.is_dir():
        raise InputError(f"the folder {parent} does not exist: {path} cannot be written")
    if suffix in TABLE_SUFFIXES:
        return TableOutput(path)
    if suffix in (".txt", ".pts"):
        if not single:
            raise InputError(
                f"{path} holds the points of one picture: for many give a folder, or a file that"
                f" ends in {', '.join(TABLE_SUFFIXES)}"
            )
        return None
    known = ", ".join((".txt", ".pts", *TABLE_SUFFIXES))
    raise InputError(
        f"{path} has the unknown ending {suffix!r}: expected one of {known}, or a folder"
    )


def read_problems(path: Path) -> Iterator[Problem]:
    """Pictures without points that a finished run has listed.

    Parameters
    ----------
    path : Path
        A `*.errors.csv` file; when it is missing there are none.
    """
    if not path.exists():
        return
    with open(path, encoding="utf-8", newline="") as handle:
        for record in csv.DictReader(handle):
            frame = int(record["frame"]) if record["frame"] else None
            yield Problem(record["file"], frame, record["reason"])


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """List pictures without points; no file when there are none.

    Parameters
    ----------
    path : Path
        A `*.errors.csv` file.
    problems : iterable of Problem
    """
    problems = list(problems)
    if not problems:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["file", "frame", "reason"])
        for problem in problems:
            frame = "" if problem.frame is None else problem.frame
            writer.writerow([problem.file, frame, problem.reason])
