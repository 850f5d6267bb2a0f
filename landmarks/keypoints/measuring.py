"""Predictions beside the truth: faces are framed, networks asked, answers gathered."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from landmarks import predictor as dlib_predictor
from landmarks import scheme
from landmarks.detector import Box
from landmarks.keypoints.framing import Framer
from landmarks.keypoints.held_faces import HeldFace
from landmarks.keypoints.predictor import Fits
from landmarks.keypoints.scores import Floats, face_errors, residuals
from landmarks.metrics import inter_ocular_distances

SHOWN = 20
"""So many of the worst faces, and of those that were lost, are kept as pictures."""

_CHUNK = 128  # faces whose pictures are held at once


class Network(Protocol):
    """What is evaluated: `landmarks.keypoints.predictor.Predictor`, or whatever answers alike."""

    def predict_many(self, images: Any, boxes: Any) -> Fits:
        """Landmarks of one face in each of many pictures."""
        ...


class Shown(NamedTuple):
    """A face for a picture of the worst.

    Attributes
    ----------
    row : int
        Of the arrays of `Measured`.
    image : (H, W, 3) uint8 array
    """

    row: int
    image: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Measured:
    """Truth and predictions of n faces, in pixels of their pictures.

    Attributes
    ----------
    shards, keys, persons, files : tuple of str
        Where each face comes from; `files` is empty where nobody tells.
    truth : (n, 68, 2) float array
    boxes : (n, 4) float array
        Left, top, right, bottom; NaN where the face was lost.
    points : (n, 68, 2) float array
        NaN where the face was lost, as below.
    radius : (n, 68) float array or None
    trust : (n,) float array or None
    dlib : (n, 68, 2) float array or None
        What dlib's predictor places in the same boxes.
    found_by_dlib : (n,) bool array or None
        Of faces that were lost: whether dlib's detector alone finds them.
    worst, lost : tuple of Shown
        The largest errors, worst first; the first lost faces.
    """

    shards: tuple[str, ...]
    keys: tuple[str, ...]
    persons: tuple[str, ...]
    files: tuple[str, ...]
    truth: Floats
    boxes: Floats
    points: Floats
    radius: Floats | None
    trust: Floats | None
    dlib: Floats | None
    found_by_dlib: NDArray[np.bool_] | None
    worst: tuple[Shown, ...] = field(repr=False)
    lost: tuple[Shown, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def found(self) -> NDArray[np.bool_]:
        """(n,) whether a box was found."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1))

    def relative_radius(self) -> Floats | None:
        """(n, 68) radii in inter-ocular distances."""
        if self.radius is None:
            return None
        return self.radius / inter_ocular_distances(self.truth)[:, None]


def measure(
    faces: Iterable[HeldFace],
    network: Network,
    framer: Framer,
    *,
    dlib: dlib_predictor.Predictor | None = None,
    second: Framer | None = None,
    progress: str | None = None,
) -> Measured:
    """Ask a network about faces.

    Parameters
    ----------
    faces : iterable of HeldFace
    network : Network
    framer : Framer
        Gives the box of each face (`landmarks.keypoints.framing.make_framer`).
    dlib : landmarks.predictor.Predictor, optional
        Asked in the same boxes.
    second : Framer, optional
        Looks for the faces that the first does not find.
    progress : str, optional
        Show a bar with this name on stderr, where that is a terminal.

    Returns
    -------
    measured : Measured
        Of no faces where there are none.
    """
    bar = tqdm(
        faces,
        desc=progress,
        unit="face",
        leave=False,
        disable=None if progress is not None else True,
    )
    parts: list[dict[str, Any]] = []
    keeper = _Keeper()
    for chunk in _chunks(bar):
        parts.append(_ask(chunk, network, framer, dlib, second))
        keeper.look(chunk, parts[-1])
    if not parts:
        return _NONE
    joined = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return Measured(**joined, worst=keeper.worst(), lost=tuple(keeper.lost))


