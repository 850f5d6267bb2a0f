"""Where a batch's results go: one table, or a folder with one file for each face."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from landmarks.errors import InputError
from landmarks.files import POINT_SUFFIXES, TEMPORARY, replacing, write_points
from landmarks.journal import Key, Record, key_of
from landmarks.tables import TABLE_SUFFIXES, Kept, read_table, write_table

NO_FACE = "no face found"


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
        return key_of(self.file, self.frame)


class Output(Protocol):
    """What a batch writes to.

    Attributes
    ----------
    journal, errors, run : Path
        Files beside it: what is done so far, pictures without points, the settings of the run.
    kind : str
        Its format.
    """

    journal: Path
    errors: Path
    run: Path
    kind: str

    def done(self) -> dict[Key, str]:
        """Pictures whose faces a finished run has written, with where they are filed ('' if in a
        table)."""

    def add(self, record: Record) -> None:
        """Take one picture's faces, before they are written into the journal."""

    def finish(self, records: Iterable[Record], kept: Kept, *, keep: set[Key]) -> None:
        """Write what is written at the end; `kept` is what the records tell besides points, `keep`
        are pictures of a finished run."""


class TableOutput:
    """All faces in one .csv, .npz or .parquet file, written when the batch is through.

    Parameters
    ----------
    path : str
        The file.
    radii : bool, optional
        With the radii of the points.
    """

    def __init__(self, path: str, *, radii: bool = False) -> None:
        self.path = Path(path)
        self.kind = self.path.suffix.lower() + (" with radii" if radii else "")
        self._radii = radii
        self.journal = Path(f"{path}.partial")
        self.errors = Path(f"{path}.errors.csv")
        self.run = Path(f"{path}.run.json")

    def done(self) -> dict[Key, str]:
        if not self.path.exists():
            return {}
        return {key_of(row.file, row.frame): "" for row in read_table(self.path)}

    def add(self, record: Record) -> None:
        pass

    def finish(self, records: Iterable[Record], kept: Kept, *, keep: set[Key]) -> None:
        before = list(read_table(self.path)) if keep else []
        before = [row for row in before if key_of(row.file, row.frame) in keep]
        film = kept.film or any(row.frame is not None for row in before)
        trust = kept.trust or any(row.trust is not None for row in before)
        with write_table(self.path, film=film, trust=trust, radii=self._radii) as write:
            for row in before:
                write(row)
            for record in records:
                for row in record.rows:
                    write(row)


class FolderOutput:
    """One file for each face: NAME.txt, and NAME_face1.txt, … for the other faces of a picture.

    Parameters
    ----------
    path : str
        The folder.
    suffix : {'.txt', '.pts', '.csv', '.npz'}
        The format of its files.
    """

    def __init__(self, path: str, suffix: str) -> None:
        if suffix not in POINT_SUFFIXES:
            known = ", ".join(POINT_SUFFIXES)
            raise InputError(f"unknown format {suffix!r} for a folder: expected one of {known}")
        self.path = Path(path)
        self.kind = suffix
        self.journal = self.path / "landmarks.partial"
        self.errors = self.path / "landmarks.errors.csv"
        self.run = self.path / "landmarks.run.json"
        self._index = self.path / "landmarks.done.csv"

    def done(self) -> dict[Key, str]:
        return {key_of(r["file"], _frame(r)): r["stem"] for r in _records(self._index, "stem")}

    def add(self, record: Record) -> None:
        for row in record.rows:
            assert row.points is not None
            number = f"_face{row.face}" if row.face else ""
            target = self.path / f"{record.stem}{number}{self.kind}"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_points(target, row.points, durable=False)

    def finish(self, records: Iterable[Record], kept: Kept, *, keep: set[Key]) -> None:
        for unfinished in self.path.rglob(f"{TEMPORARY}*"):
            unfinished.unlink(missing_ok=True)  # left by a kill; nobody else writes here now
        before = [r for r in _records(self._index, "stem") if key_of(r["file"], _frame(r)) in keep]
        with replacing(self._index) as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["file", "frame", "stem"])
            for line in before:
                writer.writerow([line["file"], line["frame"], line["stem"]])
            for record in records:
                if record.rows:
                    frame = "" if record.frame is None else record.frame
                    writer.writerow([record.file, frame, record.stem])


def _records(path: Path, column: str) -> Iterator[dict[str, str]]:
    """Lines of one of our lists: `file`, `frame` and another column; none if it is missing."""
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
        reader = csv.DictReader(handle)
        if reader.fieldnames != ["file", "frame", column]:
            raise InputError(
                f"{path} was not written by this command: expected columns file, frame, {column}"
            )
        for record in reader:
            if None in record.values() or not (record["frame"] or "0").isdecimal():
                raise InputError(f"{path}, line {reader.line_num} is damaged: delete that line")
            yield record


def _frame(record: dict[str, str]) -> int | None:
    return int(record["frame"]) if record["frame"] else None


def make_output(
    path: str, *, folder_format: str | None, single: bool, radii: bool = False
) -> Output | None:
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
    radii : bool, optional
        Keep the radii of the points, for which only tables have room.

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
    known = (".txt", ".pts", *TABLE_SUFFIXES)
    if not path or Path(path).name.lower() in known:
        raise InputError(f"{path!r} is no name for the output: expected a file or a folder")
    if radii and suffix not in TABLE_SUFFIXES:
        raise InputError(
            f"--radii needs a table ({', '.join(TABLE_SUFFIXES)}): {path} has no room for them"
        )
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
        return TableOutput(path, radii=radii)
    if suffix in (".txt", ".pts"):
        if not single:
            raise InputError(
                f"{path} holds the points of one picture: for many give a folder, or a file that"
                f" ends in {', '.join(TABLE_SUFFIXES)}"
            )
        return None
    raise InputError(
        f"{path} has the unknown ending {suffix!r}: expected one of {', '.join(known)}, or a folder"
    )


def read_problems(path: Path) -> Iterator[Problem]:
    """Pictures without points that a finished run has listed.

    Parameters
    ----------
    path : Path
        A `*.errors.csv` file; when it is missing there are none.
    """
    for record in _records(path, "reason"):
        yield Problem(record["file"], _frame(record), record["reason"])


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
