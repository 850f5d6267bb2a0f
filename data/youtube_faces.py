"""Frames of YouTube Faces with 68 points each, in the layout of `train-test-data.zip`.

    training/Name_NN.jpg    training_frames_keypoints.csv
    test/Name_NN.jpg        test_frames_keypoints.csv

The first column of a table is the file, then come x0, y0, …, x67, y67 in pixels. The published
split is by frames and leaks: every person of `test` is in `training`. So persons are split by their
names (`landmarks.split_of`), over both tables together.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.persons import person_in_name
from data.photos import Photo, Photos
from landmarks.errors import InputError

YOUTUBE_SHIFT = 1.0
"""Pixels by which the labels of YouTube Faces lie right of and below what they mark: taken off.

A network trained on pictures and mirrored pictures cannot learn a shift to one side: its points lie
1.1 pixels left of the labels, of faces of every size, and as far above them if HELEN's labels tell
(`scripts.bench.people_gap`).
"""

_TABLES = {"training": "training_frames_keypoints.csv", "test": "test_frames_keypoints.csv"}


def youtube_photos(path: str, *, points: bool = True) -> Photos:
    """The frames of such a zip file.

    Parameters
    ----------
    path : str
    points : bool, optional
        Use the points in the tables; False finds landmarks anew.

    Returns
    -------
    photos : Photos
        In the order of the files' names, training first.

    Raises
    ------
    InputError
        The file is no zip file, or has another layout; a line of a table is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            faces = {
                f"{folder}/{file}": face
                for folder, table in _TABLES.items()
                for file, face in _read_table(archive, table, path).items()
            }
            members = {info.filename: info.CRC for info in archive.infolist()}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a .zip file") from None
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be read as a .zip file: {error}") from None
    names = [name for folder in _TABLES for name in sorted(faces) if name.startswith(f"{folder}/")]

    def stream() -> Iterator[Photo]:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                photo = Photo(f"{path}/{name}", person_in_name(name) or "")
                if not photo.person:
                    problem = f"{photo.source} does not tell who it shows: expected Name_NN.jpg"
                    yield replace(photo, problem=problem)
                    continue
                try:
                    data = archive.read(name)
                except KeyError:
                    yield replace(photo, problem=f"{photo.source} is missing: its points are there")
                except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
                    yield replace(photo, problem=f"{photo.source} is damaged: {error}")
                else:
                    yield replace(photo, data=data, points=faces[name] if points else None)

    told = "".join(f"{name}\0{members[name]}\n" for name in sorted(members))
    told += f"points - {YOUTUBE_SHIFT:g}" if points else ""
    digest = hashlib.sha256(told.encode(errors="replace")).hexdigest()
    return Photos("the file's name without its number", digest, len(names), stream)


def _read_table(archive: zipfile.ZipFile, table: str, path: str) -> dict[str, NDArray[np.float64]]:
    try:
        text = archive.read(table).decode("utf-8-sig")
    except KeyError:
        raise InputError(
            f"{path} has no {table}: expected training/, test/ and a table of points for each;"
            " other zip files of photographs can be unpacked and given as a folder"
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}/{table} is no text: expected a .csv table") from None
    faces = {}
    for line, values in enumerate(csv.reader(io.StringIO(text)), 1):
        if line == 1 or not values:
            continue
        try:
            numbers = np.array([float(value) for value in values[1:]])
        except ValueError as error:
            raise InputError(f"{path}/{table}, line {line}: {error}") from None
        if numbers.size != 136 or not np.isfinite(numbers).all():
            raise InputError(
                f"{path}/{table}, line {line} has {numbers.size} numbers: expected 136, all finite"
            )
        faces[values[0]] = numbers.reshape(68, 2) - YOUTUBE_SHIFT
    if not faces:
        raise InputError(f"{path}/{table} has no lines below its header")
    return faces
