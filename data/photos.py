"""Photographs of faces to make pairs of: from a folder, with or without landmarks at hand."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.persons import choose_rule, person_of
from gan.landmark_files import read_faces
from landmarks.errors import InputError, PointsError
from landmarks.inputs import Source, expand

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph of one face.

    Attributes
    ----------
    source : str
        Its file, or its place in an archive.
    person : str
        Whose face it is; empty where nobody knows.
    points : (68, 2) float array or None
        Landmarks (x, y) in pixels; None where they are to be found.
    points_by : str
        The network that placed them; empty where somebody marked them.
    emotion : str
        Empty where it is not known.
    intensity : float or None
        0 neutral, 1 full.
    data : bytes or None
        The image file, where `source` is in an archive.
    pixels : (H, W, 3) uint8 array or None
        The picture, where it has been decoded.
    problem : str or None
        Why no pair can be made of it.
    clip : str
        Photographs of one person that share it are of one film; empty where nobody knows.
    """

    source: str
    person: str
    points: Points | None = field(default=None, repr=False)
    points_by: str = field(default="", kw_only=True)
    emotion: str = ""
    intensity: float | None = None
    data: bytes | None = field(default=None, repr=False)
    pixels: NDArray[np.uint8] | None = field(default=None, repr=False)
    problem: str | None = None
    clip: str = ""


class Photos(NamedTuple):
    """Photographs of one origin.

    Attributes
    ----------
    persons : str
        How persons were told apart, for people to read.
    fingerprint : str
        Changes when the photographs, or what is told of them, do.
    total : int or None
        How many there are, where that is known beforehand.
    stream : callable
        Gives the photographs, always in the same order.
    several : bool
        A photograph may show several faces, of which the largest is taken.
    """

    persons: str
    fingerprint: str
    total: int | None
    stream: Callable[[], Iterator[Photo]]
    several: bool = False


class Label(NamedTuple):
    """What a table tells of one photograph."""

    person: str
    emotion: str
    intensity: float | None


