"""Emotions of the faces in photographs: many files, many processes, one bad file stops nothing."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from classifier.alignment import aligned_points
from classifier.dataset import cut_face
from classifier.finding import faces_in
from classifier.model import Classifier, load_classifier
from landmarks.errors import ImageError, InputError
from landmarks.faces import Face, FaceFinder, Settings
from landmarks.image import Picture
from landmarks.inputs import Source
from landmarks.keypoints.predictor import SMALL as SMALL_LANDMARKS
from landmarks.pool import OrderedPool

Array = NDArray[Any]

_AT_ONCE = 256  # faces whose intensity is estimated together


@dataclass(frozen=True, eq=False)
class Told:
    """One face.

    Attributes
    ----------
    file : str
    face : int
        0 for the first of its picture.
    box : (left, top, right, bottom)
        In pixels.
    emotion : str
        The most probable one.
    probabilities : dict
        Emotion → probability; they sum to 1.
    intensity : float
        By `calibration.ExpressionModel`: 0 is neutral, 1 the full expression; of the told emotion,
        or where that is neutral or contempt, of whatever its landmarks show.
    points : (68, 2) float array
        Landmarks (x, y) in pixels.
    """

    file: str
    face: int
    box: tuple[float, float, float, float]
    emotion: str
    probabilities: dict[str, float]
    intensity: float
    points: NDArray[np.float64]


class Missed(NamedTuple):
    """A picture of which nothing is told.

    Attributes
    ----------
    file, reason : str
    """

    file: str
    reason: str


class _Answer(NamedTuple):
    faces: list[tuple[tuple[float, float, float, float], Array, Array]]  # box, points, shares
    reason: str


def tell(
    sources: Sequence[Source],
    model: str = "small",
    *,
    faces: str = "largest",
    jobs: int = 1,
) -> Iterator[Told | Missed]:
    """Emotions of the faces in photographs, in the order of the files.

    Parameters
    ----------
    sources : sequence of Source
        As `landmarks.inputs.expand` gives them.
    model : str, optional
        As `classifier.model.load_classifier`.
    faces : {'largest', 'all'}, optional
        Of each picture.
    jobs : int, optional
        Processes.

    Yields
    ------
    told : Told or Missed

    Raises
    ------
    InputError
        A source is a film, or the classifier cannot be used.
    """
    for source in sources:
        if source.film:
            raise InputError(
                f"{source.path} is a film: expected photographs (landmarks.extract reads films)"
            )
    classes = load_classifier(model).classes
    work = OrderedPool(_work, functools.partial(_prepare, model, faces, jobs == 1), jobs, ahead=32)
    yield from _with_intensity(work.run([source.path for source in sources]), classes)


_classifier: Classifier | None = None
_finder: FaceFinder | None = None


def _prepare(model: str, faces: str, alone: bool) -> None:
    global _classifier, _finder
    if not alone:
        cv2.setNumThreads(1)  # the processes already fill the cores
        os.environ["OMP_NUM_THREADS"] = "1"
    _classifier = load_classifier(model)
    _finder = FaceFinder(Settings(predictor=SMALL_LANDMARKS, faces=faces), check=False)


def _work(path: str) -> _Answer:
    assert _classifier is not None
    try:
        picture = Picture(path)
        found = faces_in(picture, _finder)
        if not found:
            return _Answer([], "shows no face that is found")
        return _Answer(_judged(picture, found, _classifier), "")
    except ImageError as error:
        return _Answer([], str(error))
    except InputError as error:
        return _Answer([], f"{path}: {error}")
    # One picture must not end the work on a thousand others; its reason is told.
    except Exception as error:
        return _Answer([], f"{path} failed: {type(error).__name__}: {error}")


def _judged(picture: Picture, found: list[Face], classifier: Classifier) -> list[Any]:
    points = np.stack([face.points for face in found])
    config = classifier.config
    if classifier.looks:
        grey = config.channels == 1
        image = picture.grey() if grey else picture.rgb()
        squares = np.stack(
            [cut_face(image, one, config.side, config.channels, 1) for one in points]
        )
    else:
        squares = np.zeros((len(points), 0, 0), np.uint8)
    shares = classifier.probabilities(squares, aligned_points(points))
    boxes = [(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in found]
    return list(zip(boxes, points, shares, strict=True))


def _with_intensity(
    answers: Iterable[tuple[str, Any]], classes: Sequence[str]
) -> Iterator[Told | Missed]:
    waiting: list[Told | Missed] = []
    count = 0
    for file, answer in answers:
        if not isinstance(answer, _Answer):
            waiting.append(Missed(file, f"{file} ended the process that read it"))
            continue
        if answer.reason:
            waiting.append(Missed(file, answer.reason))
        for number, (box, points, shares) in enumerate(answer.faces):
            named = dict(zip(classes, shares.tolist(), strict=True))
            best = max(named, key=named.__getitem__)
            waiting.append(Told(file, number, box, best, named, np.nan, points))
            count += 1
        if count >= _AT_ONCE:
            yield from _estimated(waiting)
            waiting, count = [], 0
    yield from _estimated(waiting)


@functools.lru_cache(maxsize=1)
def _expressions() -> Any:
    from calibration import ExpressionModel

    return ExpressionModel.load()


def _estimated(waiting: list[Told | Missed]) -> Iterator[Told | Missed]:
    told = [one for one in waiting if isinstance(one, Told)]
    if not told:
        yield from waiting
        return
    estimate = _expressions().estimate(np.stack([one.points for one in told]))
    rows = iter(range(len(told)))
    for one in waiting:
        if isinstance(one, Missed):
            yield one
            continue
        row = next(rows)
        shown = float(estimate.intensity[row])
        if one.emotion in estimate.emotions:
            shown = float(estimate.intensities[row, estimate.emotions.index(one.emotion)])
        yield Told(**{**vars(one), "intensity": shown})
