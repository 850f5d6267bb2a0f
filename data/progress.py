"""How far a long run is: a bar where stderr is a terminal, else a line a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tqdm import tqdm

FIRST, EVERY = 15.0, 60.0
"""Seconds to the first line, and between the later ones."""


class Lines:
    """Tells how far a run is, in a line now and then.

    Parameters
    ----------
    total : float
        Of all.
    what : str
        Is counted.
    done : float, optional
        At the beginning.
    tell : callable, optional
        Takes a line; stderr gets it otherwise.
    first, every : float, optional
        Seconds to the first line, and between the later ones.
    """

    def __init__(
        self,
        total: float,
        what: str,
        *,
        done: float = 0,
        tell: Callable[[str], object] | None = None,
        first: float = FIRST,
        every: float = EVERY,
    ) -> None:
        self.total, self.what, self.done = total, what, done
        self._begun, self._before = time.monotonic(), done
        self._next, self._every = self._begun + first, every
        self._tell = tell or say

    def update(self, more: float = 1) -> None:
        """So many more are done."""
        self.done += more
        now = time.monotonic()
        if now < self._next or not self._before < self.done < self.total:
            return
        self._next = now + self._every
        rate = (self.done - self._before) / max(now - self._begun, 1e-9)
        left = duration((self.total - self.done) / rate)
        done = f"{round(self.done, 1):,}".removesuffix(".0")
        self._tell(f"{done} of {self.total:,} {self.what}, about {left} left")


def say(line: str) -> None:
    """A line on stderr; where nobody reads it any more, the work goes on."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(line.replace("\n", "\\n"), file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A time for people to read, to two digits or so: 40 seconds, 3 minutes, 2.5 hours, 12 days.

    Parameters
    ----------
    seconds : float
    """
    units = (("second", 1, 90), ("minute", 60, 5400), ("hour", 3600, 172_800), ("day", 86400, None))
    name, length, _ = next(unit for unit in units if unit[2] is None or seconds < unit[2])
    number = seconds / length
    told = f"{number:.1f}" if name == "hour" and number < 10 else f"{max(number, 1):,.0f}"
    told = told.removesuffix(".0")
    return f"{told} {name}{'' if told == '1' else 's'}"


@contextmanager
def progress(
    total: int, *, done: int = 0, what: str = "pictures", shown: bool = True
) -> Iterator[Callable[[int], object]]:
    """Tell how far a run is.

    Parameters
    ----------
    total : int
        Of all.
    done : int, optional
        By an earlier run.
    what : str, optional
        Is counted.
    shown : bool, optional
        False tells nothing.

    Yields
    ------
    update : callable
        To be called with how many more are done.
    """
    if not shown:
        yield lambda more: None
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield Lines(total, what, done=done).update
        return
    with tqdm(total=total, initial=done, unit="img", smoothing=0.05, leave=False) as bar:
        yield bar.update
