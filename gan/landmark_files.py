"""Faces in any file or folder of landmarks that `landmarks` and `calibration` write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.errors import InputError, PointsError
from landmarks.files import POINT_SUFFIXES, TEMPORARY, read_points
from landmarks.tables import TABLE_SUFFIXES, Row, read_table

_LISTS = ("landmarks.done.csv", "landmarks.errors.csv")


@dataclass(frozen=True, eq=False)
class NamedFace:
    """Landmarks, and what they are called.

    Attributes
    ----------
    name : str
        A path without ending: of the file below its folder, or of the picture in a table, with
        `_face1` and `_frame000012` where there are several.
    points : (68, 2) float array
        Pixels of whatever picture they were found in.
    """

    name: str
    points: NDArray[np.float64]


def read_faces(path: str | os.PathLike[str]) -> Iterator[NamedFace | PointsError]:
    """Read all faces of a file or a folder.

    Parameters
    ----------
    path : path-like
        One face (`.txt`, `.pts`, `.csv`, `.npz`), a table of many (`.csv`, `.npz`, `.parquet`), or
        a folder of such files, read in the order of their names.

    Yields
    ------
    face : NamedFace or PointsError
        A row of a table that holds no 68 finite points comes as its error, and so does a file in
        a folder.

    Raises
    ------
    InputError
        `path` is missing, or no landmarks; a folder holds no file of landmarks.
    """
    name = os.fspath(path)
    if not os.path.isdir(name):
        yield from _in_file(name, Path(name).stem)
        return
    files = _point_files(name)
    if not files:
        raise InputError(f"{name} holds no landmarks: expected {' '.join(_suffixes())} files")
    for file in files:
        try:
            yield from _in_file(file, os.path.splitext(os.path.relpath(file, name))[0])
        except PointsError as error:
            yield error


def _suffixes() -> list[str]:
    return sorted({*POINT_SUFFIXES, *TABLE_SUFFIXES})


def _point_files(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be searched: {error.strerror}") from None

    files = []
    for root, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            hidden = name.startswith((".", TEMPORARY)) or name in _LISTS
            if not hidden and Path(name).suffix.lower() in _suffixes():
                files.append(os.path.join(root, name))
    return files


def _in_file(file: str, stem: str) -> Iterator[NamedFace | PointsError]:
    suffix = Path(file).suffix.lower()
    if suffix in TABLE_SUFFIXES and not _single(file, suffix):
        damaged: list[PointsError] = []
        number = 0
        for number, row in enumerate(read_table(file, on_damage=damaged.append), 1):
            yield from damaged
            damaged.clear()
            yield _checked(row, f"{file}, face {number} ({row.file})", stem)
        if not number and not damaged:
            raise PointsError(f"{file} holds no face")
        yield from damaged
        return
    if suffix not in POINT_SUFFIXES:
        raise PointsError(f"{file} is no file of landmarks: expected {' '.join(_suffixes())}")
    yield NamedFace(stem, read_points(file))


def _checked(row: Row, told: str, stem: str) -> NamedFace | PointsError:
    if row.points is None or len(row.points) != scheme.COUNT:
        count = 0 if row.points is None else len(row.points)
        return PointsError(f"{told} has {count} points: expected {scheme.COUNT}")
    if not np.isfinite(row.points).all():
        return PointsError(f"{told} has a point that is not finite")
    return NamedFace(_row_name(row, stem), row.points)


def _single(file: str, suffix: str) -> bool:
    """Whether a .csv or .npz is one face, without the name of a picture."""
    if suffix == ".npz":
        try:
            with open(file, "rb") as handle, np.load(handle, allow_pickle=False) as archive:
                return "files" not in archive
        except Exception:  # told by the reader, in its words
            return True
    if suffix == ".csv":
        try:
            with open(file, encoding="utf-8-sig", errors="surrogateescape") as text:
                return "file" not in text.readline().strip().split(",")
        except OSError:
            return True
    return False


def _row_name(row: Row, stem: str) -> str:
    name = os.path.splitext(row.file)[0] if row.file else stem
    frame = "" if row.frame is None else f"_frame{row.frame:06d}"
    return f"{name}{frame}" + (f"_face{row.face}" if row.face else "")
