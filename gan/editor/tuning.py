"""Edits are looked at again and corrected until they show what was asked for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan.editor.dialled import Dialled
from gan.editor.repair import Repaired, Repairer
from gan.editor.row import Reader, Row, make, torn
from landmarks import scheme

Array = NDArray[Any]

_PUSHED = 0.05
# How far landmarks may be moved beyond where they are wanted, in inter-ocular distances.
_JAW = list(scheme.REGIONS["jaw"])


def tune(rows: Sequence[Row], repairer: Repairer, reader: Reader, film: bool = False) -> None:
    """Make the edits of rows, and make them anew until their faces show what was asked for.

    Parameters
    ----------
    rows : sequence of Row
    repairer : Repairer
    reader : Reader
    film : bool, optional
        What lies between the intensities counts too: requests follow a smooth curve.

    Notes
    -----
    A face is always made from its photograph, never from an edit. Predictors follow what is done
    to a face by a part only, another one in each face: each edit tells how far, and the next
    request goes as much farther. In the end each intensity gets the edit that shows it best, of all
    that were made, so that requests and readings rise. What cannot be asked for at several
    strengths is pushed by what its landmarks lack; where what is read does not decide
    (`Target.tells`), a face is made once.
    """
    make([row for row in rows if not row.target.tells], repairer)
    rows = [row for row in rows if row.target.tells]
    dials = [Dialled(row, film) for row in rows if row.target.scalable]
    others = [_Pushed(row) for row in rows if not row.target.scalable]
    going: list[Dialled | _Pushed] = [*dials, *others]
    while going:
        make([one.row for one in going], repairer)
        going = [one for one in going if one.look(reader) and one.correct()]
    for dial in dials:
        dial.settle(reader)
    make([dial.row for dial in dials if dial.row.made is None], repairer)
    for other in others:
        other.settle()


class _Pushed:
    """A row that can only be pushed by what its landmarks lack."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._tries: list[tuple[float, Array, Array, list[Repaired]]] = []
        self._lack = np.zeros_like(row.goal)

    def look(self, reader: Reader) -> bool:
        """Find the landmarks of the edits that were made."""
        row = self.row
        assert row.made is not None
        self._lack = row.goal - row.found(reader.steady)[0]
        bad = any(torn(edit.moves) for edit in row.made)
        off = np.inf if bad and self._tries else float(np.abs(self._lack).mean())
        self._tries.append((off, row.pushed, row.wanted, row.made))
        return True

    def correct(self) -> bool:
        """Push once."""
        row = self.row
        if len(self._tries) > 1:
            return False
        pushed = _bounded(_smooth(row.asked, self._lack), row.subject.eyes)
        # A jaw is found loosely, and what is behind it would move with it.
        pushed[:, _JAW] = 0
        row.ask(row.requests, pushed)
        return True

    def settle(self) -> None:
        """Take the better one."""
        row = self.row
        _, row.pushed, row.wanted, row.made = min(self._tries, key=lambda one: one[0])


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
