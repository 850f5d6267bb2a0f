"""Metrics of generated faces, against numbers by hand and other people's code."""

import cv2
import numpy as np
import pytest

from gan import metrics
from gan.identity import SAME_PERSON, descriptors, identity_distances, mean_pairwise_distance
from landmarks import detect
from landmarks.models import model_file


@pytest.fixture(scope="module")
def face(portrait):
    """(128, 128, 3) face and its landmarks."""
    from gan.frame import Frame

    points = detect(portrait)[0].points
    return Frame(128).cut(portrait, points), Frame(128).place(points)


def test_psnr_by_hand():
    black = np.zeros((2, 16, 16, 3), np.uint8)
    other = black.copy()
    other[1] = 51  # 10 log10(255² / 51²) = 20 log10(5)
    np.testing.assert_allclose(
        metrics.peak_signal_to_noise_ratio(black, other), [np.inf, 20 * np.log10(5)]
    )


def test_ssim_by_hand():
    # Flat pictures have no variance: (2 a b + c) / (a² + b² + c), c = (0.01 · 255)².
    flat = np.full((2, 16, 16, 3), 100, np.uint8)
    other = flat.copy()
    other[1] = 50
    c = 2.55**2
    wanted = [1, (2 * 100 * 50 + c) / (100**2 + 50**2 + c)]
    np.testing.assert_allclose(metrics.structural_similarity(flat, other), wanted)


def test_ssim_falls_with_noise_and_takes_each_picture_alone(portrait):
    rng = np.random.default_rng(0)
    a = portrait[:64, :80]
    noisy = [np.clip(a + rng.normal(0, s, a.shape), 0, 255).astype(np.uint8) for s in (5, 20, 80)]
    got = metrics.structural_similarity(np.stack([a] * 3), np.stack(noisy))
    assert 1 > got[0] > got[1] > got[2] > 0
    assert metrics.structural_similarity(a[None], noisy[1][None])[0] == got[1]


def test_pictures_of_another_kind_are_told():
    good = np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(ValueError, match="float64"):
        metrics.peak_signal_to_noise_ratio(good / 255, good)
    with pytest.raises(ValueError, match="equal ones"):
        metrics.structural_similarity(good, good[:, :16])
    with pytest.raises(ValueError, match="16×16"):
        metrics.structural_similarity(good[:, :8, :8], good[:, :8, :8])


def test_landmarks_are_found_again_where_they_are(face):
    image, points = face
    error = metrics.landmark_error(image, points)
    assert error < 0.04
    # Wanted three pixels further right: further off by about that.
    moved = metrics.landmark_error(image, points + [3, 0])
    assert moved == pytest.approx(3 / np.linalg.norm(points[36] - points[45]), abs=0.04)
    assert metrics.landmark_error(np.zeros_like(image), points) == np.inf


def test_small_pictures_are_enlarged_for_the_detector(face):
    image, points = face
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    assert metrics.landmark_error(small, (points + 0.5) / 2 - 0.5) < 0.06


def test_a_missed_face_is_a_failure():
    got = metrics.summarize_errors([0.01, 0.05, 0.06, np.inf])
    assert got == (4, 1, 0.5, pytest.approx(0.04), pytest.approx(0.05))
    none = metrics.summarize_errors([np.inf])
    assert (none.within, none.missed) == (0, 1)
    assert np.isnan(none.median)
    with pytest.raises(ValueError, match="no NaN"):
        metrics.summarize_errors([np.nan])


def test_frechet_distance_by_hand():
    # Variances 1 and 4 (n − 1 in the denominator), means 0 and 3: 9 + 1 + 4 − 2 · 2 = 10.
    one = np.array([[-1.0], [0], [1]])
    two = np.array([[1.0], [3], [5]])
    assert metrics.frechet_distance(one, two) == pytest.approx(10)
    assert metrics.frechet_distance(two, two) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_is_that_of_the_matrix_square_root():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    a = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(80, 5)) @ rng.normal(size=(5, 5)) + 1
    one, two = np.cov(a.T), np.cov(b.T)
    shift = a.mean(0) - b.mean(0)
    wanted = shift @ shift + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert metrics.frechet_distance(a, b) == pytest.approx(wanted)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert metrics.frechet_distance(a @ turned + 7, b @ turned + 7) == pytest.approx(wanted)


def test_nearest_landmarks():
    known = np.zeros((3, 68, 2))
    known[1] += 5
    known[2] += 5
    np.testing.assert_array_equal(metrics.nearest(known[[0, 2]] + 1, known), [0, 1])
    with pytest.raises(ValueError, match="m ≥ 1"):
        metrics.nearest(known, known[:0])


def test_a_person_stays_the_same_and_another_does_not(face):
    image, points = face
    darker = cv2.convertScaleAbs(image, alpha=0.8)
    # Upside-down colours and a mirrored, flattened face: nobody in particular.
    other = 255 - cv2.GaussianBlur(image, (0, 0), 6)
    same, changed, else_ = descriptors([image, darker, other], [points] * 3)
    assert same.shape == (128,)
    distances = identity_distances([same, same], [changed, else_])
    assert distances[0] < 0.3 < SAME_PERSON < distances[1]


def test_descriptors_are_those_of_dlib_on_rgb(portrait):
    import dlib

    points = np.round(detect(portrait)[0].points)
    network = dlib.face_recognition_model_v1(
        str(model_file("dlib_face_recognition_resnet_model_v1.dat"))
    )
    whole = dlib.rectangle(0, 0, 511, 511)
    places = [dlib.point(int(x), int(y)) for x, y in points]
    face = dlib.full_object_detection(whole, places)
    wanted = np.array(network.compute_face_descriptor(portrait, face))
    (got,) = descriptors([portrait], [points])
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    (swapped,) = descriptors([portrait[..., ::-1]], [points])
    assert np.linalg.norm(swapped - wanted) > 0.05  # the order of colours is no matter of rounding


def test_mean_distances_by_hand():
    points = [[0, 0], [0, 3], [4, 0]]
    within, between = mean_pairwise_distance(points, ["a", "a", "b"])
    assert (within, between) == (pytest.approx(3), pytest.approx(4.5))
    assert np.isnan(mean_pairwise_distance(points[:1], ["a"])).all()