def folder_photos(
    folder: str,
    *,
    persons: str = "auto",
    labels: str | None = None,
    landmarks: str | None = None,
) -> Photos:
    """The photographs in a folder and the folders below it.

    Parameters
    ----------
    folder : str
    persons : {'auto', 'name', 'folder', 'each'}, optional
        As `data.persons.choose_rule`.
    labels : str, optional
        A .csv table with a column `file` (below `folder`), and any of `person` (goes before
        `persons`), `emotion` and `intensity`.
    landmarks : str, optional
        A table or a folder of landmarks; left out, they are to be found.

    Returns
    -------
    photos : Photos

    Raises
    ------
    InputError
        The folder holds no picture; persons cannot be told; a table is damaged or names none of
        the pictures.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder} is no folder: expected one with photographs")
    found = expand([folder], recursive=True)
    stems = {source.path: os.path.relpath(source.path, folder) for source in found}
    table = {} if labels is None else _read_labels(labels)
    if labels is not None and not any(_posix(stem) in table for stem in stems.values()):
        raise InputError(
            f"{labels} names no picture in {folder}: its first file is {next(iter(table))!r},"
            f" the folder's is {_posix(next(iter(stems.values())))!r}"
        )
    told = any(label.person for label in table.values())
    rule = "" if told else choose_rule(persons, list(stems.values()))
    points = None if landmarks is None else _points_of(landmarks, folder, found)

    def stream() -> Iterator[Photo]:
        for source in found:
            stem = stems[source.path]
            label = table.get(_posix(stem), Label("", "", None))
            person = label.person if told else person_of(stem, rule) or ""
            face = None if points is None else points.get(source.path)
            problem = None
            if source.film:
                problem = "is a film: make pictures of its frames first"
            elif not person:
                problem = "does not tell who it shows"
            elif points is not None and face is None:
                problem = f"has no landmarks in {landmarks}"
            if problem is not None:
                problem = f"{source.path} {problem}"
            yield Photo(source.path, person, face, label.emotion, label.intensity, problem=problem)

    digest = hashlib.sha256(rule.encode())
    for source in found:
        # Of a film, which is never read, the name alone counts.
        told_of = "" if source.film else file_hash(source.path)
        digest.update(f"{stems[source.path]}\0{told_of}\n".encode(errors="replace"))
    for given in (labels, landmarks):
        digest.update(b"" if given is None else _digest_of(given))
    rules = {
        "": f"the column 'person' of {os.path.basename(labels or '')}",
        "name": "the file's name without its number",
        "folder": "the folder",
        "each": "the picture: each shows another person",
    }
    return Photos(rules[rule], digest.hexdigest(), len(found), stream, several=True)


def _posix(path: str) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


def file_hash(path: str) -> str:
    """SHA-256 of a file's bytes; empty where it cannot be read, which is told when it should be."""
    digest = hashlib.sha256()
    if not os.path.isfile(path):  # a device has no end
        return ""
    try:
        with open(path, "rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _digest_of(path: str) -> bytes:
    files = [path]
    if os.path.isdir(path):
        files = [str(file) for file in sorted(Path(path).rglob("*")) if file.is_file()]
    told = "".join(f"{os.path.relpath(file, path)}\0{file_hash(file)}\n" for file in files)
    return hashlib.sha256(told.encode(errors="replace")).digest()


def _read_labels(path: str) -> dict[str, Label]:
    table: dict[str, Label] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            columns = set(reader.fieldnames or ())
            if "file" not in columns or not columns & {"person", "emotion", "intensity"}:
                raise InputError(
                    f"{path} has columns {', '.join(sorted(columns)) or 'none'}: expected 'file'"
                    " and any of 'person', 'emotion', 'intensity'"
                )
            for line, values in enumerate(reader, 2):
                intensity = values.get("intensity") or ""
                try:
                    number = float(intensity) if intensity else None
                except ValueError:
                    raise InputError(
                        f"{path}, line {line}: intensity is {intensity!r}: expected a number"
                    ) from None
                if number is not None and not np.isfinite(number):
                    raise InputError(f"{path}, line {line}: intensity is {number}: not finite")
                table[_posix(values["file"] or "")] = Label(
                    values.get("person") or "", values.get("emotion") or "", number
                )
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a .csv table of labels") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a .csv table: {error}") from None
    if not table:
        raise InputError(f"{path} has no lines below its header")
    return table


def _points_of(landmarks: str, folder: str, found: list[Source]) -> dict[str, Points]:
    """Path of a picture → its landmarks; of several faces the largest."""
    exact: dict[str, str] = {}
    loose: dict[str, list[str]] = {}
    for source in found:
        stem = os.path.splitext(source.path)[0]
        exact[os.path.abspath(stem)] = source.path
        loose.setdefault(os.path.basename(stem), []).append(source.path)
    points: dict[str, Points] = {}
    first = None
    for face in read_faces(landmarks):
        if isinstance(face, PointsError):
            raise face
        first = first or face.name
        # As written by landmarks.extract, from its working directory; else below the folder.
        name = _without_face(face.name)
        path = exact.get(os.path.abspath(name)) or exact.get(
            os.path.abspath(os.path.join(folder, name))
        )
        if path is None:
            same = loose.get(os.path.basename(name), [])
            path = same[0] if len(same) == 1 else None
        if path is not None and (
            path not in points or _extent(face.points) > _extent(points[path])
        ):
            points[path] = face.points
    if not points:
        raise InputError(
            f"{landmarks} has landmarks of none of the pictures in {folder}: its first face is"
            f" {first!r}"
        )
    return points


def _without_face(name: str) -> str:
    stem, mark, number = name.rpartition("_face")
    return stem if mark and number.isdecimal() else name


def _extent(points: Points) -> float:
    return float(np.prod(np.ptp(points, axis=0)))
