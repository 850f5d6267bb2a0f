"""The way that true expressions go: learnt displacements come back, ends and symmetry hold."""

import numpy as np
import pytest

from calibration import ExpressionModel
from gan.editor.likely import (
    Numbers,
    displacement,
    fit,
    fit_mean,
    load,
    mirrored,
    own_way,
    rendered_way,
    ways,
)
from gan.editor.square import INTER_OCULAR, square_of
from gan.editor.wish import Target, Wish
from landmarks import scheme

ALL, GIVEN = 136, 2 * 6 + 102


@pytest.fixture(scope="module")
def model():
    return ExpressionModel.load()


@pytest.fixture(scope="module")
def neutral(model):
    """A face turned in the picture, and not of the mean's size."""
    turn = np.deg2rad(12)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return model.frame.mean[:, :2] @ (70 * rotation).T + [100.0, 100.0]


@pytest.fixture
def opened(neutral):
    """How a mouth opens, in the face's own frame: (68, 2), nose and eyes stay."""
    motion = np.zeros((68, 2))
    motion[[56, 57, 58, 66]] = [0.0, 0.1]
    motion[[48, 60]] = [0.05, 0.02]
    motion[[54, 64]] = [-0.05, 0.02]
    return motion


def known(opened):
    """Numbers by which emotion 0 opens the mouth, and nothing else counts."""
    own = np.zeros((GIVEN, ALL))
    own[0] = opened.ravel()
    return Numbers(own, own[:6].copy(), np.array([0.1, 0.5]))


def moved(face, motion, part):
    """The face with a part of a motion that is told in inter-ocular distances, eyes level."""
    linear = square_of(face).matrix[:, :2] / INTER_OCULAR
    return face + part * motion @ np.linalg.inv(linear).T


def test_a_known_displacement_is_recovered_from_any_part_of_it(neutral, opened):
    numbers = known(opened)
    full = moved(neutral, opened, 1.0)
    for part in (0.25, 0.6, 1.0):
        way = own_way(moved(neutral, opened, part), neutral, 0, numbers=numbers)
        assert way.shows == pytest.approx(part)
        assert way(np.array([1.0]))[0] == pytest.approx(full)
        assert way(np.array([0.0]))[0] == pytest.approx(neutral)


def test_what_is_shown_moves_nothing(neutral, opened):
    face = moved(neutral, opened, 0.4)
    way = own_way(face, neutral, 0, numbers=known(opened))
    assert way(np.array([way.shows]))[0] == pytest.approx(face)


def test_the_dial_rises_evenly(neutral, opened):
    way = own_way(moved(neutral, opened, 0.4), neutral, 0, numbers=known(opened))
    levels = np.array([0.0, 0.2, 0.5, 1.0, 1.5])
    chins = displacement(way(levels)[-1], neutral).reshape(-1, 2)[57 - 17, 1] / 1.5
    for level, face in zip(levels, way(levels), strict=True):
        assert displacement(face, neutral).reshape(-1, 2)[57 - 17, 1] == pytest.approx(
            level * chins
        )


def test_another_expression_comes_off(neutral, opened):
    numbers = known(opened)
    brows = np.zeros((68, 2))
    brows[17:27] = [0.0, 0.4]
    way = own_way(moved(neutral, brows, 1.0), neutral, 0, another=True, numbers=numbers)
    assert way.shows == 0
    assert way(np.array([0.0, 1.0])) == pytest.approx(
        np.array([neutral, moved(neutral, opened, 1.0)])
    )


def test_left_and_right_are_treated_alike(neutral):
    rng = np.random.default_rng(0)
    face = neutral + rng.normal(0, 1.5, (68, 2))
    flip = [scheme.mirror(points, 200.0) for points in (face, neutral)]
    for emotion in range(6):
        here = own_way(face, neutral, emotion)(np.array([0.2, 1.0]))
        there = own_way(*flip, emotion)(np.array([0.2, 1.0]))
        assert scheme.mirror(here, 200.0) == pytest.approx(there, abs=1e-3)


def test_what_was_taught_is_told(neutral):
    """Persons show an emotion each in a way of their own, which its half tells."""
    rng = np.random.default_rng(1)
    usual, varied = rng.normal(0, 0.03, (2, ALL))
    rows = []
    for _ in range(60):
        full = usual + varied * rng.normal()
        rows.append((0, 0.5 * full[-102:], full))
    numbers = Numbers(fit(rows, np.full(60, 1e4), 6), np.zeros((6, ALL)), np.zeros(2))
    mean = np.mean([row[2] for row in rows], axis=0)
    off, usually = [], []
    for _, _, full in rows[:20]:
        whole = moved(neutral, full.reshape(68, 2), 1.0)
        # Nose and eyes move too: what counts is what is left when they lie on each other.
        told = displacement(whole, neutral, whole=True)
        half = moved(neutral, told.reshape(68, 2), 0.5)
        way = own_way(half, neutral, 0, numbers=numbers)
        frame = square_of(half).matrix[:, :2] / INTER_OCULAR
        off.append(np.abs((way.full @ frame.T).ravel() - full).mean())
        usually.append(np.abs(mean - full).mean())
    assert np.mean(off) < 0.5 * np.mean(usually)


