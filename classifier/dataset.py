"""Faces as classifiers see them: upright, of one size, with their landmarks.

Pictures are decoded once and held as uint8. Landmarks that a set does not tell are found
(`landmarks.detect`) and kept in a file beside the run, by the content of the picture.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifier.alignment import aligned_crop, aligned_points
from classifier.finding import Found, Landmarks, find_points, key_of, picture_hash
from classifier.sources import Entry, SourceError
from landmarks.errors import ImageError, InputError
from landmarks.image import Picture, as_rgb
from landmarks.pool import OrderedPool

Array = NDArray[Any]

SIDE = 112
"""Of the square that a network sees, in pixels, where nobody tells another."""

ROOM = 1.25
"""Side of a stored picture in sides of that square: what turns and shifts may need."""


_WORTH = 200  # pictures to be searched, from which further processes are worth their start
_KEPT = 500  # pictures searched, after which what was found is written


class Skipped(NamedTuple):
    """A picture that is left out.

    Attributes
    ----------
    name : str
    reason : str
    """

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Faces:
    """Labelled faces.

    Attributes
    ----------
    images : (n, S, S) or (n, S, S, 3) uint8 array
        Grey or RGB, aligned; the square that a network sees lies in the middle of S = round(ROOM ·
        side) pixels. (n, 0, 0) where only landmarks are wanted.
    points : (n, 68, 2) float32 array
        Landmarks in fractions of that square's side, aligned.
    pixels : (n, 68, 2) float32 array
        Landmarks (x, y) in pixels of the whole pictures.
    emotions : tuple of str
    persons : tuple of str or None
        None where nobody knows.
    intensities : (n,) float array
        NaN where nobody knows.
    names : tuple of str
    side : int
        Of the square, in pixels.
    skipped : tuple of Skipped
        Pictures that show no face, or cannot be read.
    hashes : tuple of int
        Of the pictures' bytes (`classifier.finding.picture_hash`); empty where they have no files.
    """

    images: Array
    points: Array
    pixels: Array
    emotions: tuple[str, ...]
    persons: tuple[str | None, ...]
    intensities: Array
    names: tuple[str, ...]
    side: int
    skipped: tuple[Skipped, ...] = ()
    hashes: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def persons_known(self) -> bool:
        """Whether the person of every face is known: where not, numbers must say so."""
        return all(person is not None for person in self.persons)

    def take(self, rows: ArrayLike) -> Faces:
        """Some of the faces.

        Parameters
        ----------
        rows : int or bool array_like
            As numpy takes them.
        """
        chosen = np.arange(len(self))[np.asarray(rows)]
        return Faces(
            self.images[chosen],
            self.points[chosen],
            self.pixels[chosen],
            tuple(self.emotions[row] for row in chosen),
            tuple(self.persons[row] for row in chosen),
            self.intensities[chosen],
            tuple(self.names[row] for row in chosen),
            self.side,
            hashes=tuple(self.hashes[row] for row in chosen) if self.hashes else (),
        )

    def labels(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """(n,) numbers of the emotions in a list of classes.

        Raises
        ------
        InputError
            Emotions are none of them; all are listed.
        """
        if other := sorted(set(self.emotions) - set(classes)):
            raise InputError(f"faces show {', '.join(other)}: the classes are {', '.join(classes)}")
        return np.array([classes.index(emotion) for emotion in self.emotions], dtype=np.int64)

    def digest(self) -> str:
        """SHA-256 of pictures, landmarks, emotions and persons, in their order."""
        told = hashlib.sha256(repr((self.emotions, self.persons, self.side)).encode())
        told.update(np.ascontiguousarray(self.images).data)
        told.update(np.ascontiguousarray(self.points).data)
        return told.hexdigest()


def joined(parts: Sequence[Faces]) -> Faces:
    """Several sets of faces of one side as one, in their order."""
    return Faces(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.pixels for part in parts]),
        tuple(emotion for part in parts for emotion in part.emotions),
        tuple(person for part in parts for person in part.persons),
        np.concatenate([part.intensities for part in parts]),
        tuple(name for part in parts for name in part.names),
        parts[0].side,
        tuple(told for part in parts for told in part.skipped),
        tuple(one for part in parts for one in part.hashes) if all(p.hashes for p in parts) else (),
    )


def make_faces(
    pictures: Iterable[ArrayLike],
    pixels: ArrayLike,
    emotions: Sequence[str],
    persons: Sequence[str | None],
    intensities: Sequence[float] | None = None,
    *,
    side: int = SIDE,
    channels: int = 1,
) -> Faces:
    """Faces from arrays, such as generated pictures.

    Parameters
    ----------
    pictures : iterable of n uint8 arrays
        (H, W, 3) RGB or (H, W) grey.
    pixels : (n, 68, 2) array_like
        Landmarks (x, y) in pixels of each.
    emotions : sequence of n str
    persons : sequence of n str or None
    intensities : sequence of n float, optional
    side, channels : int, optional
        Of what the network sees; 1 is grey.

    Returns
    -------
    faces : Faces

    Raises
    ------
    InputError
        Lengths differ, an array is no picture, points are no face's.
    """
    values = np.asarray(pixels, dtype=np.float64)
    cut = [
        cut_face(as_rgb(picture), points, side, channels)
        for picture, points in zip(pictures, values, strict=True)
    ]
    if not len(cut) == len(emotions) == len(persons):
        raise InputError(
            f"there are {len(cut)} pictures, {len(emotions)} emotions and {len(persons)} persons: "
            "expected equally many"
        )
    given = np.full(len(cut), np.nan) if intensities is None else np.asarray(intensities, float)
    return Faces(
        np.stack(cut),
        aligned_points(values).astype(np.float32),
        values.astype(np.float32),
        tuple(emotions),
        tuple(persons),
        given,
        tuple(f"picture {number}" for number in range(len(cut))),
        side,
    )


def cut_face(
    image: Array, points: ArrayLike, side: int, channels: int, room: float = ROOM
) -> Array:
    """A face upright and of one size, with room around it.

    Parameters
    ----------
    image : (H, W, 3) or (H, W) uint8 array
        RGB or grey.
    points : (68, 2) array_like
        Landmarks in its pixels.
    side, channels : int
    room : float, optional
        As `classifier.alignment.aligned_crop`.

    Returns
    -------
    face : (S, S) or (S, S, 3) uint8 array
    """
    crop = aligned_crop(points, side, room)
    if channels == 1 and image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return crop.cut(image)


def load_faces(
    entries: Sequence[Entry],
    *,
    side: int = SIDE,
    channels: int = 1,
    pictures: bool = True,
    cache: str | os.PathLike[str] | None = None,
    jobs: int = 1,
) -> Faces:
    """Decode pictures, find landmarks where the set does not tell them, and align.

    Parameters
    ----------
    entries : sequence of Entry
        As `classifier.sources.read_entries` gives them.
    side, channels : int, optional
        Of what the network sees; 1 is grey.
    pictures : bool, optional
        False where landmarks alone are wanted: pictures with told points are not decoded.
    cache : path-like, optional
        File of landmarks found before; written anew where more are found, also when the work is
        broken off.
    jobs : int, optional
        Processes.

    Returns
    -------
    faces : Faces
        `skipped` names pictures without a face and those that cannot be read.

    Raises
    ------
    InputError
        No face is left.
    """
    known = Landmarks(cache)
    look = _Look(side if pictures else 0, channels)
    work = functools.partial(_one, look)
    # Points that are known travel along: a process of its own does not see the table.
    tasks = [(entry, known.of(entry)) for entry in entries]
    search = sum(entry.points is None and told is None for entry, told in tasks)
    jobs = jobs if search >= _WORTH else 1
    pool = OrderedPool(work, _alone if jobs > 1 else _nothing, jobs)
    found: list[tuple[Entry, Array, Array]] = []
    hashes: list[int] = []
    skipped, searched = [], 0
    try:
        for (entry, _), answer in pool.run(tasks):
            if not isinstance(answer, _Answer):
                skipped.append(Skipped(entry.name, "ended the process that read it"))
                continue
            if answer.found is not None:
                known.add(answer.found)
                searched += 1
                if searched % _KEPT == 0:
                    known.save()
            if answer.reason:
                skipped.append(Skipped(entry.name, answer.reason))
            else:
                found.append((entry, answer.image, answer.points))
                hashes.append(answer.hash)
    finally:
        known.save()  # hours of search are not lost by Ctrl-C
    if not found:
        first = f", the first: {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise SourceError(f"none of {len(entries)} pictures shows a face that is found{first}")
    pixels = np.stack([points for _, _, points in found])
    return Faces(
        np.stack([image for _, image, _ in found]),
        aligned_points(pixels).astype(np.float32),
        pixels.astype(np.float32),
        tuple(entry.emotion for entry, _, _ in found),
        tuple(entry.person for entry, _, _ in found),
        np.array([np.nan if e.intensity is None else e.intensity for e, _, _ in found]),
        tuple(entry.name for entry, _, _ in found),
        side,
        tuple(skipped),
        tuple(hashes),
    )


class _Look(NamedTuple):
    side: int  # 0: landmarks alone
    channels: int


class _Answer(NamedTuple):
    image: Array
    points: Array
    found: Found | None
    reason: str
    hash: int = 0


_EMPTY = np.zeros((0, 0), np.uint8)


def _one(look: _Look, task: tuple[Entry, Found | None]) -> _Answer:
    entry, known = task
    found = None
    try:
        points = entry.points
        picture = None
        if points is None or look.side:
            picture = Picture(entry.path or entry.name, data=entry.data)
        if points is None and known is not None:
            points = known.points
        elif points is None:
            assert picture is not None
            found = find_points(picture, entry)
            points = found.points
        if points is None:
            return _Answer(_EMPTY, _EMPTY, found, "shows no face that is found")
        image = _EMPTY
        if look.side:
            assert picture is not None
            image = picture.grey() if look.channels == 1 else picture.rgb()
            image = cut_face(image, points, look.side, look.channels)
        else:
            aligned_crop(points, SIDE)  # refuses points that are no face's
        key = (known or found or Found(key_of(entry), None)).key
        return _Answer(image, points, found, "", picture_hash(key, points))
    except (ImageError, InputError) as error:
        return _Answer(_EMPTY, _EMPTY, found, str(error))


def _alone() -> None:
    cv2.setNumThreads(1)  # the processes already fill the cores
    os.environ["OMP_NUM_THREADS"] = "1"


def _nothing() -> None:
    pass


def landmarks_file(folder: str | os.PathLike[str]) -> Path:
    """Where a run keeps the landmarks that it found."""
    return Path(folder) / "landmarks.npz"
