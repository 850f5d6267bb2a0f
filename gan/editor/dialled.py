"""A dial that shows what it says: edits are looked at, and made anew with more or less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan.editor.repair import Repaired
from gan.editor.row import Reader, Row, torn
from gan.editor.wish import MOST

Array = NDArray[Any]

_ROUNDS, _OFTENER, _DIALLED = 2, 2, 3
# How often a face is corrected at most, and how much oftener from so many intensities on.
_CLOSE = 0.04
# Intensities whose edits are off by less are left as they are.
_TIMES, _MORE, _LEAST = 2.0, 0.5, -0.5
# How much may be requested: so many times what was asked for and so much more; and how little.
_STEP, _SLOPES, _BELIEVED = 0.8, (0.2, 1.5), 0.1
# How far a request goes at once, how steep readings are believed to rise, and how much what is
# expected of them counts. Limit and step are longer where the emotion's largest request is.
_OTHER = 0.02
# Requests that differ by less are one.
_MARGIN, _WEAK = 0.2, 0.25
# Neutral is read as 0 from so far below on: a face that reads less stays as it is. From the other
# intensity on, what is asked for is to be read.
_STEADY, _FALLS, _STAYS, _DEEP, _EVEN, _TEARS = 0.4, 0.4, 0.01, 2.0, 0.15, 2.0
# Weights: of the steady reading beside the plain one, of a reading that does not rise by so much,
# of how deep it falls, of how far a request is from a smooth curve, and of what may not be.
_ASKED_AGAIN, _SMALL, _TINY = 8, 1_500_000, 200_000
# How often edits that are to be taken are looked for anew, in pictures of so many bytes at most:
# those of a dial, and those of one intensity, which is to be quick.


class Try(NamedTuple):
    """One edit, and what it shows."""

    request: float
    wanted: Array
    edit: Repaired
    steady: float
    plain: float
    torn: bool
    certain: bool

    @property
    def read(self) -> float:
        return (self.steady + self.plain) / 2


class Dialled:
    """A row that is asked for more or less, and all edits of it."""

    def __init__(self, row: Row, film: bool) -> None:
        self.row, self._film = row, film
        self._left = _ROUNDS + _OFTENER * (len(row.asked) >= _DIALLED)
        self._tries: list[Try] = []
        still = row.target.still
        begin = 0.0 if still is None else still
        low = np.clip(begin, -_MARGIN, 0) * np.maximum(1 - row.asked / _WEAK, 0)
        self._goal = row.asked + low
        first = begin + (self._goal - begin) / row.target.followed
        self._ask(np.clip(first, _LEAST, _most(row)))

    def _ask(self, requests: Array) -> None:
        self.row.ask(requests, np.zeros((len(requests), *self.row.pushed.shape[1:])))

    def look(self, reader: Reader) -> bool:
        """Read the edits that were made."""
        row = self.row
        assert row.made is not None
        # In fewer pixels than the photograph's, whole pixels are others.
        whole = row.subject.whole and reader.plain is not reader.steady
        found = row.found(*(reader[:2] if whole else reader[:1]))
        steady = row.target.read(found[0])
        plain = row.target.read(found[1], reader.model) if whole else steady
        for place, edit in enumerate(row.made):
            self._tries.append(
                Try(
                    float(row.requests[place]),
                    row.wanted[place],
                    edit,
                    float(steady[place]),
                    float(plain[place]),
                    torn(edit.moves),
                    certain=not whole,
                )
            )
        return True

    def correct(self) -> bool:
        """Ask for more or less; False where the row is close enough."""
        self._left -= 1
        off = _off(self._tries, self.row.asked).min(axis=1)
        if self._left < 0 or off.max() <= _CLOSE:
            return False
        tries = sorted(self._tries, key=lambda one: one.request)
        read = np.array([one.read for one in tries])
        requests = np.array([one.request for one in tries])
        slope, curve = self._slope(requests, read), self._smooth(tries)
        near = _off(tries, self._goal) + _EVEN * np.abs(requests - curve[:, None])
        begin = near.argmin(axis=1)
        far = _STEP * _reach(self.row)
        step = np.clip((self._goal - read[begin]) / slope, -far, far)
        most = _most(self.row)
        wanted = np.minimum(requests[begin] + step, most)[off > _CLOSE]
        if len(self.row.asked) >= _DIALLED:
            wanted = np.concatenate([wanted, np.minimum(curve, most)[off > _CLOSE]])
        broken = min((one.request for one in self._tries if one.torn), default=np.inf)
        whole = max((one.request for one in self._tries if one.request < broken), default=0.0)
        untorn = (max(whole, 0.0) + broken) / 2
        others: list[float] = []
        for request in np.clip(wanted, _LEAST, untorn):
            if np.abs(np.append(requests, others) - request).min() > _OTHER:
                others.append(float(request))
        if others:
            self._ask(np.array(others))
        return bool(others)

    def _slope(self, requests: Array, read: Array) -> float:
        """How much readings rise for one of the request."""
        target = self.row.target
        if target.still is not None:
            requests, read = np.append(requests, target.still), np.append(read, target.still)
        off = requests - requests.mean()
        # One more observation, of what is to be expected.
        rise = (off @ read + _BELIEVED * target.followed) / (off @ off + _BELIEVED)
        return float(np.clip(rise, *_SLOPES))

    def _look_again(self, tries: list[Try], place: int, reader: Reader) -> bool:
        """Read an edit as it is found in the whole picture; False where that is known."""
        one, subject = tries[place], self.row.subject
        limit = _SMALL if len(self.row.asked) >= _DIALLED else _TINY
        if one.certain or not subject.whole or subject.photograph.size > limit:
            return False
        found = subject.found_anew(reader.search, reader.plain, one.edit)
        plain = one.plain
        if found is not None:
            plain = float(self.row.target.read(found[None], reader.model)[0])
        tries[place] = one._replace(plain=plain, certain=True)
        return True

    def settle(self, reader: Reader) -> None:
        """Take the edit for each intensity that shows it best."""
        row = self.row
        tries = sorted(self._tries, key=lambda one: one.request)
        curve = self._smooth(tries)
        if self._film:
            self._ask(curve)
            return
        for _ in range(_ASKED_AGAIN):
            places = _rising(tries, row, curve)
            if not any([self._look_again(tries, place, reader) for place in set(places)]):
                break
        taken = [tries[k] for k in _rising(tries, row, curve)]
        row.requests = np.array([one.request for one in taken])
        row.wanted = np.stack([one.wanted for one in taken])
        row.made = [one.edit for one in taken]

    def _smooth(self, tries: Sequence[Try]) -> Array:
        """Requests of a curve through all readings."""
        kept = [one for one in tries if not one.torn] or tries[:1]
        requests = np.array([one.request for one in kept])
        read = np.array([one.read for one in kept])
        grid = np.linspace(requests[0], requests[-1], 101)
        curve = np.polynomial.Polynomial.fit(requests, read, min(2, len(kept) - 1))
        rising = np.maximum.accumulate(curve(grid)) + 1e-6 * grid
        return np.maximum.accumulate(np.interp(self._goal, rising, grid))


def _reach(row: Row) -> float:
    """How many times farther than usual requests go."""
    return max(row.target.most / MOST, 1.0)


def _most(row: Row) -> Array:
    """Largest requests (S,) for the intensities."""
    limit = _reach(row) * (_TIMES * row.asked + _MORE)
    return np.maximum(np.minimum(limit, row.target.most), row.asked)


def _readings(tries: Sequence[Try]) -> tuple[Array, Array, Array]:
    """Requests, and what a plain and a steady look show."""
    requests, plain, steady = np.array([(t.request, t.plain, t.steady) for t in tries]).T
    return requests, np.maximum(plain, 0), np.maximum(steady, 0)


def _off(tries: Sequence[Try], asked: Array) -> Array:
    """How far edits (N) are from showing intensities (S,): (S, N)."""
    _, plain, steady = _readings(tries)
    off = np.abs(plain - asked[:, None]) + _STEADY * np.abs(steady - asked[:, None])
    return np.asarray(off + _TEARS * np.array([one.torn for one in tries]))


def _rising(tries: Sequence[Try], row: Row, curve: Array) -> list[int]:
    """Which of some edits, in the order of their requests, to show at a row's intensities (S,).

    `curve` (S,) are the requests of a smooth curve through all readings.

    Notes
    -----
    The sum of what their readings are off by is smallest, with a fine wherever a reading does not
    rise, a larger one the deeper it falls; no request falls (dynamic programming).
    """
    requests, plain, steady = _readings(tries)
    cost = _off(tries, row.asked) + _EVEN * np.abs(requests - curve[:, None])
    cost += _TEARS * (requests > _most(row)[:, None])
    falls = [read[:, None] < read + _STAYS for read in (plain, steady)]
    depths = [np.maximum(read - read[:, None], 0) for read in (plain, steady)]
    fine = _FALLS * (falls[0] + _STEADY * falls[1]) + _DEEP * (depths[0] + _STEADY * depths[1])
    before = np.tril(np.ones((len(tries), len(tries)), bool))
    total, ways = cost[0], []
    for more in cost[1:]:
        each = np.where(before, total[None] + fine, np.inf)
        ways.append(each.argmin(axis=1))
        total = each.min(axis=1) + more
    taken = [int(total.argmin())]
    for way in reversed(ways):
        taken.append(int(way[taken[-1]]))
    return taken[::-1]
