"""Which faces are edited, what can be asked of them, and what stands against it."""

import numpy as np
import pytest

from calibration import ExpressionModel
from gan.editor.choice import NoFaceError, choose, cut_off, obstacle
from gan.editor.wish import Target, Wish
from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.faces import Face

SIZE = (640, 480)


def face(left, width):
    return Face(Box(left, 10, left + width - 1, 9 + width, 1.0), np.full((68, 2), left + width / 2))


MIDDLE, LEFT, RIGHT = face(200, 80), face(20, 50), face(400, 60)
FOUND = [MIDDLE, LEFT, RIGHT]


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        ("largest", [MIDDLE]),
        ("all", [LEFT, MIDDLE, RIGHT]),
        (1, [LEFT]),
        (3, [RIGHT]),
        ((430.0, 40.0), [RIGHT]),
    ],
)
def test_a_choice_is_carried_out_without_a_word(faces, expected):
    chosen, note = choose(FOUND, faces, SIZE)
    assert [id(c) for c in chosen] == [id(e) for e in expected]
    assert note == ""


def test_without_a_choice_the_largest_is_taken_and_that_is_said():
    chosen, note = choose(FOUND, None, SIZE)
    assert chosen == [MIDDLE]
    assert note == "3 faces were found: the largest is edited, number 2 from the left"
    assert choose([LEFT], None, SIZE) == ([LEFT], "")


@pytest.mark.parametrize(
    ("found", "faces", "told"),
    [
        ([], None, "no face was found in 640×480 pixels"),
        (FOUND, 4, "there is no face 4: 3 faces were found"),
        (FOUND, (5.0, 5.0), "there is no face at 5,5: the nearest is at 45,45"),
    ],
)
def test_faces_that_are_not_there_are_told(found, faces, told):
    with pytest.raises(NoFaceError, match=told):
        choose(found, faces, SIZE)


@pytest.mark.parametrize("faces", ["first", True, (1.0,), 1.5, (np.nan, 1.0), ("a", "b")])
def test_what_is_no_choice_is_refused(faces):
    with pytest.raises(InputError, match="expected 'largest', 'all', a number"):
        choose(FOUND, faces, SIZE)


def corners(eyes):
    """Landmarks whose outer eye corners are so many pixels apart."""
    points = np.random.default_rng(5).uniform(0, eyes, (68, 2))
    points[36], points[45] = (0, 0), (eyes, 0)
    points[62] = points[66]
    return points


def test_faces_that_cannot_be_edited_are_told_with_numbers():
    assert obstacle(corners(60), (40, -30)) == ""
    assert "are 15.0 pixels apart, at least 20 are needed" in obstacle(corners(15), (0, 0))
    told = "the head is turned aside by 55°: expected at most 40°"
    assert obstacle(corners(60), (-55, 0)) == told
    told = "the head is turned up or down by 31°: expected at most 30°"
    assert obstacle(corners(60), (0, 31)) == told


@pytest.mark.parametrize("intensity", [-1, 9, np.nan, "much", np.ones(2), True])
def test_an_intensity_out_of_range_is_refused_with_the_range(intensity):
    with pytest.raises(InputError, match=r"expected 0 \(neutral\) to 2; 1 is the full"):
        Wish("anger", intensity)


def test_one_wish_at_a_time():
    points = np.zeros((68, 2))
    with pytest.raises(InputError, match="emotion and gold are given: expected one"):
        Wish("anger", gold=points)
    with pytest.raises(InputError, match="expected no intensity"):
        Wish(intensity=1, landmarks=points)
    with pytest.raises(InputError, match=r"gold has shape \(5, 2\): expected \(68, 2\)"):
        Wish(gold=np.zeros((5, 2)))


@pytest.fixture(scope="module")
def model():
    return ExpressionModel.load()


@pytest.fixture(scope="module")
def smiling(model):
    """A face of 100 % happiness, its eye corners 90 pixels apart."""
    mean = model.frame.mean.reshape(68, -1)[:, :2]
    mean = mean * 90 / np.hypot(*(mean[36] - mean[45])) + 200
    return model.intensify(mean, 1.0, "happiness")


def test_unknown_emotions_are_refused_with_those_that_are_known(model, smiling):
    with pytest.raises(InputError, match="unknown emotion 'joy': expected one of anger, .*neutral"):
        Target(Wish("joy"), model, smiling)


def test_a_face_is_wanted_as_strong_as_asked_for(model, smiling):
    target = Target(Wish("surprise"), model, smiling)
    asked = np.array([0.25, 0.5, 1.0, 1.5])
    assert target.read(target.points(asked)) == pytest.approx(asked, abs=0.02)


def test_a_neutral_face_that_smiles_is_doubted(model, smiling):
    doubted = Target(Wish("fear"), model, smiling, smiling)
    assert doubted.note.startswith("the neutral photograph shows happiness of ")
    calm = model.intensify(smiling, 0)
    assert not Target(Wish("fear"), model, smiling, calm).note


def test_without_an_emotion_it_is_the_faces_own(model, smiling):
    target = Target(Wish(intensity=0.5), model, smiling)
    assert target.emotion == "happiness"
    assert target.read(target.points([0.5])) == pytest.approx([0.5], abs=0.05)


def test_neutral_is_neutral_at_every_intensity(model, smiling):
    neutral = Target(Wish("neutral"), model, smiling).points([0.0, 0.5, 1.0])
    still = model.intensify(smiling, 0.0)
    assert neutral == pytest.approx(np.array([still] * 3))


def test_a_gold_face_tells_emotion_and_intensity(model, smiling):
    other = model.intensify(smiling, 0.0, "happiness") * [1.05, 1] + 30
    gold = model.intensify(other, 0.8, "surprise")
    target = Target(Wish(gold=gold), model, smiling)
    assert target.emotion == "surprise"
    assert target.intensity == pytest.approx(0.8, abs=0.05)
    assert Target(Wish(gold=other), model, smiling).faint


def test_landmarks_of_another_place_are_refused(model, smiling):
    with pytest.raises(InputError, match="are of another face: 141 pixels away"):
        Target(Wish(landmarks=smiling + 100), model, smiling)
    target = Target(Wish(landmarks=smiling + 2), model, smiling)
    assert target.points([0.5])[0] == pytest.approx(smiling + 1)


def test_a_mouth_is_covered_where_it_is_uncertain_and_not_open():
    points, radius = corners(60), np.full(68, 2.0)
    assert obstacle(points, (0, 0), radius) == ""
    radius[48:] = 3.6
    assert "landmarks are 1.8 times as uncertain as" in obstacle(points, (0, 0), radius)
    points[66] = points[62] + (0, 30)  # half of the inter-ocular distance below
    assert obstacle(points, (0, 0), radius) == ""


def test_a_face_at_the_edge_is_told_by_how_much_of_it_is_outside():
    points = np.tile([50.0, 40.0], (68, 1))
    assert cut_off(points, (100, 80)) == ""
    points[60:64, 0] = 99.6
    assert "4 of its 51 inner landmarks lie outside, expected at most 3" in cut_off(
        points, (100, 80)
    )
    points[:17] = -50.0  # the jaw may
    points[63, 0] = 99.4
    assert cut_off(points, (100, 80)) == ""
