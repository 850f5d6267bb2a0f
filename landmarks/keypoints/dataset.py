"""The faces of shards, decoded once and held as uint8."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.errors import ImageError, InputError
from landmarks.image import read_image
from landmarks.inputs import expand
from landmarks.keypoints.config import Config
from landmarks.keypoints.crops import square, typical_box
from landmarks.samples import Sample, ShardError, split_of
from landmarks.shards import read_shards

Array = NDArray[Any]

ROOM = 1.6
"""Side of a stored picture in sides of the network's input: what turns and shifts may need."""

POINTS_BY = "points_by"
"""In a sample's record: the network that placed its points. They teach, but judge nobody."""

_Found: TypeAlias = tuple[Array, Array, str, str]  # picture, points, person, key
_LONGEST, _SHORTEST = 640, 8  # sides of a picture without faces, in pixels


class DatasetError(InputError):
    """Shards hold nothing that can be trained on."""


@dataclass(frozen=True)
class Faces:
    """Faces of one source.

    Attributes
    ----------
    images : (n, S, S) or (n, S, S, 3) uint8 array
        Grey or RGB; the square around the face is in the middle, as wide as the network's input.
    points : (n, 68, 2) float32 array
        (x, y) in pixels of `images`.
    persons : tuple of str
    names : tuple of str
        Shard's key of each.
    """

    images: Array
    points: Array
    persons: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Loaded:
    """What shards gave.

    Attributes
    ----------
    train : tuple of Faces
        Of training persons, one for each source that has any.
    validation : Faces
        Of validation persons of the first source: its labels are what is learnt.
    test : int
        Faces of test persons, which nothing looks at.
    placed : int
        Faces of validation persons of the first source that are left out, because a network placed
        their points.
    errors : tuple of ShardError
        Samples and shards that cannot be read.
    """

    train: tuple[Faces, ...]
    validation: Faces
    test: int
    placed: int
    errors: tuple[ShardError, ...]

    def digest(self, backgrounds: Sequence[Array] = ()) -> str:
        """Equal for equal faces in equal order, source by source, and equal backgrounds."""
        told = hashlib.sha256()
        for faces in (*self.train, self.validation):
            told.update(f"{len(faces)} faces".encode())
            told.update(np.ascontiguousarray(faces.images).data)
            told.update(np.ascontiguousarray(faces.points).data)
        for image in backgrounds:
            told.update(f"{image.shape}".encode())
            told.update(np.ascontiguousarray(image).data)
        return told.hexdigest()


def as_channels(image: Array, channels: int) -> Array:
    """An RGB picture as (H, W) grey or as it is."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if channels == 1 else image


def placed_by_network(record: Mapping[str, Any]) -> bool:
    """Whether a sample's points are a network's answers and not labels."""
    return bool(record.get(POINTS_BY))


def stored_face(sample: Sample, config: Config) -> tuple[Array, Array]:
    """A sample's face as it is held in memory: picture and points in its pixels."""
    centre, width = typical_box(sample.points)
    side = round(ROOM * config.side)
    crop = square(centre, config.factor * width * side / config.side, side)
    points = crop.to_crop(sample.points) * side - 0.5
    return crop.cut(as_channels(sample.image, config.channels)), points.astype(np.float32)


def load_faces(sources: Sequence[str | os.PathLike[str]], config: Config) -> Loaded:
    """Decode shards.

    Parameters
    ----------
    sources : sequence of path-like
        Each a shard or a folder of them.
    config : Config

    Returns
    -------
    loaded : Loaded

    Raises
    ------
    InputError
        A source is missing; there are fewer than two training persons, or no validation person;
        the first source has none of either.
    """
    errors: list[ShardError] = []
    parts: list[dict[str, list[_Found]]] = []
    placed = 0
    for source in sources:
        part: dict[str, list[_Found]] = {}
        for sample in read_shards(source, on_damage=errors.append):
            person = str(sample.record.get("person", sample.key))
            split = split_of(person)
            if config.leaks and split == "test":
                split = "train"
            if split == "validation" and placed_by_network(sample.record):
                placed += not parts  # those of further sources judge nobody anyway
                continue
            try:
                face = ((), ()) if split == "test" else stored_face(sample, config)
            except (ValueError, ZeroDivisionError, cv2.error):
                errors.append(ShardError(f"{source}: sample {sample.key} has no face's points"))
                continue
            part.setdefault(split, []).append((*face, person, sample.key))
        parts.append(part)
    shape = (round(ROOM * config.side),) * 2 + ((3,) if config.channels == 3 else ())
    train = tuple(_faces(part["train"], shape) for part in parts if part.get("train"))
    _check_persons([os.fspath(source) for source in sources], parts, placed, errors)
    validation = _faces(parts[0]["validation"], shape)
    test = sum(len(part.get("test", ())) for part in parts)
    return Loaded(train, validation, test, placed, tuple(errors))


def _check_persons(
    sources: list[str],
    parts: list[dict[str, list[_Found]]],
    placed: int,
    errors: list[ShardError],
) -> None:
    def persons(split: str, among: list[dict[str, list[_Found]]]) -> int:
        return len({person for part in among for _, _, person, _ in part.get(split, ())})

    why = f"; {placed} more, whose points a network placed, cannot judge" if placed else ""
    why += f" ({errors[0]})" if errors else ""
    train, validation = persons("train", parts), persons("validation", parts)
    if train < 2 or not validation:
        raise DatasetError(
            f"{train} training and {validation} validation persons in {', '.join(sources)}: "
            f"expected at least 2 and 1{why}"
        )
    train, validation = persons("train", parts[:1]), persons("validation", parts[:1])
    if not train or not validation:
        raise DatasetError(
            f"{sources[0]} holds {train} training and {validation} validation persons: expected "
            f"both of what is given first, whose labels the network learns and is judged by{why}"
        )


def _faces(found: list[_Found], shape: tuple[int, ...]) -> Faces:
    images = np.empty((len(found), *shape), np.uint8)
    points = np.empty((len(found), 68, 2), np.float32)
    for row, (image, place, _, _) in enumerate(found):
        images[row], points[row] = image, place
    return Faces(
        images,
        points,
        tuple(person for _, _, person, _ in found),
        tuple(name for _, _, _, name in found),
    )


def load_backgrounds(
    paths: Iterable[str],
    config: Config,
    on_damage: Callable[[ImageError], object] = lambda error: None,
) -> list[Array]:
    """Pictures without faces, at most 640 pixels wide or high.

    Parameters
    ----------
    paths : iterable of str
        Pictures, or folders of them.
    config : Config
    on_damage : callable, optional
        Called with the error of each picture that cannot be read or is too narrow, which is then
        left out.

    Raises
    ------
    InputError
        A path is missing, or none of the pictures can be used.
    """
    paths = list(paths)
    found: list[Array] = []
    first: ImageError | None = None
    for source in expand(paths, recursive=True) if paths else []:
        try:
            found.append(as_channels(_background(source.path), config.channels))
        except ImageError as error:
            first = first or error
            on_damage(error)
    if paths and not found:
        raise DatasetError(f"no picture that can be read in {', '.join(paths)} ({first})")
    return found


def _background(path: str) -> Array:
    image = read_image(path)
    height, width = image.shape[:2]
    times = min(1.0, _LONGEST / max(height, width))
    if times * min(height, width) < _SHORTEST:
        raise ImageError(
            f"{path} has {width}×{height} pixels: expected a picture of at least {_SHORTEST} in "
            f"each direction, when the longer one is at most {_LONGEST}"
        )
    if times < 1:
        image = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    return image
