"""Faces of real photographs as shards: cut out, with their landmarks and whose they are."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from tqdm import tqdm

from data.face_cut import MARGIN, SIZE, Face, cut_face
from data.photos import Photo, Photos
from landmarks.errors import ImageError, InputError, PointsError
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.keypoints.dataset import POINTS_BY
from landmarks.samples import Sample, encode_sample, split_of
from landmarks.shard_set import PER_SHARD, ShardSet, writing_set

SCHEME = "ibug-68"
QUALITY = 95


@dataclass(frozen=True)
class Cutting:
    """What is cut out of which photographs.

    Attributes
    ----------
    source : str
        Name of the data set, for the records.
    root : str
        What the photographs' names begin with; records hold the rest.
    split : {'all', 'train', 'validation', 'test'}
        Whose faces.
    margin : float
        Around the box of the landmarks, as a share of its longer side, where the picture has it.
    size : int
        The longest side of a cut, in pixels; only larger ones are resized.
    limit : int or None
        Look only at that many photographs, of the persons of the split.
    taken_off : float
        What the reader took off both coordinates of the published points, in the photograph's
        pixels; records tell it in those of the cut.

    Raises
    ------
    InputError
        A number is outside its range.
    """

    source: str
    root: str
    split: str = "all"
    margin: float = MARGIN
    size: int = SIZE
    limit: int | None = None
    taken_off: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 10:
            raise InputError(f"the margin is {self.margin}: expected 0 to 10")
        if not 16 <= self.size <= 4096:
            raise InputError(f"the size is {self.size}: expected 16 to 4096 pixels")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"the limit is {self.limit}: expected at least 1 photograph")

    def settings(self, photos: Photos) -> dict[str, Any]:
        """What a resumed run must not change."""
        return {
            "set": "real photographs",
            "source": utf8(self.source),
            "persons": photos.persons,
            "photographs": photos.fingerprint,
            "split": self.split,
            "margin": self.margin,
            "size": self.size,
            "limit": self.limit,
            "taken_off": self.taken_off,
            "pictures": f"jpeg, quality {QUALITY}",
            "made_with": f"numpy {np.__version__}, opencv {cv2.__version__},"
            f" pillow {PIL.__version__}",
        }


@dataclass
class Summary:
    """What came of it.

    Attributes
    ----------
    target : str
    rule : str
        How persons were told apart.
    faces, persons, shards : int
    refused : int
        Photographs that gave no face.
    first : str
        Why the first of them gave none.
    before : bool
        The set was complete already.
    """

    target: str
    rule: str
    faces: int = 0
    persons: int = 0
    shards: int = 0
    refused: int = 0
    first: str = field(default="", repr=False)
    before: bool = False

    def __str__(self) -> str:
        told = f"{self.target}: {self.faces} face{'' if self.faces == 1 else 's'} of"
        told += f" {self.persons} person{'' if self.persons == 1 else 's'} (by {self.rule}) in"
        told += f" {self.shards} shard{'' if self.shards == 1 else 's'}"
        told += ", finished before" if self.before else ""
        if self.refused:
            told += f"; {self.refused} could not be used, the first: {self.first}"
            told += f" (all in {errors_file(self.target)})"
        return told


def errors_file(target: str) -> Path:
    """Where photographs without a face are told."""
    single = Path(target).suffix.lower() == ".tar"
    return Path(f"{target}.errors.csv") if single else Path(target, "errors.csv")


def write_faces(
    target: str,
    photos: Photos,
    cutting: Cutting,
    *,
    per_shard: int = PER_SHARD,
    resume: bool = False,
    progress: bool = False,
) -> Summary:
    """Cut out the faces of photographs and store them as shards.

    Parameters
    ----------
    target : str
        A folder, or one `.tar` file. Photographs that gave no face are listed in its `errors.csv`
        (`NAME.tar.errors.csv`).
    photos : Photos
        With points.
    cutting : Cutting
    per_shard : int, optional
        Faces of a shard.
    resume : bool, optional
        Go on behind the finished shards of an earlier run: their photographs are looked at again,
        so that the same ones are refused, but not written.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.

    Returns
    -------
    summary : Summary

    Raises
    ------
    InputError
        As `landmarks.shard_set.writing_set`; no photograph gave a face.
    KeyboardInterrupt
        Its text says what is kept.
    """
    summary = Summary(target, photos.persons)
    settings = cutting.settings(photos)
    with writing_set(target, settings, per_shard=per_shard, resume=resume) as shards:
        summary.before = shards.finished
        problems = [] if shards.finished else _write(shards, photos, cutting, progress)
    if not summary.before:
        _tell_problems(errors_file(target), problems)
    told = json.loads(shards.told.read_bytes())
    summary.faces, summary.persons = told["samples"], told["people"]
    summary.shards = len(told["shards"])
    with (
        suppress(FileNotFoundError),
        open(errors_file(target), encoding="utf-8", errors="surrogateescape", newline="") as handle,
    ):
        told = [
            _sentence(row.get("file") or "", row.get("reason") or "")
            for row in csv.DictReader(handle)
        ]
        summary.refused, summary.first = len(told), next(iter(told), "")
    return summary


def _write(
    shards: ShardSet, photos: Photos, cutting: Cutting, progress: bool
) -> list[tuple[str, str]]:
    """Add all faces; returns the photographs that gave none, and why."""
    begun, count, problems = shards.done, 0, []
    bar = tqdm(
        photos.stream(),
        total=cutting.limit if cutting.limit and cutting.split == "all" else photos.total,
        unit="img",
        disable=None if progress else True,
        leave=False,
    )
    wanted = (
        photo
        for photo in bar
        if not photo.person or cutting.split in ("all", split_of(photo.person))
    )
    for photo in itertools.islice(wanted, cutting.limit):
        try:
            face = _face(photo, cutting)
        except (ImageError, PointsError) as error:
            # The file has a column of its own.
            told = str(error).removeprefix(photo.source).lstrip(": ")
            problems.append((photo.source, told))
            continue
        if count >= begun:
            key = f"{count:06d}"
            record = _record(photo, face, cutting)
            sample = Sample(key, face.image, face.points, None, None, record)
            shards.add(key, encode_sample(sample, quality=QUALITY))
        count += 1
    if count == 0:
        whose = "" if cutting.split == "all" else f" of a {cutting.split} person"
        told = f"{cutting.root} gave no face{whose}"
        if problems:
            told += f": {len(problems)} could not be used, the first: {_sentence(*problems[0])}"
        raise InputError(told)
    if count < begun:
        raise InputError(
            f"{cutting.root} has changed since the run began: it now gives {count} faces, and"
            f" {begun} are in finished shards: delete the set and make it anew"
        )
    return problems


def _face(photo: Photo, cutting: Cutting) -> Face:
    if photo.problem is not None:
        raise ImageError(photo.problem)
    if not photo.person:
        raise ImageError(f"{photo.source} does not tell who it shows")
    if photo.points is None:
        raise PointsError(f"{photo.source} has no points")
    image = photo.pixels
    if image is None:
        image = Picture(photo.source, data=photo.data).rgb()
    return cut_face(image, photo.points, margin=cutting.margin, size=cutting.size)


def _record(photo: Photo, face: Face, cutting: Cutting) -> dict[str, Any]:
    record: dict[str, Any] = {
        "person": utf8(photo.person),
        "scheme": SCHEME,
        "source": utf8(cutting.source),
        "file": utf8(photo.source.removeprefix(f"{cutting.root}/")),
        "cut": list(face.cut),
    }
    if photo.clip:
        record["clip"] = utf8(photo.clip)
    if cutting.taken_off:
        record["taken_off"] = cutting.taken_off * face.ratio
    if photo.points_by:
        record[POINTS_BY] = photo.points_by
    return record


def utf8(name: str) -> str:
    """A name as records can hold it: in file names any bytes may be."""
    return name.encode("utf-8", "backslashreplace").decode()


def _sentence(file: str, reason: str) -> str:
    return reason if file in reason else f"{file}: {reason}"


def _tell_problems(path: Path, problems: Sequence[tuple[str, str]]) -> None:
    if not problems:
        path.unlink(missing_ok=True)  # of the run that this one goes on with
        return
    with replacing(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["file", "reason"])
        writer.writerows(problems)
