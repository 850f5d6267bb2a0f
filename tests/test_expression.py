"""The expression model: pose, recognition, intensity, the dial, and bad input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calibration import ExpressionModel
from calibration.estimate import FaceTooFarError, FarFaceWarning
from calibration.faces import FrontalFaces

EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


@pytest.fixture(scope="module")
def model() -> ExpressionModel:
    return ExpressionModel.load()


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of landmarks."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


def turned(face: np.ndarray, yaw: float, pitch: float, roll: float = 0.0) -> np.ndarray:
    """A 3-D face (68, 3), y down, seen under a turn: rotation matrices written out."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return 100.0 * (face @ (about_z @ about_x @ about_y).T)[:, :2] + [140.0, 130.0]


def lift(model: ExpressionModel, frontal: np.ndarray) -> np.ndarray:
    """Frontal landmarks (136,) with the depth that the model gives them."""
    flat = model.frame.mean[:, :2].reshape(136)
    depth = model.frame.mean[:, 2] + (frontal - flat) @ model.frame.depth
    return np.column_stack([frontal.reshape(68, 2), depth])


def people(model: ExpressionModel, count: int, seed: int = 0) -> np.ndarray:
    """Neutral frontal faces (count, 136) of the surface population, differing by identity."""
    parts = model.populations[0].parts
    rng = np.random.default_rng(seed)
    off = rng.standard_normal((count, len(parts.typical))) @ np.linalg.pinv(parts.typical).T
    # Without what expressions do: the basis of displacements is taken off.
    off -= off @ parts.basis @ parts.basis.T
    return parts.mean + 0.7 * off @ model.frame.projection.T


def displacement(model: ExpressionModel, emotion: str) -> np.ndarray:
    """Mean of the emotion's first style, at full strength."""
    parts = model.populations[0].parts
    style = np.flatnonzero(parts.emotion == EMOTIONS.index(emotion))[0]
    return parts.centres[style] @ parts.basis.T @ model.frame.projection.T


def image(frontal: np.ndarray) -> np.ndarray:
    return 100.0 * frontal.reshape(-1, 68, 2) + [140.0, 130.0]


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (12, -7, 20), (-30, 20, -15)])
def test_turn_is_found_and_undone(model, yaw, pitch, roll):
    person = people(model, 1)[0]
    frontal, pose = model.frame.frontal(turned(lift(model, person), yaw, pitch, roll)[None])
    straight = model.frame.frontal(image(person))[0]
    found = np.rad2deg([pose.yaw[0], pose.pitch[0], np.angle(pose.similarity[0])])
    np.testing.assert_allclose(found, [yaw, pitch, roll], atol=2.5)
    assert np.abs(frontal - straight).max() < 0.02
    told = model.estimate(turned(lift(model, person), yaw, pitch, roll))
    np.testing.assert_allclose([told.yaw, told.pitch, told.roll], found, atol=1e-9)


def test_expression_of_a_turned_face_stays_in_its_pose(model):
    person, smile = people(model, 1)[0], displacement(model, "happiness")
    low = turned(lift(model, person + 0.3 * smile), 25, -15)
    full = turned(lift(model, person + smile), 25, -15)
    made = model.intensify(low, 1.0, "happiness", turned(lift(model, person), 0, 0))
    assert apart(made, full) < 0.3 * apart(low, full)
    before, after = model.estimate(low), model.estimate(made)
    assert after.yaw == pytest.approx(before.yaw, abs=0.05)
    assert after.pitch == pytest.approx(before.pitch, abs=0.05)


