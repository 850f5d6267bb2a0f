"""Command: faces of dlib's imglab XML files, with parts 0 to 67, into shards.

python -m data.dlib_xml FILE.xml OUT

Reads the boxes of `<image file='…'>` elements, whose files lie beside or below the XML file; each
box holds `<part name='0' x='…' y='…'/>` up to 67 in iBUG-68 order. Boxes marked `ignore` are left
out.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from data.face_command import add_persons, face_parser, persons_by, run_command
from data.photos import Photo, Photos, file_hash
from landmarks import scheme
from landmarks.errors import ImageError, InputError, PointsError
from landmarks.image import Picture


@dataclass
class _Box:
    line: int
    ignored: bool
    parts: list[dict[str, str]] = field(default_factory=list)


@dataclass
class _Image:
    file: str
    size: tuple[str | None, str | None]
    boxes: list[_Box] = field(default_factory=list)


def xml_photos(path: str, *, persons: str = "photo") -> Photos:
    """The faces that such a file names, one photograph for each.

    Parameters
    ----------
    path : str
    persons : {'photo', 'auto', 'name', 'folder', 'each'}, optional
        As `data.face_command.persons_by`; faces of one picture are one person, so that they come
        into one split.

    Returns
    -------
    photos : Photos
        In the order of the file. Pictures that cannot be read, and boxes without 68 points, are
        photographs with a problem.

    Raises
    ------
    InputError
        The file is missing, no well-formed XML, declares a document type (and could name entities),
        or has no images; persons cannot be told.
    """
    images = _parse(path)
    folder = os.path.dirname(path) or "."
    person, rule = persons_by(persons, [image.file for image in images])
    count = sum(max(1, len(image.boxes)) for image in images)

    def stream() -> Iterator[Photo]:
        for image in images:
            photo = Photo(os.path.join(folder, image.file), person(image.file) or "")
            boxes = [box for box in image.boxes if not box.ignored]
            if not image.boxes:
                yield replace(photo, problem=f"{photo.source} has no box in {path}")
            if not boxes:
                continue
            try:
                photo = replace(photo, pixels=_pixels(photo.source, image, path))
            except ImageError as error:
                yield replace(photo, problem=str(error))
                continue
            for box in boxes:
                try:
                    yield replace(photo, points=_points(box, f"{path}, line {box.line}"))
                except PointsError as error:
                    yield replace(photo, problem=f"{photo.source}: {error}")

    digest = hashlib.sha256(rule.encode())
    for file in (path, *(os.path.join(folder, image.file) for image in images)):
        digest.update(f"{file_hash(file)}\n".encode())
    return Photos(rule, digest.hexdigest(), count, stream)


def _pixels(source: str, image: _Image, path: str) -> NDArray[np.uint8]:
    pixels = Picture(source).rgb()
    height, width = pixels.shape[:2]
    told = image.size
    if None not in told and told != (str(width), str(height)):
        raise ImageError(
            f"{source} has {width}×{height} pixels, {path} says {told[0]}×{told[1]}: its points are"
            " of another picture"
        )
    return pixels


def _points(box: _Box, where: str) -> NDArray[np.float64]:
    if not box.parts:
        raise PointsError(f"{where}: the box has no parts: expected 0 to {scheme.COUNT - 1}")
    points: dict[int, tuple[float, float]] = {}
    for part in box.parts:
        name = part.get("name", "")
        index = int(name) if name.isdecimal() and len(name) < 6 else -1
        if not 0 <= index < scheme.COUNT:
            raise PointsError(f"{where}: part {name!r}: expected 0 to {scheme.COUNT - 1}")
        if index in points:
            raise PointsError(f"{where}: part {index} is there twice")
        try:
            points[index] = float(part["x"]), float(part["y"])
        except (KeyError, ValueError):
            raise PointsError(f"{where}: part {index} has no numbers x and y") from None
    missing = sorted(set(range(scheme.COUNT)) - points.keys())
    if missing:
        raise PointsError(f"{where}: {len(missing)} parts are missing, the first is {missing[0]}")
    return np.array([points[index] for index in range(scheme.COUNT)])


def _parse(path: str) -> list[_Image]:
    images: list[_Image] = []
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise InputError(
            f"{path}, line {parser.CurrentLineNumber} declares a document type, which could define"
            " entities without end: expected a file as imglab writes it"
        )

    def begin(name: str, given: dict[str, str]) -> None:
        line = parser.CurrentLineNumber
        if name == "image":
            if not given.get("file"):
                raise InputError(f"{path}, line {line}: an image has no 'file'")
            images.append(_Image(given["file"], (given.get("width"), given.get("height"))))
        elif name == "box" and images:
            images[-1].boxes.append(_Box(line, given.get("ignore", "0") not in ("0", "false")))
        elif name == "part" and images and images[-1].boxes:
            images[-1].boxes[-1].parts.append(given)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    try:
        with open(path, "rb") as handle:
            parser.ParseFile(handle)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected an imglab XML file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no well-formed XML: {error}") from None
    if not images:
        raise InputError(f"{path} names no image: expected <image file='…'> as imglab writes it")
    return images


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
    parser = face_parser("data.dlib_xml", __doc__ or "", "FILE.xml", "as dlib's imglab writes it")
    add_persons(parser)
    args = parser.parse_args(argv)
    return run_command(
        parser.prog,
        args,
        lambda: xml_photos(args.place, persons=args.persons),
        root=os.path.dirname(args.place) or ".",
    )


if __name__ == "__main__":
    sys.exit(main())
