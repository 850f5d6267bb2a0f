"""An edited face is looked at again and asked for more or less, until it shows what was asked."""

import numpy as np
import pytest

from gan.editor.dialled import Try
from gan.editor.dialled import _rising as rising
from gan.editor.repair import Repaired
from gan.editor.row import Reader, Row
from gan.editor.tuning import between, tune
from gan.editor.warp import Moves

ASKED = np.array([0.0, 0.5, 1.0, 1.5])
JAW, MOUTH = 8, 60


class Face:
    """A face in one place; where it is found is a function of where it is put."""

    eyes = 100.0
    photograph = np.zeros((4, 4, 3), np.uint8)

    def __init__(self, shows, whole=False):
        self.shows = shows
        self.whole = whole
        self.square = np.zeros(1)
        self.points = np.zeros(1)

    def in_square(self, wanted):
        return wanted

    def found(self, places, edit):
        return [
            np.tile([place(self.shows(edit.region[MOUTH, 0] / 10)) * 10, 0.0], (68, 1))
            for place in places
        ]

    def found_anew(self, search, place, edit):
        return self.found([place], edit)[0]


class Wanted:
    """Intensity 1 is 10 pixels to the right: a tenth of the inter-ocular distance."""

    scalable = tells = True
    still = 0.0
    followed = 0.8
    most = 2.5

    def points(self, requests):
        x = np.asarray(requests, float) * 10
        return np.repeat(np.stack([x, np.zeros_like(x)], axis=-1)[:, None], 68, axis=1)

    def read(self, found, model=None):
        return found[:, MOUTH, 0] / 10


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
        return [Repaired(Moves(m), w, w, w) for m, w in zip(maps, wanted, strict=True)]


def exactly(shown):
    return shown


def whole_pixels(shown):
    """Moves of a tenth of the full expression are not seen."""
    return np.rint(shown * 10) / 10


def tuned(*shows, asked=ASKED, torn=100, plain=exactly, whole=False, film=False):
    repairs = Repairs(torn)
    rows = [Row(Face(function, whole), Wanted(), asked) for function in shows]
    tune(rows, repairs, Reader(exactly, plain, None, None), film)
    return rows, repairs


def shown(row, look=exactly):
    return row.target.read(row.found(look)[0])


@pytest.mark.parametrize("asked", [ASKED, [1.0]], ids=["a dial", "one intensity"])
@pytest.mark.parametrize(
    "shows",
    [lambda r: 0.7 * r, lambda r: 1.3 * r - 0.1, lambda r: r + 0.1 * np.sin(3 * r)],
    ids=["too weak", "too strong", "bent"],
)
def test_faces_show_what_was_asked_for(shows, asked):
    [row], repairs = tuned(shows, asked=asked)
    assert np.maximum(shown(row), 0) == pytest.approx(np.array(asked), abs=0.04)
    assert (np.array([edit.region for edit in row.made]) == row.wanted).all()
    assert len(repairs.batches) <= (5 if len(asked) > 1 else 3)


@pytest.mark.parametrize("film", [False, True])
def test_a_dial_rises_whatever_the_faces_show(film):
    rng = np.random.default_rng(3)
    faces = [lambda r: 0.7 * r + rng.normal(0, 0.05) for _ in range(5)]
    rows, _ = tuned(*faces, asked=np.arange(6) / 5, film=film)
    for row in rows:
        assert len(row.requests) == len(row.made) == 6
        assert (np.diff(row.requests) >= 0).all()
        assert row.requests == pytest.approx(row.asked / 0.7, abs=0.25)


def test_what_a_plain_look_shows_counts_most():
    """Where it sees whole pixels only, edits are taken that it sees apart and in order."""
    asked = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    [row], _ = tuned(lambda r: 0.6 * r, asked=asked, plain=whole_pixels, whole=True)
    read = shown(row, whole_pixels)
    assert (np.diff(read) > 0).all()
    assert np.abs(read - asked).max() <= 0.06