def test_numbers_that_ship_open_the_mouth_of_surprise(neutral, model):
    numbers = load()
    assert numbers.own.shape == (GIVEN, ALL)
    [surprise] = Target(Wish("surprise"), model, neutral, neutral, exact=False).points([1.0])
    surprise = displacement(surprise, neutral, whole=True).reshape(68, 2)
    assert surprise[57, 1] - surprise[51, 1] > 0.05
    [happiness] = Target(Wish("happiness"), model, neutral, neutral, exact=False).points([1.0])
    happiness = displacement(happiness, neutral, whole=True).reshape(68, 2)
    assert happiness[54, 0] - happiness[48, 0] > 0.05


def test_a_neutral_face_makes_the_request_its_own(neutral, model):
    full = Target(Wish("surprise"), model, neutral, neutral, exact=False)
    assert not full.tells
    assert full.still == pytest.approx(0.0, abs=0.02)
    assert full.points([0.0])[0] == pytest.approx(neutral, abs=0.2)
    weak = full.points([0.4])[0]
    again = Target(Wish("surprise"), model, weak, neutral, exact=False)
    assert again.still == pytest.approx(0.4, abs=0.2)
    assert again.points([again.still])[0] == pytest.approx(weak)
    assert not Target(Wish("surprise"), model, weak, neutral, rendered=True).tells
    assert Target(Wish("surprise"), model, weak, neutral).tells  # a photograph is to show it
    assert Target(Wish("surprise"), model, neutral, exact=False).tells
    assert Target(Wish("neutral"), model, weak, neutral, exact=False).tells


def test_anger_is_asked_of_a_smile_without_the_smile(neutral, model):
    smile = Target(Wish("happiness"), model, neutral, neutral, exact=False).points([1.2])[0]
    asked = Target(Wish("anger"), model, smile, neutral)
    assert asked.points([0.0])[0] == pytest.approx(neutral, abs=1.5)
    angry = Target(Wish("anger"), model, neutral, neutral).points([1.0])[0]
    assert asked.points([1.0])[0] == pytest.approx(angry, abs=2.0)


def test_a_rendered_head_goes_by_the_mean_from_what_it_shows(neutral, opened):
    numbers = known(opened)

    def below(part):
        return np.repeat(part[:, None, None], 68, axis=1) * np.ones(2)

    way = rendered_way(neutral, 0, 0.4, below, numbers=numbers)
    assert way.shows == pytest.approx(0.3)
    wanted = way(np.array([0.15, way.shows, 1.0]))
    assert wanted[0] == pytest.approx(np.full((68, 2), 0.5))
    assert wanted[1] == pytest.approx(neutral)
    assert wanted[2] == pytest.approx(moved(neutral, opened, 0.7))


def test_means_are_of_each_emotion_and_symmetric():
    full = np.random.default_rng(0).normal(0, 0.1, (4, ALL))
    mean = fit_mean(np.array([0, 0, 2, 2]), full, np.full(4, 1e6), 3)
    assert mean[0] == pytest.approx((full[:2].mean(0) + mirrored(full[:2]).mean(0)) / 2, abs=1e-5)
    assert mean[1] == pytest.approx(0)
    assert mirrored(mean) == pytest.approx(mean)


def test_what_is_learnt_is_symmetric():
    rng = np.random.default_rng(0)
    rows = [(0, rng.normal(0, 0.1, 102), rng.normal(0, 0.1, ALL)) for _ in range(5)]
    flipped = [(e, mirrored(a[None])[0], mirrored(b[None])[0]) for e, a, b in rows]
    assert fit(rows, np.ones(5), 1) == pytest.approx(fit(flipped, np.ones(5), 1))


def test_the_dial_of_a_rendered_head_does_not_jump(neutral, model):
    less = Target(Wish("surprise"), model, neutral).points([-0.4])[0]
    way = Target(Wish("surprise"), model, less, rendered=True)
    near, at = way.points([way.still - 1e-6, way.still])
    assert near == pytest.approx(at, abs=1e-3)


def test_requests_below_zero_are_finite(neutral, model):
    target = Target(Wish("anger"), model, neutral, neutral, exact=False)
    assert np.isfinite(target.points([-0.1])).all()


def test_emotions_are_known_by_their_names(neutral, model, monkeypatch):
    """A model that knows other emotions, or in another order, takes no other emotion's way."""
    assert ways() == model.emotions

    def asked():
        return Target(Wish("surprise"), model, neutral, neutral, exact=False)

    here = asked().points([1.0])
    monkeypatch.setattr("gan.editor.wish.ways", lambda: model.emotions[::-1])
    assert np.abs(asked().points([1.0]) - here).max() > 1
    monkeypatch.setattr("gan.editor.wish.ways", lambda: ("joy",))
    assert asked().tells


def test_a_face_that_shows_all_of_it_already_is_told(neutral, model):
    way = Target(Wish("surprise"), model, neutral, neutral, exact=False)
    assert not way.note
    full = way.points([2.0])[0]
    assert (
        "full surprise already" in Target(Wish("surprise"), model, full, neutral, exact=False).note
    )
