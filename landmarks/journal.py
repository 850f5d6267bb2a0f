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

try:
    import fcntl
except ImportError:  # not on Windows: two runs at once are not noticed there
    fcntl = None  # type: ignore[assignment]

Key = tuple[str, int | None]
"""A picture: the absolute path of its file, and the frame if the file is a film."""


def key_of(file: str, frame: int | None) -> Key:
    """The same picture has the same key, however its path was typed."""
    return os.path.abspath(file), frame


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
        return key_of(self.file, self.frame)


def _to_json(record: Record) -> str:
    faces = [
        {
            "box": row.box,
            "score": row.score,
            "points": None if row.points is None else row.points.ravel().tolist(),
            **({} if row.radius is None else {"radius": row.radius.tolist()}),
            **({} if row.trust is None else {"trust": row.trust}),
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
            radius=np.array(face["radius"]) if "radius" in face else None,
            trust=face.get("trust"),
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
        A journal is there and `resume` is False; it was begun with other settings; it is no
        journal; another process writes it now; it cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: dict[str, Any], *, resume: bool
    ) -> None:
        self.path = Path(path)
        try:
            # Closed by close() and remove(); unbuffered, so that a kill takes no line with it.
            self._handle = open(self.path, "a+b" if resume else "x+b", buffering=0)  # noqa: SIM115
        except FileExistsError:
            raise InputError(
                f"{self.path} holds an unfinished run: add --resume to go on with it, or delete it"
            ) from None
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None
        try:
            self._lock()
            self._begin(settings)
        except BaseException:
            self._handle.close()
            raise

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{self.path} is being written by another run") from None

    def _begin(self, settings: dict[str, Any]) -> None:
        with open(self.path, "rb") as file:
            first = file.readline()
        if not first.endswith(b"\n") and b'{"settings"'.startswith(first[:11]):
            self._handle.truncate(0)  # killed while it wrote its first line
            self._append(json.dumps({"settings": settings}))
            return
        try:
            begun = dict(json.loads(first)["settings"])
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{self.path} is not the journal of a run: delete it") from None
        differing = [key for key in settings if begun.get(key) != settings[key]]
        if differing:
            told = "; ".join(f"{key} was {begun.get(key)}, is {settings[key]}" for key in differing)
            raise InputError(f"{self.path} was begun with other settings ({told})")
        self._cut_damaged_end()

    def _lines(self) -> Iterator[tuple[int, Record]]:
        """Each whole record with the position behind it, up to the first damaged line."""
        with open(self.path, "rb") as file:
            end = len(file.readline())
            for line in file:
                end += len(line)
                try:
                    record = _from_json(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    return
                if not line.endswith(b"\n"):
                    return
                yield end, record

    def _cut_damaged_end(self) -> None:
        """Forget a last line that a kill cut short: its picture was not reported done."""
        with open(self.path, "rb") as file:
            end = len(file.readline())
        for end, _ in self._lines():  # noqa: B007 (the last one is wanted)
            pass
        self._handle.truncate(end)

    def _append(self, line: str) -> None:
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
        return (record for _, record in self._lines())

    def close(self) -> None:
        """Close the file; it is kept if it holds a record."""
        if self._handle.closed:
            return
        empty = next(self._lines(), None) is None
        if empty:
            self.path.unlink()
        self._handle.close()

    def remove(self) -> None:
        """Delete the file: its records are in the output now."""
        self.path.unlink()
        self._handle.close()