_NO_POINTS = np.empty((0, scheme.COUNT, 2))
_NONE = Measured(
    *((),) * 4, _NO_POINTS, np.empty((0, 4)), _NO_POINTS, *(None,) * 4, worst=(), lost=()
)


def _chunks(faces: Iterable[HeldFace]) -> Iterator[list[HeldFace]]:
    waiting = iter(faces)
    while chunk := list(itertools.islice(waiting, _CHUNK)):
        yield chunk


def _ask(
    chunk: Sequence[HeldFace],
    network: Network,
    framer: Framer,
    dlib: dlib_predictor.Predictor | None,
    second: Framer | None,
) -> dict[str, Any]:
    samples = [face.sample for face in chunk]
    boxes = [framer(sample.image, sample.points) for sample in samples]
    rows = [row for row, box in enumerate(boxes) if box is not None]
    asked = np.array([_sides(boxes[row]) for row in rows]).reshape(-1, 4)
    fits = network.predict_many([samples[row].image for row in rows], asked)
    found_again = theirs = None
    if second is not None:
        lost = [box is None for box in boxes]
        again = [
            bool(missed and second(sample.image, sample.points))
            for sample, missed in zip(samples, lost, strict=True)
        ]
        found_again = np.array(again)
    if dlib is not None:
        placed = [dlib(_grey(samples[row].image), box) for row in rows if (box := boxes[row])]
        theirs = _spread(np.array(placed).reshape(-1, scheme.COUNT, 2), rows, len(chunk))
    return {
        "shards": tuple(face.shards for face in chunk),
        "keys": tuple(sample.key for sample in samples),
        "persons": tuple(face.person for face in chunk),
        "files": tuple(str(sample.record.get("file", "")) for sample in samples),
        "truth": np.array([sample.points for sample in samples]),
        "boxes": _spread(asked, rows, len(chunk)),
        "points": _spread(fits.points, rows, len(chunk)),
        "radius": None if fits.radius is None else _spread(fits.radius, rows, len(chunk)),
        "trust": None if fits.trust is None else _spread(fits.trust, rows, len(chunk)),
        "dlib": theirs,
        "found_by_dlib": found_again,
    }


def _grey(image: NDArray[np.uint8]) -> NDArray[Any]:
    # As `python -m landmarks.extract` shows pictures to dlib, which weighs colours otherwise.
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _sides(box: Box | None) -> tuple[float, float, float, float]:
    assert box is not None
    return box.left, box.top, box.right, box.bottom


def _spread(values: Floats, rows: Sequence[int], count: int) -> Floats:
    """Values of some rows among `count`, NaN in the others."""
    spread = np.full((count, *values.shape[1:]), np.nan)
    spread[list(rows)] = values
    return spread


def _joined(values: list[Any]) -> Any:
    if values[0] is None:
        return None
    if isinstance(values[0], tuple):
        return tuple(itertools.chain.from_iterable(values))
    return np.concatenate(values)


class _Keeper:
    """Holds the pictures of the worst faces only, however many there are."""

    def __init__(self) -> None:
        self._seen = 0
        self._worst: list[tuple[float, int, NDArray[np.uint8]]] = []  # a heap, the least first
        self.lost: list[Shown] = []

    def look(self, chunk: Sequence[HeldFace], part: dict[str, Any]) -> None:
        errors = face_errors(residuals(part["points"], part["truth"]))
        for row, face in enumerate(chunk):
            number, image = self._seen + row, face.sample.image
            if np.isnan(part["boxes"][row]).any():
                if len(self.lost) < SHOWN:
                    self.lost.append(Shown(number, image))
                continue
            heapq.heappush(self._worst, (float(errors[row]), -number, image))
            if len(self._worst) > SHOWN:
                heapq.heappop(self._worst)
        self._seen += len(chunk)

    def worst(self) -> tuple[Shown, ...]:
        ordered = sorted(self._worst, key=lambda item: item[:2], reverse=True)
        return tuple(Shown(-number, image) for _, number, image in ordered)
