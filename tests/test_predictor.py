"""The predictor is dlib's; a bad file is one sentence, never a crash."""

import numpy as np
import pytest
import skimage.data

from landmarks.detector import Box
from landmarks.models import SHAPE_PREDICTOR, model_file
from landmarks.predictor import check_predictor, load_predictor

BOX = Box(175, 76, 265, 166, 1.0)


@pytest.fixture(scope="module")
def published():
    return model_file(SHAPE_PREDICTOR).read_bytes()


def refused(tmp_path, data, sentence):
    path = tmp_path / "predictor.dat"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=sentence) as told:
        check_predictor(path)
    text = str(told.value)
    assert str(path) in text
    assert "68 points" in text
    assert "\n" not in text


def test_the_points_are_dlibs(tmp_path):
    import dlib

    image = skimage.data.astronaut()
    predictor = load_predictor()
    points = predictor(image, BOX)
    shape = dlib.shape_predictor(str(model_file(SHAPE_PREDICTOR)))
    parts = shape(image, dlib.rectangle(175, 76, 265, 166)).parts()
    assert points.shape == (68, 2)
    assert points.dtype == np.float64
    assert np.array_equal(points, [(part.x, part.y) for part in parts])
    assert predictor.name == SHAPE_PREDICTOR
    # iBUG order: the subject's right eye lies on the left of the picture, above the mouth.
    assert points[36:42, 0].max() < points[42:48, 0].min()
    assert points[36:48, 1].max() < points[48:, 1].min()


def test_empty_text_and_random_bytes_are_refused(tmp_path):
    refused(tmp_path, b"", "is empty")
    refused(tmp_path, b"<html>not found</html>" * 50, "wrong or cut off")
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    refused(tmp_path, noise, "wrong or cut off")


def test_a_truncated_file_is_refused(tmp_path, published):
    for length in (3, 100, 2000, 1_000_000, len(published) - 1):
        refused(tmp_path, published[:length], f"wrong or cut off \\({length:,} bytes\\)")


def test_flipped_bytes_do_not_end_this_process(tmp_path, published):
    # The count of landmarks, blown up; and a tree that would read a point far outside the shape.
    refused(tmp_path, published[:3] + b"\x84\xff\xff\xff\x7f" + published[5:9000], "wrong|damaged")
    rng = np.random.default_rng(1)
    damaged = np.frombuffer(published, np.uint8).copy()
    damaged[rng.integers(0, len(damaged), 500)] ^= 0xFF
    refused(tmp_path, damaged.tobytes(), "wrong|damaged")


def test_other_models_are_refused(tmp_path):
    five = model_file("shape_predictor_5_face_landmarks.dat")
    refused(tmp_path, five.read_bytes(), "places 5 points")
    refused(tmp_path, model_file("mmod_human_face_detector.dat").read_bytes(), "wrong or cut off")


def test_no_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load_predictor(tmp_path / "none.dat")
    with pytest.raises(ValueError, match="is a folder"):
        load_predictor(tmp_path)


def test_another_complete_predictor_is_let_through(tmp_path, published):
    # One digit of the mean shape is not the published one: unknown, but whole and sane.
    changed = bytearray(published)
    changed[7] ^= 1
    path = tmp_path / "mine.dat"
    path.write_bytes(changed)
    check_predictor(path)
    assert load_predictor(path).name == "mine.dat"
