"""What a data set shows, before any picture is decoded: files, emotions, persons, intensities.

Three layouts are read: a folder for each emotion, a table (CSV) with the columns file and emotion
and perhaps person, intensity and points, and shards (`landmarks.shards`).
"""

from __future__ import annotations

import csv
import json
import math
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.emotions import ALL, EmotionError, emotions_of, known
from landmarks.errors import InputError
from landmarks.image import SUFFIXES
from landmarks.samples import PICTURES, ShardError
from landmarks.shards import read_members, shard_files

PERSONS = ("auto", "name", "each", "unknown")
"""How persons are told where no column or folder does: 'auto' does not guess; 'name' takes the
part of Name_NN.jpg before the number; 'each' takes every picture for another person, who is called
as the picture is from the source on: wherever the set lies, the same pictures teach."""

SYNTHETIC = "synthetic "
"""What stands before the number of a synthetic person (`data.people`)."""

LABELS_FILE = "labels.csv"
"""In a folder: the table that describes it."""

_NUMBERED = re.compile(r"(.*[^\W_].*?)[_-]\d+", re.DOTALL)
_POINTS = tuple(f"{axis}{number}" for number in range(68) for axis in "xy")


class SourceError(InputError):
    """A data set cannot be read, or holds nothing that can be learnt."""


@dataclass(frozen=True)
class Entry:
    """One labelled picture.

    Attributes
    ----------
    name : str
        From the source on, wherever that lies: its file, or its shard and key.
    emotion : str
        One of `classifier.emotions.ALL`.
    person : str or None
        None where nobody knows.
    intensity : float or None
        On the set's own scale; None where nobody knows.
    path : str or None
        Its file; None if `data` holds its bytes, or there is none.
    data : bytes or None
    points : (68, 2) float array or None
        Landmarks (x, y) in pixels, where the set tells them.
    """

    name: str
    emotion: str
    person: str | None = None
    intensity: float | None = None
    path: str | None = None
    data: bytes | None = None
    points: NDArray[np.float64] | None = None


def read_entries(
    source: str | os.PathLike[str], *, scheme: str | None = None, persons: str = "auto"
) -> list[Entry]:
    """Everything that a data set labels, in a fixed order.

    Parameters
    ----------
    source : path-like
        A folder with a folder for each emotion (below it perhaps one for each person), a folder
        with a table `labels.csv`, a CSV file (files are relative to it), or shards.
    scheme : str, optional
        Whose codes the labels are (`classifier.emotions.SCHEMES`).
    persons : {'auto', 'name', 'each', 'unknown'}, optional
        See `PERSONS`; 'unknown' takes no notice of persons that are told.

    Returns
    -------
    entries : list of Entry
        Shards' samples with two emotions, or none of `ALL` (speech, for one), are left out.

    Raises
    ------
    InputError
        Nothing is there, a folder of an emotion is empty, a label is no emotion (all are listed),
        a row lacks something.
    """
    if persons not in PERSONS:
        raise SourceError(f"persons is {persons!r}: expected one of {', '.join(PERSONS)}")
    path = Path(source)
    if not path.exists():
        raise SourceError(
            f"{path} does not exist: expected a folder of emotions, a CSV file or shards"
        )
    if path.is_file() and path.suffix.lower() not in (".csv", ".tar"):
        raise SourceError(
            f"{path} is no folder, .csv or .tar file: expected one; unpack an archive first"
        )
    if path.suffix.lower() == ".tar" or (path.is_dir() and any(path.glob("*.tar"))):
        entries = _shards(path, scheme)
    elif path.is_dir() and not (path / LABELS_FILE).is_file():
        entries = _folders(path, scheme)
    else:
        entries = _table(path / LABELS_FILE if path.is_dir() else path, scheme)
    if not entries:
        raise SourceError(f"{path} labels no picture: expected some of {', '.join(ALL)}")
    return [_with_person(entry, persons) for entry in entries]


def _with_person(entry: Entry, rule: str) -> Entry:
    if rule == "auto" or (rule != "unknown" and entry.person is not None):
        return entry
    person = None
    if rule == "each":
        person = entry.name
    elif rule == "name" and (match := _NUMBERED.fullmatch(Path(entry.name).stem)):
        person = match[1]
    return Entry(**{**vars(entry), "person": person})


