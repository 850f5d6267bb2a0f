"""An edited face is looked at again and asked for more or less, until it shows what was asked."""

import numpy as np
import pytest

from gan.editor.repair import Repaired
from gan.editor.tuning import Row, between, make, tune

ASKED = np.array([0.0, 0.5, 1.0, 1.5])
JAW, MOUTH = 8, 60


class Face:
    """A face in one place; where it is found is a function of where it is put."""

    eyes = 100.0

    def __init__(self, shows):
        self.shows = shows
        self.square = np.zeros(1)
        self.points = np.zeros(1)

    def in_square(self, wanted):
        return wanted

    def found(self, place, coordinates, wanted, residual):
        return np.tile([self.shows(wanted[MOUTH, 0] / 10) * 10, 0.0], (68, 1))


class Wanted:
    """Intensity 1 is 10 pixels to the right: a tenth of the inter-ocular distance."""

    scalable = True

    def points(self, requests):
        x = np.asarray(requests, float) * 10
        return np.repeat(np.stack([x, np.zeros_like(x)], axis=-1)[:, None], 68, axis=1)

    def read(self, found):
        return np.maximum(found[:, MOUTH, 0] / 10, 0)


GRID = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1)


class Repairs:
    """Gives back what is asked for, and counts; from a place on, faces are turned inside out."""

    def __init__(self, torn):
        self.batches = []
        self.torn = torn

    def __call__(self, squares, source, wanted):
        assert len(squares) == len(source) == len(wanted)
        self.batches.append(len(wanted))
        maps = [GRID if w[MOUTH, 0] < self.torn else GRID[:, ::-1] for w in wanted]
        return Repaired(np.array(maps), wanted, wanted)


def tuned(*shows, asked=ASKED, torn=100):
    repairs = Repairs(torn)
    rows = [Row(Face(function), Wanted(), asked) for function in shows]
    make(rows, repairs)
    tune(rows, repairs, None)
    return rows, repairs


@pytest.mark.parametrize(
    "shows",
    [lambda r: 0.6 * r, lambda r: 1.3 * r - 0.1, lambda r: r + 0.1 * np.sin(3 * r)],
    ids=["too weak", "too strong", "bent"],
)
def test_faces_show_what_was_asked_for(shows):
    [row], repairs = tuned(shows)
    before = np.abs(np.maximum([shows(r) for r in ASKED], 0) - ASKED).mean()
    after = np.abs(row.target.read(row.found(None)) - ASKED).mean()
    assert after < 0.6 * before
    assert (row.made.regions == row.wanted).all()
    assert len(repairs.batches) <= 3


def test_landmarks_are_pushed_by_what_they_lack_but_not_far():
    [row], _ = tuned(lambda r: r - 0.03 if r < 1.2 else 0.2, asked=[1.0])
    assert row.wanted[0, MOUTH] == pytest.approx([10.3, 0])
    [row], _ = tuned(lambda r: 0.1 * r, asked=[1.0])
    assert row.pushed[0, MOUTH] == pytest.approx([5, 0])  # 5 % of the inter-ocular distance
    assert (row.pushed[0, JAW] == 0).all()


def test_a_dial_rises_whatever_the_faces_show():
    rng = np.random.default_rng(3)
    rows, _ = tuned(*[lambda r: r + rng.normal(0, 0.05) for _ in range(5)], asked=np.arange(9) / 6)
    for row in rows:
        assert (np.diff(row.requests) >= 0).all()
        assert (np.diff(row.wanted[:, MOUTH, 0]) > 0).all()


def test_a_correction_that_makes_it_worse_is_taken_back():
    def shows(request):
        return 0.8 if request <= 1 else 0.0  # asked for more, it shows less

    [row], _ = tuned(shows, asked=[1.0])
    assert row.wanted[0, MOUTH].tolist() == [10, 0]


def test_what_is_right_at_once_is_made_once_and_all_are_made_together():
    _, repairs = tuned(lambda r: r, lambda r: r)
    assert repairs.batches == [8]
    _, repairs = tuned(lambda r: r, lambda r: 0.7 * r)
    assert repairs.batches[:2] == [8, 4]


def test_wishes_that_cannot_be_scaled_are_only_pushed(monkeypatch):
    monkeypatch.setattr(Wanted, "scalable", False)
    [row], repairs = tuned(lambda r: 0.8 * r)
    assert row.requests.tolist() == ASKED.tolist()
    assert row.pushed[:, MOUTH, 0] == pytest.approx(2 * ASKED)
    assert repairs.batches == [4, 4]


def test_between_known_intensities_requests_rise_smoothly():
    row = Row(Face(lambda r: r), Wanted(), ASKED)
    row.ask(np.array([0.0, 0.4, 1.3, 1.4]), row.goal * 0.1)
    known = dict(zip(ASKED, row.requests, strict=True))
    fine = np.linspace(0, 1.5, 301)
    between(row, fine)
    steps = np.diff(row.requests)
    assert (steps >= 0).all()
    assert np.abs(np.diff(steps)).max() < 2e-3
    assert row.pushed[:, MOUTH, 0] == pytest.approx(fine)
    for asked, request in known.items():
        assert row.requests[np.isclose(fine, asked)] == pytest.approx([request])


def test_no_face_is_turned_inside_out():
    [row], _ = tuned(lambda r: 0.7 * r, asked=[0.5, 1.0, 1.6], torn=17)
    assert row.wanted[2, MOUTH, 0] == pytest.approx(16)
    assert 10 < row.wanted[1, MOUTH, 0] < 16
