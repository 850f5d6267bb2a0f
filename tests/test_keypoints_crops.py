"""From a box to a crop and back: half pixels, borders, boxes that are none."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from landmarks.errors import InputError
from landmarks.keypoints.crops import FACTOR, Crop, crop_around, square, typical_box
from tests.drawn_faces import drawn_points


def spot(centre, side=200, sigma=3.0):
    """A bright spot with sub-pixel centre."""
    y, x = np.mgrid[:side, :side]
    distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return np.round(250 * np.exp(-distance / (2 * sigma**2))).astype(np.uint8)


def middle_of(image):
    weights = image.astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


def random_crop(rng, side=112):
    return square(
        rng.uniform(-20, 220, 2),
        rng.uniform(20, 300),
        side,
        turn=rng.uniform(-3, 3),
        mirror=bool(rng.random() < 0.5),
    )


@pytest.mark.parametrize("module", ["", ".crops", ".augment", ".config", ".train"])
def test_importing_loads_neither_dlib_nor_torch(module):
    code = f"import sys, landmarks.keypoints{module}\n"
    code += "print(sorted({'dlib', 'torch'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_there_and_back_is_the_identity():
    rng = np.random.default_rng(0)
    points = rng.uniform(-50, 250, (68, 2))
    for _ in range(20):
        crop = random_crop(rng)
        np.testing.assert_allclose(crop.to_picture(crop.to_crop(points)), points, atol=1e-9)


def test_a_box_of_whole_pixels_is_cut_out_bit_for_bit():
    image = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    crop = crop_around((10, 20, 41, 51), 32, factor=1)
    assert (crop.cut(image) == image[20:52, 10:42]).all()
    np.testing.assert_allclose(crop.to_crop([10, 20]), 0.5 / 32)
    np.testing.assert_allclose(crop.to_crop([41.5, 51.5]), 1)
    assert crop.pixels == pytest.approx(32)


def test_the_crop_is_a_square_around_the_boxs_middle():
    crop = crop_around((10, 30, 29, 74), 96)  # 20 × 45 pixels: as large as 30 × 30
    np.testing.assert_allclose(crop.to_picture([0.5, 0.5]), [19.5, 52])
    assert crop.pixels == pytest.approx(FACTOR * 30)


@pytest.mark.parametrize("width", [40, 150, 190])  # enlarged; the same; shrunk with averages
@pytest.mark.parametrize("mirror", [False, True])
def test_a_spot_lands_where_its_point_does(width, mirror):
    at, side = np.array([101.3, 88.7]), 64
    crop = square((95, 93), width, side, turn=0.4, mirror=mirror)
    seen = middle_of(crop.cut(spot(at)))
    np.testing.assert_allclose((seen + 0.5) / side, crop.to_crop(at), atol=0.003)


def test_shrinking_averages():
    checkers = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    seen = square((127.5, 127.5), 256, 32).cut(checkers)
    assert np.ptp(seen.astype(int)) <= 2
    assert abs(float(seen.mean()) - 127.5) < 2


def test_outside_of_the_picture_its_border_goes_on():
    image = np.zeros((40, 40), np.uint8)
    image[:, 0] = 200
    assert (crop_around((-100, 0, -61, 39), 32, factor=1).cut(image) == 200).all()
    large = np.full((400, 300, 3), 7, np.uint8)
    for box in [(-900, -900, -500, -500), (-50, 100, 349, 499), (250, 390, 1000, 1140)]:
        assert (crop_around(box, 64).cut(large) == 7).all()


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ((10, 10, 9, 20), "is empty"),
        ((10, 10, 20, 5), "is empty"),
        ((np.nan, 0, 1, 1), "four finite numbers"),
        ((0, 0, np.inf, 1), "four finite numbers"),
        ((1, 2, 3), "four finite numbers"),
    ],
)
def test_boxes_that_are_none(box, told):
    with pytest.raises(InputError, match=told):
        crop_around(box, 112)


def test_a_typical_box_follows_every_similarity():
    points = drawn_points()
    centre, side = typical_box(points)
    turn = 1.7 * cv2.getRotationMatrix2D((0, 0), 33, 1)[:, :2]
    moved, larger = typical_box(points @ turn.T + [5, -3])
    np.testing.assert_allclose(moved, turn @ centre + [5, -3])
    assert larger == pytest.approx(1.7 * side)


def test_a_crop_knows_turns_clockwise():
    crop = square((50, 50), 100, 100, turn=np.pi / 2)
    # What was right of the middle is below it.
    np.testing.assert_allclose(crop.to_crop([60, 50]) * 100 - 0.5, [49.5, 59.5], atol=1e-9)
    assert isinstance(crop, Crop)