def _folders(path: Path, scheme: str | None) -> list[Entry]:
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise SourceError(
            f"{path} holds no folders: expected one for each emotion, a {LABELS_FILE}, or shards"
        )
    try:
        meant = emotions_of([folder.name for folder in folders], scheme)
    except EmotionError as error:
        raise EmotionError(f"{path}: {error}") from None
    entries = []
    for folder, emotion in zip(folders, meant, strict=True):
        files = sorted(
            file
            for file in folder.rglob("*")
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        )
        if not files:
            raise SourceError(f"{folder} holds no picture: fill it, or take the folder away")
        for file in files:
            inside = file.parent.relative_to(folder).parts
            person = "/".join(inside) if inside else None
            name = file.relative_to(path).as_posix()
            entries.append(Entry(name, emotion, person, path=str(file)))
    return entries


def _table(path: Path, scheme: str | None) -> list[Entry]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            rows = list(reader)
            columns = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{path} cannot be read as a table: {reason}") from None
    if missing := [name for name in ("file", "emotion") if name not in columns]:
        raise SourceError(
            f"{path} has no column {' and no column '.join(map(repr, missing))}: expected file and "
            "emotion, and perhaps person, intensity and x0, y0, … x67, y67"
        )
    try:
        meant = emotions_of([row["emotion"] or "" for row in rows], scheme)
    except EmotionError as error:
        raise EmotionError(f"{path}: {error}") from None
    marked = _marked(columns, path)
    entries = []
    for line, (row, emotion) in enumerate(zip(rows, meant, strict=True), start=2):
        where = f"{path}, line {line}"
        if not row["file"]:
            raise SourceError(f"{where}: no file is named")
        file = str(path.parent / row["file"])
        points = _points(row, where) if marked else None
        if points is None and not os.path.isfile(file):
            raise SourceError(f"{where}: {file} does not exist")
        told = (row.get("person") or "").strip() or None
        intensity = _number(row.get("intensity"), f"{where}: intensity")
        name = posixpath.normpath(row["file"].replace("\\", "/"))
        entries.append(Entry(name, emotion, told, intensity, path=file, points=points))
    return entries


def _marked(columns: Sequence[str], path: Path) -> bool:
    """The table tells points: those of some other scheme must not be passed over in silence."""
    missing = [name for name in _POINTS if name not in columns]
    if not 0 < len(missing) < len(_POINTS):
        return not missing
    more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
    raise SourceError(
        f"{path} has some columns of points and lacks {', '.join(missing[:4])}{more}: expected all "
        "of x0, y0, … x67, y67 (iBUG-68), or none"
    )


def _points(row: dict[str, Any], where: str) -> NDArray[np.float64] | None:
    values = [_number(row[name], f"{where}: {name}") for name in _POINTS]
    if all(value is None for value in values):
        return None
    if any(value is None for value in values):
        raise SourceError(f"{where}: some of its 68 points are missing")
    return np.array(values, dtype=np.float64).reshape(68, 2)


def _number(text: str | None, where: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise SourceError(f"{where} is {text!r}: expected a number") from None
    if not math.isfinite(value):
        raise SourceError(f"{where} is {text!r}: expected a finite number")
    return value


def _shards(path: Path, scheme: str | None) -> list[Entry]:
    entries = []
    for file in shard_files(path):
        for key, members in read_members(file):
            where, name = f"{file}: sample {key}", f"{Path(file).name}: sample {key}"
            record, points = _record(members.get("json"), where)
            emotion = record.get("emotion")
            if emotion is None or not known(emotion, scheme):
                continue
            data = next((members[ending] for ending in PICTURES if ending in members), None)
            if data is None:
                raise ShardError(f"{where} has no picture: expected .{', .'.join(PICTURES)}")
            person, intensity = _person(record), record.get("intensity")
            named = emotions_of([emotion], scheme)[0]
            if record.get("second_emotion"):
                continue  # a compound shows two
            entries.append(
                Entry(
                    name,
                    named,
                    person,
                    None if intensity is None else float(intensity),
                    data=data,
                    points=points,
                )
            )
    return entries


def _person(record: Mapping[str, Any]) -> str | None:
    person = record.get("person")
    if person is None:
        return None
    # Numbers of synthetic people are not those of other sets' persons.
    return f"{SYNTHETIC}{person}" if "seed" in record else str(person)


def _record(data: bytes | None, where: str) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """What a sample's JSON tells; its picture stays as it is."""
    try:
        record = json.loads(data or b"")
        points = np.asarray(record.pop("points"), dtype=np.float64)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ShardError(f"{where}: its .json is damaged or missing") from None
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ShardError(f"{where} has points of shape {points.shape}: expected 68 finite pairs")
    return record, points
