"""How far a run is: lines at their time, with the time that is left."""

import sys
from types import SimpleNamespace

import pytest

from data import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when told."""
    now = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_line_after_a_quarter_of_a_minute_and_then_each_minute(clock):
    told = []
    lines = progress.Lines(1000, "pictures", done=400, tell=lambda line: told.append(line))
    for _ in range(99):
        clock[0] += 2
        lines.update(4)
    # Half a second each. After 16, 76, 136 and 196 seconds 32, 152, 272 and 392 pictures.
    assert told == [
        "432 of 1,000 pictures, about 5 minutes left",
        "552 of 1,000 pictures, about 4 minutes left",
        "672 of 1,000 pictures, about 3 minutes left",
        "792 of 1,000 pictures, about 2 minutes left",
    ]


def test_neither_the_beginning_nor_the_end_needs_a_line(clock):
    told = []
    lines = progress.Lines(2, "pictures", tell=told.append)
    clock[0] += 100
    lines.update(0)  # as nothing is known of the speed yet
    lines.update(2)
    assert told == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "1 second"),
        (41, "41 seconds"),
        (60, "60 seconds"),
        (150, "2 minutes"),
        (5000, "83 minutes"),
        (9000, "2.5 hours"),
        (2 * 3600, "2 hours"),
        (40 * 3600, "40 hours"),
        (3e7, "347 days"),
        (1e10, "115,741 days"),
    ],
)
def test_times_for_people(seconds, told):
    assert progress.duration(seconds) == told


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_for_terminals_alone(clock, capsys, monkeypatch, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with progress.progress(10, done=2) as update:
        clock[0] += 20
        update(3)
    told = capsys.readouterr().err
    assert ("\r" in told) == terminal
    assert ("5 of 10 pictures, about 33 seconds left\n" in told) != terminal


def test_nothing_is_told_where_nobody_asks(clock, capsys):
    with progress.progress(10, shown=False) as update:
        clock[0] += 100
        update(3)
    assert capsys.readouterr() == ("", "")
