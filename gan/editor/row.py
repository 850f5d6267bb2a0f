"""One face at several intensities, on its way to being edited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.expression import ExpressionModel
from gan.editor.edited import EditedFace
from gan.editor.repair import Repaired, Repairer
from gan.editor.subject import Subject
from gan.editor.warp import Moves
from gan.editor.wish import Target
from landmarks.detector import Box
from landmarks.placing import Placer
from landmarks.views import Views

Array = NDArray[Any]

_TORN = 0.006
# Share of the square that may be turned inside out; around lips that part some always is.


class Row:
    """One face at several intensities.

    Parameters
    ----------
    subject : Subject
    target : Target
    asked : (S,) array_like
        Intensities, rising.

    Attributes
    ----------
    subject, target, asked
        As given.
    goal : (S, 68, 2) float array
        Where the landmarks should be found, in pixels of the photograph.
    requests : (S,) float array
        Intensities that the landmarks are moved to, so that the face shows `asked`.
    pushed : (S, 68, 2) float array
        Pixels by which they are moved beyond, so that the face shows them there.
    wanted : (S, 68, 2) float array
        The landmarks that come of it, in pixels of the photograph.
    made : list of S Repaired, or None
        The edits in the square, once they are made.
    """

    def __init__(self, subject: Subject, target: Target, asked: ArrayLike) -> None:
        self.subject, self.target = subject, target
        self.asked = np.asarray(asked, dtype=np.float64)
        self.goal = target.points(self.asked)
        self.ask(self.asked, np.zeros_like(self.goal))

    def ask(self, requests: Array, pushed: Array) -> None:
        """Ask for other landmarks."""
        self.requests, self.pushed = requests, pushed
        self.wanted = self.target.points(requests) + pushed
        self.made: list[Repaired] | None = None

    def onto(self, picture: NDArray[np.uint8], place: int) -> None:
        """Write the edit at one of the intensities into a picture (H, W, 3), in place.

        Where faces are close together, the edits of those that were written before stay.
        """
        assert self.made is not None
        self.subject.patch(picture, self.made[place]).onto(picture)

    def found(self, *places: Placer) -> list[Array]:
        """For each predictor, landmarks (S, 68, 2) of the edited faces in the photograph."""
        assert self.made is not None
        found = [self.subject.found(places, edit) for edit in self.made]
        return [np.stack(points) for points in zip(*found, strict=True)]

    def told(self, place: Placer | None) -> EditedFace:
        """What was done at the first intensity, read again where a predictor is given."""
        found = None if place is None else self.found(place)[0]
        return EditedFace(
            self.subject.source,
            self.wanted[0],
            self.target.emotion,
            self.target.intensity,
            None if found is None else found[0],
            None if found is None else max(float(self.target.read(found)[0]), 0.0),
            self.target.tells,
        )


def make(rows: Sequence[Row], repairer: Repairer) -> None:
    """Make the edits of rows, all in one batch."""
    if not rows:
        return
    counts = [len(row.requests) for row in rows]
    made = repairer(
        np.repeat([row.subject.square for row in rows], counts, axis=0),
        np.repeat([row.subject.points for row in rows], counts, axis=0),
        np.concatenate([row.subject.in_square(row.wanted) for row in rows]),
    )
    start = 0
    for row, count in zip(rows, counts, strict=True):
        row.made = made[start : start + count]
        start += count


def drawn(picture: NDArray[np.uint8], rows: Sequence[Row], place: int = 0) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with the edits of its faces at one of their intensities."""
    edited = picture.copy()
    for row in rows:
        row.onto(edited, place)
    return edited


class Reader(NamedTuple):
    """What looks at edited faces.

    Attributes
    ----------
    steady : Placer
        Finds their landmarks.
    plain : Placer
        Finds them as anybody would who looks at the result, in whole pixels.
    model : ExpressionModel
        Reads what `plain` finds.
    search : callable
        Finds the boxes of faces.
    """

    steady: Placer
    plain: Placer
    model: ExpressionModel
    search: Callable[[Views], list[Box]]


def torn(moved: Moves) -> bool:
    """Whether a warp turns much of the face inside out."""
    maps = [moved.face] if moved.mouth is None else [moved.face, moved.mouth.lower]
    return max(_inside_out(coordinates) for coordinates in maps) > _TORN


def _inside_out(coordinates: Array) -> float:
    """Share of a backward map (SIDE, SIDE, 2) that is turned inside out."""
    across = np.diff(coordinates, axis=1)[:-1]
    along = np.diff(coordinates, axis=0)[:, :-1]
    area = across[..., 0] * along[..., 1] - across[..., 1] * along[..., 0]
    return float((area < 0).mean())
