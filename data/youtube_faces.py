"""Command: frames of YouTube Faces with 68 points each into shards.

python -m data.youtube_faces ZIP_OR_FOLDER OUT

Reads the layout of `train-test-data.zip`, packed or unpacked:

    training/Name_NN.jpg    training_frames_keypoints.csv
    test/Name_NN.jpg        test_frames_keypoints.csv

The first column of a table is the file, then come x0, y0, …, x67, y67 in pixels. The published
split is by frames and leaks: every person of `test` is in `training`. So persons are split by their
names (`landmarks.split_of`), over both tables together. A record's `clip` tells which frames are of
one film.

Points lie one pixel left of and above the published ones; `taken_off` in a record is what must be
added to get those back.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from data.face_command import face_parser, run_command
from data.file_tree import FileTree
from data.persons import person_in_name
from data.photos import Photo, Photos
from landmarks.errors import ImageError, InputError

YOUTUBE_SHIFT = 1.0
"""Pixels by which the labels of YouTube Faces lie right of and below what they mark: taken off.

A network trained on pictures and mirrored pictures cannot learn a shift to one side: its points lie
1.1 pixels left of the labels, of faces of every size, and as far above them if HELEN's labels tell
(`scripts.bench.people_gap`).
"""

_FRAME_OF_FILM = re.compile(r".*_\d\d")
_TABLES = {"training": "training_frames_keypoints.csv", "test": "test_frames_keypoints.csv"}


def youtube_photos(path: str, *, points: bool = True, published: str | None = None) -> Photos:
    """The frames of such a .zip file or folder.

    Parameters
    ----------
    path : str
    points : bool, optional
        Use the points in the tables; False finds landmarks anew.
    published : {'training', 'test'}, optional
        Only this part of the published split, which leaks.

    Returns
    -------
    photos : Photos
        In the order of the files' names, training first. Damaged lines of the tables are frames
        with a problem.

    Raises
    ------
    InputError
        It is neither, or has another layout.
    """
    tree = FileTree(path)
    faces: dict[str, NDArray[np.float64] | str] = {}
    with tree.reading() as read:
        for folder, table in _TABLES.items():
            lines = _read_table(read, table, tree)
            if published in (None, folder):
                faces |= {f"{folder}/{file}": lines[file] for file in sorted(lines)}

    def stream() -> Iterator[Photo]:
        with tree.reading() as read:
            for name, face in faces.items():
                photo = Photo(tree.source(name), person_in_name(name) or "", clip=_clip(name))
                if not photo.person:
                    problem = f"{photo.source} does not tell who it shows: expected Name_NN.jpg"
                    yield replace(photo, problem=problem)
                elif isinstance(face, str):
                    table = _TABLES[name.partition("/")[0]]
                    problem = f"{photo.source}: its line in {table} {face}"
                    yield replace(photo, problem=problem)
                else:
                    try:
                        data = read(name)
                    except ImageError as error:
                        yield replace(photo, problem=str(error))
                    else:
                        yield replace(photo, data=data, points=face if points else None)

    told = tree.fingerprint + (f"points - {YOUTUBE_SHIFT:g}" if points else "")
    told += published or ""
    digest = hashlib.sha256(told.encode()).hexdigest()
    return Photos("the file's name without its number", digest, len(faces), stream)


def _clip(name: str) -> str:
    """The film of `Name_12.jpg`: in this set the first digit counts films, the second frames."""
    stem = PurePosixPath(name).stem
    return stem[:-1] if _FRAME_OF_FILM.fullmatch(stem) else ""


def _read_table(
    read: Callable[[str], bytes], table: str, tree: FileTree
) -> dict[str, NDArray[np.float64] | str]:
    """File → its points, or what is wrong with them."""
    path = tree.path
    if table not in tree.names:
        raise InputError(
            f"{path} has no {table}: expected training/, test/ and a table of points for each;"
            " other zip files of photographs can be unpacked and given as a folder"
        )
    try:
        lines = list(csv.reader(io.StringIO(read(table).decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}/{table} cannot be read as a .csv table: {error}") from None
    faces = {line[0]: _points_of(line[1:]) for line in lines[1:] if line}
    if not faces:
        raise InputError(f"{path}/{table} has no lines below its header")
    return faces


def _points_of(values: list[str]) -> NDArray[np.float64] | str:
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError as error:
        return f"is damaged: {error}"
    if numbers.size != 136:
        return f"has {numbers.size} numbers: expected 136"
    if not np.isfinite(numbers).all():
        return "has a number that is not finite"
    return numbers.reshape(68, 2) - YOUTUBE_SHIFT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    what = "the .zip file, or the folder that it unpacks to"
    parser = face_parser("data.youtube_faces", __doc__ or "", "ZIP_OR_FOLDER", what)
    parser.add_argument(
        "--published",
        choices=list(_TABLES),
        help="only this part of the published split, which leaks: to compare with other reports",
    )
    args = parser.parse_args(argv)
    return run_command(
        parser.prog,
        args,
        lambda: youtube_photos(args.place, published=args.published),
        root=FileTree.root(args.place),
        taken_off=YOUTUBE_SHIFT,
    )


if __name__ == "__main__":
    sys.exit(main())
