"""A batch's memory: one line per finished picture, so that nothing finished is done twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from landmarks.errors import InputError
from landmarks.tables import Row

Key = tuple[str, int | None]
"""A picture: its file, and the frame if the file is a film."""


@dataclass(frozen=True)
class Record:
    """What came of one picture: faces, none, or the reason why it could not be read.

    Attributes
    ----------
    file : str
        As given or found.
    stem : str
        Where its results are filed below an output folder, without ending.
    frame, seconds : int, float or None
        Of a film.
    rows : tuple of Row
        One for each face.
    error : str or None
        The reason.
    """

    file: str
    stem: str
    frame: int | None = None
    seconds: float | None = None
    rows: tuple[Row, ...] = field(default=(), repr=False)
    error: str | None = None

    @property
    def key(self) -> Key:
        return self.file, self.frame


def _to_json(record: Record) -> str:
    faces = [
        {
            "box": row.box,
            "score": row.score,
            "points": None if row.points is None else row.points.ravel().tolist(),
        }
        for row in record.rows
    ]
    values: dict[str, Any] = {"file": record.file, "stem": record.stem, "faces": faces}
    if record.frame is not None:
        values |= {"frame": record.frame, "seconds": record.seconds}
    if record.error is not None:
        values["error"] = record.error
    return json.dumps(values, separators=(",", ":"))


def _from_json(values: dict[str, Any]) -> Record:
    frame, seconds = values.get("frame"), values.get("seconds")
    rows = tuple(
        Row(
            file=values["file"],
            face=number,
            box=tuple(face["box"]) if face["box"] else None,
            score=face["score"],
            points=np.array(face["points"], dtype=np.float64).reshape(-1, 2),
            frame=frame,
            seconds=seconds,
        )
        for number, face in enumerate(values["faces"])
    )
    return Record(values["file"], values["stem"], frame, seconds, rows, values.get("error"))


class Journal:
    """A file that grows by one line for each picture and survives a kill between any two bytes.

    Parameters
    ----------
    path : path-like
        Made if it is missing.
    settings : dict
        What shapes the results; kept in the first line.
    resume : bool
        Go on with a journal that is there.

    Raises
    ------
    InputError
        A journal is there and `resume` is False; it was begun with other settings; it cannot be
        written.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: dict[str, Any], *, resume: bool
    ) -> None:
        self.path = Path(path)
        if self.path.exists() and not resume:
            raise InputError(
                f"{self.path} holds an unfinished run: add --resume to go on with it, or delete it"
            )
        try:
            self._handle = open(self.path, "a+b", buffering=0)  # noqa: SIM115 (closed by close)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None
        self._cut_torn_line()
        self._handle.seek(0)
        first = self._handle.readline()
        if not first:
            self._append(json.dumps({"settings": settings}))
            return
        try:
            begun = json.loads(first)["settings"]
        except (ValueError, KeyError, TypeError):
            self._handle.close()
            raise InputError(f"{self.path} is not the journal of a run: delete it") from None
        differing = [key for key in settings if begun.get(key) != settings[key]]
        if differing:
            self._handle.close()
            told = "; ".join(f"{key} was {begun.get(key)}, is {settings[key]}" for key in differing)
            raise InputError(f"{self.path} was begun with other settings ({told})")

    def _cut_torn_line(self) -> None:
        """Forget a last line that a kill cut short: its picture was not reported done."""
        self._handle.seek(0, os.SEEK_END)
        end = self._handle.tell()
        while end > 0:
            start = max(0, end - 65536)
            self._handle.seek(start)
            newline = self._handle.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        self._handle.truncate(end)

    def _append(self, line: str) -> None:
        # Unbuffered: once this returns, a killed process cannot take the line with it.
        start = self._handle.seek(0, os.SEEK_END)
        data = memoryview(line.encode() + b"\n")
        try:
            while data:
                data = data[self._handle.write(data) :]
        except OSError as error:
            self._handle.truncate(start)
            raise InputError(
                f"{self.path} cannot be written: {error.strerror}; what is done so far is kept,"
                " --resume goes on with it"
            ) from None

    def add(self, record: Record) -> None:
        """Write one record, and hand it to the system before returning."""
        self._append(_to_json(record))

    def __iter__(self) -> Iterator[Record]:
        """The records so far, read from the file one by one."""
        with open(self.path, "rb") as handle:
            handle.readline()
            for line in handle:
                yield _from_json(json.loads(line))

    def close(self) -> None:
        """Close the file and keep it."""
        self._handle.close()

    def remove(self) -> None:
        """Close and delete the file: its records are in the output now."""
        self._handle.close()
        self.path.unlink()