def test_similarity_of_the_image_carries_over(model):
    face = image(people(model, 1)[0] + 0.4 * displacement(model, "fear"))[0]
    turn = 1.7 * np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    moved = face @ turn.T + [300.0, -80.0]
    for emotion in (None, "fear", "anger"):
        expected = model.intensify(face, 0.9, emotion) @ turn.T + [300.0, -80.0]
        np.testing.assert_allclose(model.intensify(moved, 0.9, emotion), expected, atol=0.01)
    read = [model.estimate(points).intensity for points in (face, moved)]
    assert read[1] == pytest.approx(read[0], abs=1e-3)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_known_neutral_tells_emotion_and_intensity(model, emotion):
    zero = people(model, 8)
    low = image(zero + 0.4 * displacement(model, emotion))
    estimate = model.estimate(low, image(zero))
    assert set(estimate.emotion) == {emotion}
    np.testing.assert_allclose(estimate.intensity, 0.4, atol=0.1)
    np.testing.assert_allclose(estimate.neutral, image(zero), atol=1e-6)
    made = model.intensify(low, 1.0, None, image(zero))
    full = image(zero + displacement(model, emotion))
    assert apart(made, full) < 0.4 * apart(low, full)


def test_unknown_neutral_tells_intensity(model):
    zero = people(model, 40)
    for emotion in EMOTIONS:
        for strength in (0.2, 1.0):
            face = image(zero + strength * displacement(model, emotion))
            reading = model.estimate(face).intensities[:, EMOTIONS.index(emotion)]
            assert abs(reading.mean() - strength) < 0.1
            assert np.abs(reading - strength).mean() < 0.2


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_unknown_neutral_is_estimated(model, emotion):
    zero = people(model, 20)
    faces = image(zero + displacement(model, emotion))
    guess = model.estimate(faces).neutral
    assert apart(guess, image(zero)) < 0.6 * apart(faces, image(zero))
    assert model.estimate(guess).intensities[:, EMOTIONS.index(emotion)].max() < 0.05


def test_each_population_knows_its_own(model):
    means = np.stack([population.mean for population in model.populations])
    found = FrontalFaces(model.frame, model.populations, image(means), None).population
    assert found.tolist() == [0, 1]


def test_recognition_does_not_depend_on_the_size_of_the_displacement(model):
    zero = people(model, 4)
    shown = displacement(model, "disgust") + 0.5 * displacement(model, "anger")
    whole = model.estimate(image(zero + shown), image(zero))
    quarter = model.estimate(image(zero + 0.25 * shown), image(zero))
    np.testing.assert_allclose(quarter.probability, whole.probability, atol=0.02)
    np.testing.assert_allclose(quarter.intensity, 0.25 * whole.intensity, rtol=0.05)


@pytest.mark.parametrize("emotion", [*EMOTIONS, None])
def test_dial_up_and_down_gives_the_face_back(model, emotion):
    faces = image(people(model, 60) + 0.4 * displacement(model, "happiness"))
    zero = model.intensify(faces, 0.0, emotion)
    up = model.intensify(zero, 1.5, emotion)
    back = model.intensify(up, 0.0, emotion)
    off = np.linalg.norm(back - zero, axis=2).mean(1)
    assert off.max() < 0.05  # of 100 pixels between the outer eye corners
    if emotion is None:
        assert model.estimate(zero).intensity.max() < 0.01
    assert apart(up, zero) > 1.0


def test_dial_with_own_neutral_returns_to_it(model):
    person = people(model, 1)[0]
    zero = turned(lift(model, person), -10, 5, 8)
    up = model.intensify(zero, 1.5, "surprise", zero)
    assert np.linalg.norm(model.intensify(up, 0.0, "surprise", zero) - zero, axis=1).max() < 1e-3


def test_own_intensity_changes_nothing(model):
    zero = people(model, 5)
    faces = image(zero + 0.6 * displacement(model, "sadness"))
    for neutral in (None, image(zero)):
        estimate = model.estimate(faces, neutral)
        same = model.intensify(faces, estimate.intensity, None, neutral)
        np.testing.assert_allclose(same, faces, atol=1e-6)


