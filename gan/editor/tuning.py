"""A dial that shows what it says: an edited face is looked at again, and asked for more or less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.compose import Patch
from gan.editor.repair import Repaired, Repairer
from gan.editor.subject import Subject
from gan.editor.wish import Target
from landmarks.placing import Placer

Array = NDArray[Any]

ROUNDS = 2
"""How often a request is corrected at most."""

_CLOSE = 0.03
# A row that is off by less is left as it is.
_FARTHEST = 1.0
# How far a request may go from what was asked for.
_GAINS = (0.4, 2.0)
# What one more in a request may be believed to give.


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
    requests : (S,) float array
        Intensities that the landmarks are moved to, so that the face shows `asked`.
    wanted : (S, 68, 2) float array
        These landmarks, in pixels of the photograph.
    made : Repaired or None
        The edits in the square, once they are made.
    """

    def __init__(self, subject: Subject, target: Target, asked: ArrayLike) -> None:
        self.subject, self.target = subject, target
        self.asked = np.asarray(asked, dtype=np.float64)
        self.ask(self.asked)

    def ask(self, requests: Array) -> None:
        """Ask for landmarks at other intensities."""
        self.requests = requests
        self.wanted = self.target.points(requests)
        self.made: Repaired | None = None

    def patch(self, place: int) -> Patch:
        """What changes in the photograph at one of the intensities."""
        assert self.made is not None
        return self.subject.patch(*(values[place] for values in self.made))

    def found(self, place: Placer) -> Array:
        """Landmarks (S, 68, 2) of the edited faces, in pixels of the photograph."""
        assert self.made is not None
        return np.stack([self.subject.found(place, *edit) for edit in zip(*self.made, strict=True)])


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
    A face is always made from its photograph, never from an edit. Requests of a row stay in their
    order, so that a dial rises; a correction that makes a row worse is taken back.
    """
    going = [_Tuned(row) for row in rows if row.target.scalable]
    begun = list(going)
    for turn in range(ROUNDS + 1):
        for tuned in going:
            tuned.look(place)
        going = [tuned for tuned in going if turn < ROUNDS and tuned.correct()]
        make([tuned.row for tuned in going], repairer)
    for tuned in begun:
        tuned.keep_best()


class _Tuned:
    """A row, what it should show, and the best that was seen."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.goal = row.target.read(row.wanted)
        self.off = self.before = self.tried = np.zeros(len(row.asked))
        self.gain = np.ones(len(row.asked))
        self.best = (np.inf, row.requests, row.wanted, row.made)

    def look(self, place: Placer) -> None:
        row = self.row
        off = self.goal - row.target.read(row.found(place))
        step = row.requests - self.tried
        moved = np.abs(step) > 1e-3
        if np.isfinite(self.best[0]):
            gain = (self.off - off) / np.where(moved, step, 1)
            self.gain = np.clip(np.where(moved, gain, self.gain), *_GAINS)
        self.off, self.tried = off, row.requests
        worst = float(np.abs(off).max())
        if worst < self.best[0]:
            self.best = (worst, row.requests, row.wanted, row.made)

    def correct(self) -> bool:
        """Ask for more or less; False where the row is close enough."""
        row = self.row
        if np.abs(self.off).max() <= _CLOSE:
            return False
        requests = row.requests + self.off / self.gain
        near = np.clip(requests, np.maximum(row.asked - _FARTHEST, 0), row.asked + _FARTHEST)
        row.ask(np.maximum.accumulate(near))
        return True

    def keep_best(self) -> None:
        _, self.row.requests, self.row.wanted, self.row.made = self.best


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

    row.ask(np.maximum(PchipInterpolator(row.asked, row.requests)(asked), 0))
