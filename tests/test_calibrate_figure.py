"""The three panels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from calibration import calibrate
from calibration.figure import draw_calibration

SQUARE = np.array([[20, 20], [80, 20], [80, 80], [20, 80], [50, 45], [35, 60], [62, 33]], float)
GREY = np.full((100, 120, 3), 128, np.uint8)


def panels(figure, width):
    """Gold, sample and calibrated; the last two are of one width, 12 pixels apart."""
    gold = figure[:, : -2 * width - 24]
    return gold, figure[:, -2 * width - 12 : -width - 12], figure[:, -width:]


def inked(panel, low, high):
    """Pixels whose channels all lie between the two colours."""
    return ((panel >= low) & (panel <= high)).all(-1)


def red(panel):
    return inked(panel, (200, 0, 0), (255, 60, 60))


def green(panel):
    return inked(panel, (0, 140, 30), (60, 200, 90))


def test_the_sample_is_red_and_the_calibrated_green_on_the_same_photograph():
    figure = draw_calibration(GREY, SQUARE, GREY, SQUARE, SQUARE + 3)
    gold, sample, calibrated = panels(figure, 500)
    assert [red(panel).any() for panel in (gold, sample, calibrated)] == [False, True, False]
    assert [green(panel).any() for panel in (gold, sample, calibrated)] == [False, False, True]
    photograph = inked(calibrated, (128, 128, 128), (128, 128, 128))
    assert photograph.mean() > 0.7


def discs(mask):
    """Centres (x, y) of the discs, from left to right."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    centres = np.array(ndimage.center_of_mass(mask, labels, range(1, count + 1)))[:, ::-1]
    assert count == len(SQUARE)
    return centres[np.lexsort(np.round(centres).T[::-1])]


def test_the_calibrated_points_stand_where_they_are_beside_the_sample():
    figure = draw_calibration(None, SQUARE, None, SQUARE, SQUARE + np.array([6, 0]))
    # Points from 20 to 86 and 20 to 80, 0.35 * 66 around: 112.2 by 106.2 pixels, 480 high.
    _, sample, calibrated = panels(figure, 507)
    expected = discs(red(sample)) + np.array([6 * 480 / 106.2, 0])
    np.testing.assert_allclose(discs(green(calibrated)), expected, atol=1)


def test_points_of_another_framing_are_moved_onto_the_sample():
    far = SQUARE * 4 + [3000, 900]
    figure = draw_calibration(None, far, GREY, SQUARE, far)
    _, sample, calibrated = panels(figure, 487)  # 101.5 by 100 pixels of the photograph
    np.testing.assert_allclose(discs(green(calibrated)), discs(red(sample)), atol=1)


def test_points_beyond_the_photograph_are_shown_on_white():
    figure = draw_calibration(None, SQUARE, GREY, SQUARE - [60, 0], SQUARE - [60, 0])
    calibrated = figure[:, -400:]
    left, right = np.array_split(calibrated[40:], 2, axis=1)
    assert green(left).any()
    assert green(right).any()
    assert inked(left[:, 10:60], (255, 255, 255), (255, 255, 255)).mean() > 0.7


def test_calibrate_writes_it_on_request_from_files_and_arrays(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "sample.png")
    calibrate(GREY, SQUARE, tmp_path / "sample.png", SQUARE, figure=tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.size[0] > 2 * figure.size[1]
    with pytest.raises(ValueError, match=r"nowhere\.jpg"):
        calibrate("nowhere.jpg", SQUARE, None, SQUARE, figure=tmp_path / "second.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "sample.png"]


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_points_of_any_unit_are_drawn_and_cost_no_memory(scale):
    plain = draw_calibration(None, SQUARE, None, SQUARE, SQUARE)
    scaled = (SQUARE + 0.5) * scale - 0.5
    np.testing.assert_array_equal(draw_calibration(None, scaled, None, scaled, scaled), plain)
    assert draw_calibration(GREY, scaled, GREY, scaled, scaled).size < 3e6
