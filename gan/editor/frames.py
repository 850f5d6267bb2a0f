"""Pictures of the same people from different moments, read from shards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import ExpressionModel
from gan.editor.choice import PITCH, YAW
from landmarks.errors import InputError
from landmarks.keypoints import Predictor, load_predictor
from landmarks.keypoints.framing import true_box
from landmarks.samples import ShardError, split_of
from landmarks.shards import read_shards

_TURNED = 20.0
# Degrees that the head may turn between the two pictures of a pair: a warp in the plane cannot show
# what was hidden.
_TRUST = 0.5
# Of the landmark network, below which a picture is left out.
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Frames:
    """Pictures of one source, and which of them make pairs.

    Attributes
    ----------
    images : tuple of (H, W, 3) uint8 arrays
        RGB.
    points : (n, 68, 2) float array
        (x, y) in pixels of each, as the landmark network places them that ships: the same hand
        marks a photograph that is edited, and its marks of two pictures agree better than those of
        the shards.
    persons : tuple of str
    pairs : (m, 2) int array
        Source and wanted picture, of one person, and of one film where films are told.
    """

    images: tuple[NDArray[np.uint8], ...]
    points: NDArray[np.float64]
    persons: tuple[str, ...]
    pairs: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Loaded:
    """What shards gave.

    Attributes
    ----------
    train : tuple of Frames
        One for each source with pairs of training persons.
    sources : tuple of str
        Where each of them is from.
    unpaired : tuple of str
        Sources without such pairs: nothing of them is learnt from.
    validation : Frames
        Of validation persons of the first source.
    test : int
        Pictures of test persons, which nothing looks at.
    errors : tuple of ShardError
        Samples and shards that cannot be read.
    """

    train: tuple[Frames, ...]
    sources: tuple[str, ...]
    unpaired: tuple[str, ...]
    validation: Frames
    test: int
    errors: tuple[ShardError, ...]


def load_frames(sources: Sequence[str | os.PathLike[str]]) -> Loaded:
    """Read and decode shards; persons are split by `landmarks.split_of`.

    Parameters
    ----------
    sources : sequence of path-like
        Each a shard or a folder of them.

    Returns
    -------
    loaded : Loaded

    Raises
    ------
    InputError
        A source is missing, or no source has pairs of training persons, or the first none of
        validation persons.
    """
    errors: list[ShardError] = []
    train: list[Frames] = []
    paired: list[str] = []
    unpaired: list[str] = []
    validation, test = None, 0
    predictor = load_predictor()
    for number, source in enumerate(sources):
        parts = {split: _Part() for split in ("train", "validation", "test")}
        for sample in read_shards(source, on_damage=errors.append):
            person = sample.record.get("person")
            if person is None or person == "":
                errors.append(ShardError(f"{source}: sample {sample.key} tells no person"))
                continue
            split = split_of(person)
            if split == "test":
                test += 1
            elif split == "train" or number == 0:
                parts[split].add(sample.image, sample.points, sample.record)
        frames = parts["train"].frames(predictor)
        (paired if len(frames.pairs) else unpaired).append(os.fspath(source))
        if len(frames.pairs):
            train.append(frames)
        if number == 0:
            validation = parts["validation"].frames(predictor)
    if not train:
        raise InputError("no shard has two pictures of one training person: pairs cannot be made")
    if validation is None or not len(validation.pairs):
        raise InputError(
            f"{sources[0]} has no two pictures of one validation person: give shards with more "
            "persons first"
        )
    return Loaded(tuple(train), tuple(paired), tuple(unpaired), validation, test, tuple(errors))


def read_frames(source: str | os.PathLike[str], split: str) -> Frames:
    """Pictures and pairs of the persons of one split.

    Parameters
    ----------
    source : path-like
        A shard or a folder of them.
    split : {'train', 'validation', 'test'}

    Raises
    ------
    InputError
        It is missing or damaged, or a sample tells no person.
    """
    part = _Part()
    for sample in read_shards(source):
        person = sample.record.get("person")
        if person is None or person == "":
            raise InputError(f"{source}: sample {sample.key} tells no person")
        if split_of(person) == split:
            part.add(sample.image, sample.points, sample.record)
    return part.frames(load_predictor())


class _Part:
    """Frames of one split while they are read."""

    def __init__(self) -> None:
        self._images: list[NDArray[np.uint8]] = []
        self._points: list[NDArray[np.float64]] = []
        self._told: list[tuple[str, str]] = []

    def add(
        self,
        image: NDArray[np.uint8],
        points: NDArray[np.float64],
        record: Mapping[str, Any],
    ) -> None:
        self._images.append(image)
        self._points.append(points)
        self._told.append((str(record["person"]), film_of(record)))

    def frames(self, predictor: Predictor) -> Frames:
        kept, points = [], []
        for start in range(0, len(self._images), _CHUNK):
            rows = slice(start, start + _CHUNK)
            boxes = [_box(true) for true in self._points[rows]]
            fits = predictor.predict_many(self._images[rows], boxes)
            trust = np.ones(len(boxes)) if fits.trust is None else fits.trust
            kept += [start + k for k in np.flatnonzero(trust >= _TRUST)]
            points.append(fits.points[trust >= _TRUST])
        told = [self._told[row] for row in kept]
        images = tuple(self._images[row] for row in kept)
        placed = np.concatenate(points) if points else np.empty((0, 68, 2))
        films = [f"{person}\0{film}" for person, film in told]
        persons = tuple(person for person, *_ in told)
        return Frames(images, placed, persons, pairs_of(placed, films))


def _box(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Where a detector would draw its box around a face."""
    box = true_box(points)
    return box.left, box.top, box.right, box.bottom


def film_of(record: Mapping[str, Any]) -> str:
    """What pictures of one person must share to make a pair; empty where no film is told."""
    for name in ("sequence", "clip"):
        if record.get(name) is not None:
            return f"{name} {record[name]}"
    return ""


def pairs_of(points: NDArray[np.float64], films: Sequence[str]) -> NDArray[np.int64]:
    """All ordered pairs of different pictures of one film whose heads are turned alike.

    Parameters
    ----------
    points : (n, 68, 2) float array
    films : sequence of str
        Of each; person included.

    Returns
    -------
    pairs : (m, 2) int array
        In the order of the pictures.
    """
    if not len(points):
        return np.empty((0, 2), np.int64)
    pose = ExpressionModel.load().estimate(points)
    turn = np.stack([np.asarray(pose.yaw), np.asarray(pose.pitch)], axis=1)
    usable = (np.abs(turn) <= [YAW, PITCH]).all(axis=1)
    members: dict[str, list[int]] = {}
    for place, film in enumerate(films):
        if usable[place]:
            members.setdefault(film, []).append(place)

    def found() -> Iterator[tuple[int, int]]:
        for places in members.values():
            for one in places:
                for other in places:
                    if one != other and np.abs(turn[one] - turn[other]).max() <= _TURNED:
                        yield one, other

    return np.array(sorted(found()), dtype=np.int64).reshape(-1, 2)
