"""One pair: the face cut out, its landmarks drawn, both files written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.photos import Photo
from gan.frame import Frame
from gan.pairs import pair_name
from landmarks.errors import ImageError, InputError, PointsError
from landmarks.faces import FaceFinder, Settings, shared_finder
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.journal import Record
from landmarks.ledger import cannot_write
from landmarks.samples import split_of
from landmarks.tables import Row

_FACE_QUALITY = 95
_LINE_QUALITY = 100  # lines on black are small anyway, and a generator sees the ringing


@dataclass(frozen=True)
class Task:
    """One photograph and the numbers of its pair."""

    photo: Photo
    person: int
    image: int

    @property
    def stem(self) -> str:
        return f"PID{self.person}_IID{self.image}"


def numbered(photos: Iterator[Photo], split: str) -> Iterator[Task]:
    """Number persons, and the photographs of each, from 1 in the order in which they come.

    Parameters
    ----------
    photos : iterator of Photo
    split : {'all', 'train', 'validation', 'test'}
        Others are counted and left out, so that numbers mean the same in every split.
    """
    persons: dict[str, int] = {}
    images: dict[int, int] = {}
    for photo in photos:
        if not photo.person:
            yield Task(photo, 0, 0)
            continue
        person = persons.setdefault(photo.person, len(persons) + 1)
        images[person] = images.get(person, 0) + 1
        if split in ("all", split_of(photo.person)):
            yield Task(photo, person, images[person])


_finder: FaceFinder | None = None
_place: tuple[Path, Frame, float] | None = None


def prepare(folder: str, frame: Frame, border: float, alone: bool) -> None:
    """Make this process ready for `work`.

    Parameters
    ----------
    folder : str
        Where the pairs go.
    frame : Frame
    border : float
        How much of the frame may lie beyond a photograph, as a share.
    alone : bool
        Whether it is the only one.
    """
    global _finder, _place
    if not alone:
        import cv2

        cv2.setNumThreads(1)  # the processes already fill the cores
    _finder = shared_finder(Settings(faces="largest"))
    _place = Path(folder), frame, border


def work(task: Task) -> Record:
    """Write one pair; what is wrong with the photograph becomes the record's reason.

    Parameters
    ----------
    task : Task

    Returns
    -------
    record : Record
        One row with the landmarks in the photograph; none where no face was found.

    Raises
    ------
    InputError
        The pair cannot be written.
    """
    assert _place is not None
    photo, (folder, frame, border) = task.photo, _place
    try:
        if photo.problem is not None:
            raise ImageError(photo.problem)
        picture = photo.pixels
        if picture is None:
            picture = Picture(photo.source, data=photo.data).rgb()
        points = _landmarks(picture) if photo.points is None else photo.points
        if points is None:
            return Record(photo.source, task.stem)
        _check_place(points, picture, photo.source)
        beyond = _beyond(frame.box(points), picture)
        if beyond > border:
            raise ImageError(
                f"{photo.source} is too tight: {beyond:.0%} of the frame around the face lies"
                f" beyond it, at most {border:.0%} may"
            )
        _write(folder, frame, task, picture, points)
    except (ImageError, PointsError) as error:
        told = str(error) if photo.source in str(error) else f"{photo.source}: {error}"
        return Record(photo.source, task.stem, error=told)
    except InputError:
        raise  # no photograph's fault
    # One photograph must not end the work on a hundred thousand; its reason is reported.
    except Exception as error:
        told = f"{photo.source} failed: {type(error).__name__}: {error}"
        return Record(photo.source, task.stem, error=told)
    row = Row(photo.source, 0, None, None, points)
    return Record(photo.source, task.stem, rows=(row,))


def _landmarks(picture: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    assert _finder is not None
    faces = _finder(picture)
    return faces[0].points if faces else None


def _check_place(points: NDArray[np.float64], picture: NDArray[np.uint8], source: str) -> None:
    height, width = picture.shape[:2]
    x, y = points.mean(axis=0)
    if not (0 <= x < width and 0 <= y < height):
        raise ImageError(
            f"{source} has {width}×{height} pixels and landmarks around ({x:.0f}, {y:.0f}): they"
            " are of another picture"
        )


def _beyond(box: tuple[float, float, float, float], picture: NDArray[np.uint8]) -> float:
    """Share of a box that lies beyond a picture, and would repeat its border."""
    height, width = picture.shape[:2]
    left, top, right, bottom = box
    across = max(0.0, min(right, width) - max(left, 0.0)) / (right - left)
    down = max(0.0, min(bottom, height) - max(top, 0.0)) / (bottom - top)
    return round(1 - across * down, 9)  # a sum of floats would miss 0 by a little


def _write(
    folder: Path,
    frame: Frame,
    task: Task,
    picture: NDArray[np.uint8],
    points: NDArray[np.float64],
) -> None:
    face = Image.fromarray(frame.cut(picture, points))
    lines = Image.fromarray(frame.draw(frame.place(points))[..., 0])
    for kind, image, quality in ((0, lines, _LINE_QUALITY), (1, face, _FACE_QUALITY)):
        target = folder / pair_name(str(task.person), face=kind == 1, image=task.image)
        try:
            with replacing(target, "wb", durable=False) as handle:
                image.save(handle, format="JPEG", quality=quality, subsampling=0)
        except OSError as error:
            raise cannot_write(target, error) from None