def test_closed_lips_open_with_surprise(model):
    face = people(model, 1)[0].reshape(68, 2)
    upper, lower = [61, 62, 63], [67, 66, 65]
    face[upper] = face[lower] = (face[upper] + face[lower]) / 2
    points = image(face.reshape(136))[0]
    for neutral in (None, points):
        made = model.intensify(points, 1.0, "surprise", neutral)
        assert (made[lower, 1] - made[upper, 1]).min() > 5.0


def test_crooked_smile_stays_crooked(model):
    zero = people(model, 1)[0]
    smile = displacement(model, "happiness").reshape(68, 2).copy()
    smile[np.array(zero.reshape(68, 2)[:, 0] < 0)] *= 0.4
    low = zero + 0.4 * smile.reshape(136)
    made = model.intensify(image(low)[0], 1.0, "happiness", image(zero)[0]) - image(zero)[0]
    right, left = np.linalg.norm(made[48]), np.linalg.norm(made[54])
    assert left > 1.3 * right
    down = model.intensify(image(low)[0], 0.2, "happiness", image(zero)[0]) - image(zero)[0]
    shown = image(low)[0] - image(zero)[0]
    np.testing.assert_allclose(
        np.linalg.norm(down[54]) / np.linalg.norm(down[48]),
        np.linalg.norm(shown[54]) / np.linalg.norm(shown[48]),
        rtol=0.05,
    )


def test_another_emotion_is_taken_off_first(model):
    zero = people(model, 3)
    happy = image(zero + displacement(model, "happiness"))
    smile = EMOTIONS.index("happiness")
    alone = model.intensify(happy, 1.0, "sadness")
    assert model.estimate(happy).intensities[:, smile].min() > 0.9
    assert model.estimate(alone).intensities[:, smile].max() < 0.2
    sad = model.intensify(happy, 1.0, "sadness", image(zero))
    assert set(model.estimate(sad, image(zero)).emotion) == {"sadness"}
    np.testing.assert_allclose(
        model.intensify(happy, 0.7, "neutral", image(zero)), image(zero), atol=1e-3
    )


def test_gold_lends_its_expression_not_its_person(model):
    a, b = people(model, 2, seed=3)
    shown = displacement(model, "surprise")
    made = model.calibrate_to_gold(image(b)[0], image(a + shown)[0], image(a)[0], image(b)[0])
    np.testing.assert_allclose(made, image(b + shown)[0], atol=0.5)
    smiling = image(b + 0.8 * displacement(model, "happiness"))[0]
    made = model.calibrate_to_gold(smiling, image(a + shown)[0], image(a)[0], image(b)[0])
    np.testing.assert_allclose(made, image(b + shown)[0], atol=0.5)
    half = model.calibrate_to_gold(image(b)[0], image(a + shown)[0], image(a)[0], image(b)[0], 0.5)
    assert model.estimate(half, image(b)[0]).intensity == pytest.approx(0.5, abs=0.1)
    alone = model.calibrate_to_gold(image(b)[0], image(a + shown)[0])
    truth = image(b + shown)[0]
    assert apart(alone, truth) < 0.6 * np.linalg.norm(image(b)[0] - truth, axis=1).mean()
    with pytest.raises(ValueError, match="gold: its expression has intensity 0.00"):
        model.calibrate_to_gold(image(b)[0], image(a)[0], image(a)[0], intensity=1.0)


def test_batch_equals_single_faces(model):
    zero = people(model, 6)
    faces = image(
        np.stack([z + 0.1 * k * displacement(model, EMOTIONS[k]) for k, z in enumerate(zero)])
    )
    strengths = np.linspace(0, 1.5, 6)
    for emotion, neutral in itertools.product((None, list(EMOTIONS)), (None, image(zero))):
        batch = model.intensify(faces, strengths, emotion, neutral)
        for k in range(6):
            one = model.intensify(
                faces[k],
                strengths[k],
                emotion[k] if emotion else None,
                None if neutral is None else neutral[k],
            )
            np.testing.assert_allclose(batch[k], one, atol=2e-3)


