"""A dial that shows what it says: an edited face is looked at again, and asked for more or less."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.edited import EditedFace
from gan.editor.repair import Repaired, Repairer
from gan.editor.subject import Subject
from gan.editor.wish import Target
from landmarks import scheme
from landmarks.placing import Placer

Array = NDArray[Any]

ROUNDS = 2
"""How often a face is corrected at most: its landmarks first, then its intensity."""

_CLOSE = 0.02
# A row whose intensities are off by less on average is left as it is.
_FARTHEST, _MOST = 1.0, 2.0
# How far a request may go from what was asked for, and at all.
_PUSHED = 0.05
# How far landmarks may be moved beyond where they are wanted, in inter-ocular distances.
_TORN = 0.004
# Share of the square that may be turned inside out; around lips that part a little always is.
_JAW = list(scheme.REGIONS["jaw"])


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
    made : Repaired or None
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
        self.made: Repaired | None = None

    def onto(self, picture: NDArray[np.uint8], place: int) -> None:
        """Write the edit at one of the intensities into a picture (H, W, 3), in place.

        Where faces are close together, the edits of those that were written before stay.
        """
        assert self.made is not None
        self.subject.patch(picture, *(values[place] for values in self.made)).onto(picture)

    def found(self, place: Placer) -> Array:
        """Landmarks (S, 68, 2) of the edited faces, in pixels of the photograph."""
        assert self.made is not None
        return np.stack([self.subject.found(place, *edit) for edit in zip(*self.made, strict=True)])

    def told(self, place: Placer | None) -> EditedFace:
        """What was done at the first intensity, read again where a predictor is given."""
        found = None if place is None else self.found(place)
        return EditedFace(
            self.subject.source,
            self.wanted[0],
            self.target.emotion,
            self.target.intensity,
            None if found is None else found[0],
            None if found is None else float(self.target.read(found)[0]),
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
        row.made = Repaired(*(values[start : start + count] for values in made))
        start += count


def tune(rows: Sequence[Row], repairer: Repairer, place: Placer) -> None:
    """Correct what is asked of rows until their faces show it.

    Parameters
    ----------
    rows : sequence of Row
        Made; those that cannot be scaled stay as they are.
    repairer : Repairer
    place : Placer
        Finds the landmarks of the edited faces.

    Notes
    -----
    A face is always made from its photograph, never from an edit. What the predictor finds falls
    short of what it is shown: first each landmark is pushed by what it lacks, then the intensity.
    Pushes are a smooth function of the intensity, and requests stay in their order, so that a dial
    rises; a correction that makes a row worse is taken back.
    """
    going = begun = [_Tuned(row) for row in rows]
    for turn in range(ROUNDS + 1):
        for tuned in going:
            tuned.look(place)
        going = [tuned for tuned in going if turn < ROUNDS and tuned.correct(turn)]
        make([tuned.row for tuned in going], repairer)
        make([tuned.row for tuned in going if tuned.untear()], repairer)
    for tuned in begun:
        tuned.keep_best()


class _Tuned:
    """A row, what it should show, and the best that was seen."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.best = np.inf
        self.kept = (row.requests, row.pushed, row.wanted, row.made)
        self.off = np.zeros(len(row.asked))
        self.lack = np.zeros_like(row.goal)

    def look(self, place: Placer) -> None:
        row = self.row
        found = row.found(place)
        self.lack = row.goal - found
        self.off = row.target.read(row.goal) - row.target.read(found)
        mean = float(np.abs(self.off).mean())
        if not row.target.scalable:
            mean = float(np.abs(self.lack).mean())
        if mean < self.best:
            self.best = mean
            self.kept = (row.requests, row.pushed, row.wanted, row.made)

    def correct(self, turn: int) -> bool:
        """Ask for more or less; False where the row is close enough."""
        row = self.row
        if row.target.scalable and np.abs(self.off).mean() <= _CLOSE:
            return False
        if turn == 0:
            pushed = _bounded(_smooth(row.asked, self.lack), row.subject.eyes)
            # A jaw is found loosely, and what is behind it would move with it.
            pushed[:, _JAW] = 0
            row.ask(row.requests, pushed)
            return True
        if not row.target.scalable:
            return False
        wanted = row.requests + self.off
        most = np.maximum(np.minimum(row.asked + _FARTHEST, _MOST), row.asked)
        near = np.clip(wanted, np.maximum(row.asked - _FARTHEST, 0), most)
        row.ask(np.maximum.accumulate(near), row.pushed)
        return True

    def untear(self) -> bool:
        """Take corrections back where they turn a face inside out; True where that is so."""
        row = self.row
        assert row.made is not None
        torn = np.array([_inside_out(coordinates) > _TORN for coordinates in row.made.maps])
        if not torn.any():
            return False
        requests = np.where(torn, np.minimum(row.asked, row.requests), row.requests)
        pushed = np.where(torn[:, None, None], 0, row.pushed)
        row.ask(np.minimum.accumulate(requests[::-1])[::-1], pushed)
        return True

    def keep_best(self) -> None:
        row = self.row
        row.requests, row.pushed, row.wanted, row.made = self.kept


def _inside_out(coordinates: Array) -> float:
    """Share of a backward map (SIDE, SIDE, 2) that has its neighbours on the wrong side."""
    across = np.diff(coordinates, axis=1)[:-1]
    along = np.diff(coordinates, axis=0)[:, :-1]
    area = across[..., 0] * along[..., 1] - across[..., 1] * along[..., 0]
    return float((area < 0).mean())


def _smooth(asked: Array, values: Array) -> Array:
    """Values (S, …) as a smooth function of the intensities (S,)."""
    if len(asked) < 3:
        return values
    degree = min(2, len(asked) - 2)
    powers = np.polynomial.polynomial.polyvander(asked, degree)
    flat = values.reshape(len(asked), -1)
    fitted = powers @ np.linalg.lstsq(powers, flat, rcond=None)[0]
    return np.asarray(fitted.reshape(values.shape))


def _bounded(pushed: Array, eyes: float) -> Array:
    """Pushes (S, …, 2), none longer than a share of the inter-ocular distance."""
    length = np.linalg.norm(pushed, axis=-1, keepdims=True)
    return np.asarray(pushed * np.minimum(1, _PUSHED * eyes / np.maximum(length, 1e-9)))


def between(row: Row, asked: Array) -> None:
    """Go over to other intensities, from requests that are known at some.

    Parameters
    ----------
    row : Row
        Tuned; its edits are then those of before.
    asked : (S,) float array
        Within those of the row.

    Notes
    -----
    The curve through the known requests is smooth and rises where they rise.
    """
    from scipy.interpolate import PchipInterpolator

    requests = PchipInterpolator(row.asked, row.requests)(asked)
    row.ask(np.maximum(requests, 0), PchipInterpolator(row.asked, row.pushed)(asked))


@functools.cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Small systems are solved by one thread: others that wait for it would keep cores busy."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit
