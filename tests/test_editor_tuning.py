"""An edited face is looked at again and asked for more or less, until it shows what was asked."""

import numpy as np
import pytest

from gan.editor.repair import Repaired
from gan.editor.tuning import Row, between, make, tune

ASKED = np.array([0.0, 0.5, 1.0, 1.5])


class Face:
    """A face of one number: what it shows, a function of what is asked for."""

    def __init__(self, shows):
        self.shows = shows
        self.square = np.zeros(1)
        self.points = np.zeros(1)

    def in_square(self, wanted):
        return wanted

    def found(self, place, request):
        return self.shows(request)


class Wanted:
    scalable = True

    def points(self, requests):
        return np.asarray(requests, float)[:, None]

    def read(self, found):
        return np.maximum(np.asarray(found, float).ravel(), 0)


class Repairs:
    """Gives back what is asked for, and counts."""

    def __init__(self):
        self.batches = []

    def __call__(self, squares, source, wanted):
        assert len(squares) == len(source) == len(wanted)
        self.batches.append(len(wanted))
        return (wanted.ravel(),)


@pytest.fixture(autouse=True)
def _one_number(monkeypatch):
    monkeypatch.setattr("gan.editor.tuning.Repaired", lambda *parts: parts)


def tuned(*shows, asked=ASKED):
    repairs = Repairs()
    rows = [Row(Face(function), Wanted(), asked) for function in shows]
    make(rows, repairs)
    tune(rows, repairs, None)
    return rows, repairs


@pytest.mark.parametrize(
    "shows",
    [lambda r: 0.6 * r, lambda r: 1.3 * r - 0.1, lambda r: r + 0.2 * np.sin(3 * r)],
    ids=["too weak", "too strong", "bent"],
)
def test_faces_show_what_was_asked_for(shows):
    [row], _ = tuned(shows)
    # Two corrections bring what was up to 0.6 off to where nobody sees it.
    assert [max(shows(r), 0) for r in row.requests] == pytest.approx(ASKED, abs=0.08)
    assert row.made[0] == pytest.approx(row.requests)
    assert row.wanted[:, 0] == pytest.approx(row.requests)


def test_a_dial_rises_whatever_the_faces_show():
    rng = np.random.default_rng(3)
    rows, _ = tuned(*[lambda r: r + rng.normal(0, 0.3) for _ in range(5)])
    for row in rows:
        assert (np.diff(row.requests) >= 0).all()


def test_a_correction_that_makes_it_worse_is_taken_back():
    def shows(request):
        return 0.8 if request <= 1 else 0.0  # asked for more, it shows less

    [row], _ = tuned(shows, asked=np.array([1.0]))
    assert row.requests.tolist() == [1.0]


def test_what_is_right_at_once_is_made_once_and_all_are_made_together():
    _, repairs = tuned(lambda r: r, lambda r: r)
    assert repairs.batches == [8]
    _, repairs = tuned(lambda r: r, lambda r: 0.7 * r)
    assert repairs.batches[:2] == [8, 4]


def test_wishes_that_cannot_be_scaled_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(Wanted, "scalable", False)
    [row], repairs = tuned(lambda r: 0.5 * r)
    assert row.requests.tolist() == ASKED.tolist()
    assert repairs.batches == [4]


def test_between_known_intensities_requests_rise_smoothly():
    row = Row(Face(lambda r: r), Wanted(), ASKED)
    row.ask(np.array([0.0, 0.4, 1.3, 1.4]))
    known = dict(zip(ASKED, row.requests, strict=True))
    fine = np.linspace(0, 1.5, 301)
    between(row, fine)
    steps = np.diff(row.requests)
    assert (steps >= 0).all()
    assert np.abs(np.diff(steps)).max() < 2e-3
    for asked, request in known.items():
        assert row.requests[np.isclose(fine, asked)] == pytest.approx([request])


def test_the_real_result_has_one_part_for_each_row(monkeypatch):
    monkeypatch.setattr("gan.editor.tuning.Repaired", Repaired)
    rows = [Row(Face(None), Wanted(), ASKED[:n]) for n in (3, 2)]
    parts = (np.arange(5), np.arange(5) * 10, np.arange(5) * 100)
    make(rows, lambda *given: Repaired(*parts))
    assert rows[1].made.regions.tolist() == [30, 40]