def test_bad_input_is_told(model):
    face = image(people(model, 1)[0])[0]
    with pytest.raises(ValueError, match=r"landmarks: expected \(68, 2\).*got shape \(51, 2\)"):
        model.estimate(face[17:])
    broken = face.copy()
    broken[9, 1] = np.nan
    with pytest.raises(ValueError, match="row 9"):
        model.intensify(broken)
    with pytest.raises(ValueError, match="all 68 points are in one place"):
        model.estimate(np.full((68, 2), 3.0))
    with pytest.raises(ValueError, match="unknown emotion 'joy'.*happiness"):
        model.intensify(face, 1.0, "joy")
    with pytest.raises(ValueError, match="intensity: expected finite numbers of 0 or more"):
        model.intensify(face[None], [-0.5])
    for wrong in (np.nan, np.inf, -1.0, 1j, "a", [1.0, 2.0]):
        with pytest.raises(ValueError, match="intensity: expected"):
            model.calibrate_to_gold(face, face, intensity=wrong)
        with pytest.raises(ValueError, match="intensity: expected"):
            model.intensify(face, wrong)
    with pytest.raises(ValueError, match="landmarks: no face was given"):
        model.estimate(np.zeros((0, 68, 2)))
    with pytest.raises(ValueError, match="expected one face or 2, got 3"):
        model.intensify(np.stack([face, face]), 1.0, None, np.stack([face] * 3))


def test_what_is_no_face_is_told_with_its_distance(model):
    face = image(people(model, 1)[0])[0]
    assert model.estimate(face).distance < 2
    assert not model.estimate(face).far
    scattered = np.random.default_rng(0).uniform(0, 200, (68, 2))
    assert model.estimate(scattered).far
    with pytest.raises(FaceTooFarError, match=r"[\d.]+ standard deviations"):
        model.intensify(scattered)
    with pytest.raises(FaceTooFarError, match="neutral: the face is"):
        model.intensify(face, 1.0, None, scattered)
    with pytest.raises(FaceTooFarError, match="gold_neutral: the face is"):
        model.calibrate_to_gold(face, face, scattered)
    assert model.estimate(face, scattered).far
    odd = face + np.random.default_rng(1).normal(0, 8, (68, 2))
    with pytest.warns(FarFaceWarning, match="standard deviations"):
        model.intensify(odd)
    # On either side of the limit, wherever 4.9 and 5.1 standard deviations are.
    off = odd - face
    for wanted in (4.9, 5.1):
        low, high = 0.0, 2.0
        for _ in range(40):
            middle = (low + high) / 2
            below = model.estimate(face + middle * off).distance < wanted
            low, high = (middle, high) if below else (low, middle)
        assert model.estimate(face + low * off).far == (wanted > 5)


def test_faces_of_a_large_batch_are_those_of_single_ones(model):
    zero = image(np.resize(people(model, 5), (1100, 136)))
    faces = image(np.resize(people(model, 5), (1100, 136)) + displacement(model, "fear"))
    gold = faces[0]
    for batch, single in (
        (
            model.intensify(faces, 0.5, "fear", zero),
            model.intensify(faces[4], 0.5, "fear", zero[4]),
        ),
        (
            model.calibrate_to_gold(faces, gold, None, zero),
            model.calibrate_to_gold(faces[4], gold, None, zero[4]),
        ),
        (model.estimate(faces, zero).neutral, zero[4]),
    ):
        np.testing.assert_allclose(batch[1099], single, atol=2e-3)
    rng = np.random.default_rng(1)
    for row in (3, 1000):
        faces[row] += rng.normal(0, 8, (68, 2)) * (1 if row == 3 else 1.1)
    with pytest.warns(FarFaceWarning, match="landmarks: face 1000 is") as caught:
        model.intensify(faces)
    assert len(caught) == 1
    faces[1000] = rng.uniform(0, 200, (68, 2))
    with pytest.raises(FaceTooFarError, match="landmarks: face 1000 is"):
        model.intensify(faces)