def test_edits_of_a_dial_are_looked_for_anew_before_they_are_taken(monkeypatch):
    """A first look misreads what goes beyond; in the whole picture that comes out."""
    looks = []

    def anew(face, search, place, edit):
        request = edit.region[MOUTH, 0] / 10
        looks.append(request)
        return np.full((68, 2), 90.0 if request > 1.3 else 10 * request)

    monkeypatch.setattr(Face, "found_anew", anew)
    plain = whole_pixels
    [row], _ = tuned(lambda r: 0.8 * r, asked=[0.0, 0.5, 1.0], plain=plain, whole=True)
    assert max(looks) > 1.2
    assert len(looks) >= 3
    looks.clear()
    tuned(lambda r: 0.8 * r, asked=[1.0], plain=plain, whole=True)
    assert looks
    looks.clear()
    # One intensity is to be quick: not where the face has to be searched for in many pixels.
    monkeypatch.setattr(Face, "photograph", np.zeros((300, 300, 3), np.uint8))
    [row], _ = tuned(lambda r: 0.8 * r, asked=[1.0], plain=plain, whole=True)
    assert not looks
    assert row.requests == pytest.approx([1.25], abs=0.1)


def test_a_dial_does_not_fall_to_rise_again():
    """Were each fall fined alike, a deep one would pay for a later rise."""
    asked = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.2])
    requests = np.array([0.0, 0.7, 0.9, 1.7, 1.8, 1.9])
    read = np.array([0.0, 0.25, 0.35, 0.63, 0.36, 0.53])
    steady = np.array([0.0, 0.2, 0.25, 0.58, 0.61, 0.65])
    tries = [
        Try(r, np.zeros(0), (), s, p, torn=False, certain=True)
        for r, s, p in zip(requests, steady, read, strict=True)
    ]
    row = Row(Face(exactly), Wanted(), asked)
    taken = rising(tries, row, np.interp(asked, read[:4], requests[:4]))
    assert (np.diff(read[taken]) >= 0).all()


@pytest.mark.parametrize(("most", "reached"), [(2.5, 0.75), (4.0, 1.0)])
@pytest.mark.parametrize("asked", [[0.0, 0.5, 1.0], [1.0]], ids=["a dial", "one intensity"])
def test_more_is_requested_of_what_is_hardly_followed(monkeypatch, asked, most, reached):
    monkeypatch.setattr(Wanted, "most", most)
    [row], _ = tuned(lambda r: 0.3 * r, asked=asked)
    assert shown(row)[-1] == pytest.approx(reached, abs=0.06)


def test_a_face_that_shows_less_than_neutral_is_left_as_it_is_at_0(monkeypatch):
    monkeypatch.setattr(Wanted, "still", -0.1)
    [row], _ = tuned(lambda r: r, asked=[0.0])
    assert row.requests == pytest.approx([-0.1], abs=0.05)


def test_a_correction_that_makes_it_worse_is_not_taken():
    def shows(request):
        return 0.8 if request <= 1.3 else 0.0  # asked for more, it shows less

    [row], _ = tuned(shows, asked=[1.0])
    assert shown(row) == [0.8]


def test_what_is_right_at_once_is_made_once_and_all_are_made_together(monkeypatch):
    monkeypatch.setattr(Wanted, "followed", 1.0)
    _, repairs = tuned(lambda r: r, lambda r: r)
    assert repairs.batches == [8]
    _, repairs = tuned(lambda r: r, lambda r: 0.7 * r)
    assert repairs.batches[0] == 8
    assert all(0 < batch < 8 for batch in repairs.batches[1:])


def test_rendered_heads_are_made_once_whatever_is_read(monkeypatch):
    monkeypatch.setattr(Wanted, "tells", False)
    [row], repairs = tuned(lambda r: 0.3 * r)
    assert repairs.batches == [4]
    assert row.requests == pytest.approx(ASKED)


def test_wishes_that_cannot_be_scaled_are_only_pushed_and_not_far(monkeypatch):
    monkeypatch.setattr(Wanted, "scalable", False)
    [row], _ = tuned(lambda r: 0.1 * r, asked=[1.0])
    assert row.pushed[0, MOUTH] == pytest.approx([5, 0])  # 5 % of the inter-ocular distance
    assert (row.pushed[0, JAW] == 0).all()
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
    assert 12 < row.wanted[2, MOUTH, 0] < 17
    assert row.wanted[1, MOUTH, 0] == pytest.approx(10 / 0.7, abs=0.6)
