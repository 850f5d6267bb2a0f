"""What augmentation does to a picture, it does to the points."""

import numpy as np
import pytest

from landmarks import scheme
from landmarks.keypoints.augment import (
    augment,
    augment_lightly,
    detector_jitter,
    jitter,
    no_face,
    piece,
    spoil,
)
from landmarks.keypoints.crops import Crop, square

STORED, SIDE = 179, 112


def marked(at):
    """A grey picture with a white spot."""
    y, x = np.mgrid[:STORED, :STORED]
    distance = (x - at[0]) ** 2 + (y - at[1]) ** 2
    return np.round(20 + 230 * np.exp(-distance / 18)).astype(np.uint8)


def spot_in(crop):
    """Mean position of what is brighter than half, in fractions of the side."""
    weights = np.clip(crop.astype(float) - 130, 0, None)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    return (np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum() + 0.5) / len(crop)


@pytest.fixture
def plain(monkeypatch):
    """Without what only changes shades."""
    monkeypatch.setattr("landmarks.keypoints.augment.spoil", lambda values, other, rng: values)


@pytest.mark.parametrize("landmark", [0, 27, 36, 48])  # of a pair, and in the middle
def test_a_mark_at_a_landmark_lands_at_its_moved_point(plain, landmark):
    points = np.random.default_rng(5).uniform(60, 119, (68, 2))
    image = marked(points[landmark])
    seen = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        mirrored = jitter(STORED, SIDE, np.random.default_rng(seed))[1]
        crop, moved = augment(image, points, image, SIDE, rng)
        seen.add(mirrored)
        index = scheme.MIRROR[landmark] if mirrored else landmark
        np.testing.assert_allclose(spot_in(crop), moved[index], atol=0.006)
    assert seen == {True, False}


def test_mirroring_twice_is_the_identity():
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    points = np.random.default_rng(1).uniform(0, SIDE, (68, 2))
    flip = square(((SIDE - 1) / 2,) * 2, SIDE, SIDE, mirror=True)
    assert (flip.cut(image) == image[:, ::-1]).all()
    assert (flip.cut(flip.cut(image)) == image).all()

    def once(at):
        return (flip.to_crop(at) * SIDE - 0.5)[scheme.MIRROR]

    np.testing.assert_allclose(once(points), scheme.mirror(points, SIDE), atol=1e-9)
    np.testing.assert_allclose(once(once(points)), points, atol=1e-9)


def test_light_augmentation_turns_picture_and_points_alike():
    at = np.array([120.0, 70.0])
    for seed in range(5):
        crop, moved = augment_lightly(
            marked(at), np.tile(at, (68, 1)), SIDE, np.random.default_rng(seed)
        )
        top = np.unravel_index(int(crop.argmax()), crop.shape)[::-1]
        np.testing.assert_allclose((np.array(top) + 0.5) / SIDE, moved[0], atol=0.02)


def test_jitter_is_as_wide_as_it_says():
    rng = np.random.default_rng(0)
    crops = [jitter(STORED, SIDE, rng)[0] for _ in range(400)]
    sizes = np.array([crop.pixels for crop in crops]) / SIDE
    middles = np.array([crop.to_picture([0.5, 0.5]) for crop in crops]) - (STORED - 1) / 2
    turns = np.degrees([np.arctan2(*crop.matrix[1, :2]) for crop in crops])
    assert 0.8 <= sizes.min() < 0.83
    assert 1.2 < sizes.max() <= 1.25
    assert 0.09 * SIDE < abs(middles).max() <= 0.1 * SIDE
    assert 28 < abs(turns).max() <= 30


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 3)])
def test_spoiling_keeps_shape_and_repeats_itself(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    other = np.random.default_rng(1).integers(0, 256, (STORED, STORED, *shape[2:]), np.uint8)
    kept = image.copy()
    results = []
    for seed in range(30):
        spoilt = spoil(image, other, np.random.default_rng(seed))
        assert spoilt.shape == shape
        assert spoilt.dtype == np.uint8
        assert (spoilt == spoil(image, other, np.random.default_rng(seed))).all()
        results.append(spoilt.tobytes())
    assert (image == kept).all()
    assert len(set(results)) == 30


@pytest.mark.parametrize("channels", [(), (3,)])
def test_what_is_no_face_has_the_inputs_size(channels):
    image = np.random.default_rng(0).integers(0, 256, (STORED, STORED, *channels), np.uint8)
    for seed in range(25):
        made = no_face(image, image, SIDE, np.random.default_rng(seed))
        assert made.shape == (SIDE, SIDE, *channels)
        part = piece(image[:, :90], SIDE, np.random.default_rng(seed))
        assert part.shape == (SIDE, SIDE, *channels)
    assert piece(image[:9, :9], SIDE, np.random.default_rng(0)).shape == (SIDE, SIDE, *channels)


def test_what_is_no_face_never_frames_it(monkeypatch):
    """Upright, of the face's size and in its place it would be a face that is not trusted."""
    framed = []

    def cut(crop, image):
        middle = abs(crop.to_picture([0.5, 0.5]) - (STORED - 1) / 2).max() / SIDE
        upright = crop.matrix[1, 1] > 0.5 * abs(crop.matrix[:, :2]).max()
        framed.append(upright and middle < 0.3 and 0.6 < crop.pixels / SIDE < 1.6)
        return np.zeros((SIDE, SIDE), np.uint8)

    monkeypatch.setattr(Crop, "cut", cut)
    shuffled = []
    monkeypatch.setattr(
        "landmarks.keypoints.augment._shuffled", lambda v, rng: shuffled.append(len(framed)) or v
    )
    image = np.zeros((STORED, STORED), np.uint8)
    for seed in range(200):
        no_face(image, image, SIDE, np.random.default_rng(seed))
    assert sum(framed) == len(shuffled) > 20
    assert all(framed[number - 1] for number in shuffled)


def test_the_boxes_of_validation_are_off_at_least_as_the_detectors_are():
    crops = [detector_jitter(STORED, SIDE, np.random.default_rng(row)) for row in range(500)]
    middles = np.array([crop.to_picture([0.5, 0.5]) for crop in crops]) - (STORED - 1) / 2
    assert (middles / SIDE).std() == pytest.approx(0.045, rel=0.1)
    assert np.log([crop.pixels / SIDE for crop in crops]).std() == pytest.approx(0.11, rel=0.1)
