"""Command: faces with a .pts file of 68 points each into shards, as 300-W, HELEN and AFW have them.

python -m data.pts_faces FOLDER_OR_ZIP OUT

Reads pictures that have a .pts file of the same name beside them, in the folder and the folders
below it. A .pts file holds 68 lines `x y` between braces; its pixels are counted from 1.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.face_command import add_persons, face_parser, persons_by, run_command
from data.file_tree import FileTree
from data.photos import Photo, Photos
from landmarks.errors import ImageError, InputError, PointsError
from landmarks.files import read_points
from landmarks.image import SUFFIXES


def pts_photos(path: str, *, persons: str = "photo", below: str = "") -> Photos:
    """The pictures with points of such a folder or .zip file.

    Parameters
    ----------
    path : str
    persons : {'photo', 'auto', 'name', 'folder', 'each'}, optional
        As `data.face_command.persons_by`.
    below : str, optional
        Only the pictures below this folder of it.

    Returns
    -------
    photos : Photos
        In the order of their names. A picture without points, and points without a picture or with
        several, are photographs with a problem.

    Raises
    ------
    InputError
        It is neither, or holds no .pts file; persons cannot be told.
    """
    tree = FileTree(path)
    pictures: dict[str, list[str]] = {}
    points: dict[str, str] = {}
    folder = below.strip("/")
    for name in tree.names:
        if folder and not name.startswith(f"{folder}/"):
            continue
        stem, suffix = os.path.splitext(name)
        if suffix.lower() == ".pts":
            points[stem] = name
        elif suffix.lower() in SUFFIXES:
            pictures.setdefault(stem, []).append(name)
    if not points:
        where = f"{path}/{folder}" if folder else path
        raise InputError(f"{where} holds no .pts file: expected pictures and their .pts files")
    stems = sorted(points.keys() | pictures.keys())
    person, rule = persons_by(persons, [pictures.get(stem, [stem])[0] for stem in stems])

    def stream() -> Iterator[Photo]:
        with tree.reading() as read, tempfile.TemporaryDirectory() as scratch:
            for stem in stems:
                found = pictures.get(stem, [])
                told = points.get(stem)
                name = found[0] if found else f"{stem}.pts"
                photo = Photo(tree.source(name), person(name) or "")
                if told is None:
                    yield replace(photo, problem=f"{photo.source} has no .pts file beside it")
                elif len(found) != 1:
                    which = f"several pictures ({', '.join(found)})" if found else "no picture"
                    yield replace(photo, problem=f"{tree.source(told)} has {which}: expected one")
                else:
                    try:
                        face = _points(read, told, tree, Path(scratch, "face.pts"))
                        yield replace(photo, data=read(name), points=face)
                    except (ImageError, PointsError) as error:
                        yield replace(photo, problem=str(error))

    digest = hashlib.sha256(f"{tree.fingerprint}{rule}{folder}".encode()).hexdigest()
    return Photos(rule, digest, len(stems), stream)


def _points(
    read: Callable[[str], bytes], name: str, tree: FileTree, scratch: Path
) -> NDArray[np.float64]:
    # The one reader of .pts files takes files; these may lie in an archive.
    scratch.write_bytes(read(name))
    try:
        return read_points(scratch)
    except PointsError as error:
        raise PointsError(str(error).replace(str(scratch), tree.source(name))) from None


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
    what = "pictures with a .pts file of the same name beside each"
    parser = face_parser("data.pts_faces", __doc__ or "", "FOLDER_OR_ZIP", what)
    add_persons(parser)
    parser.add_argument(
        "--below",
        metavar="FOLDER",
        default="",
        help="only the pictures below this folder of it, such as the published test set",
    )
    args = parser.parse_args(argv)
    return run_command(
        parser.prog,
        args,
        lambda: pts_photos(args.place, persons=args.persons, below=args.below),
        root=FileTree.root(args.place),
    )


if __name__ == "__main__":
    sys.exit(main())
