"""What was made in the square goes into the photograph, and nothing else changes."""

import numpy as np
import pytest

from gan.editor.compose import compose
from gan.editor.repair import Repaired
from gan.editor.square import SIDE, inverse
from gan.editor.warp import Moves

ROW = np.arange(SIDE, dtype=np.float32)
IDENTITY = np.stack(np.meshgrid(ROW, ROW), axis=-1)
RADIUS = 50.0
AWAY = np.hypot(*(IDENTITY - (SIDE - 1) / 2).transpose(2, 0, 1))
DISC = np.clip((RADIUS - AWAY) / 20, 0, 1).astype(np.float32)
NOTHING = np.zeros((SIDE, SIDE, 3), np.float32)


def photograph(height=260, width=300):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def placed(scale, degrees, centre=(150, 130)):
    """Pixels of the photograph → the square, whose middle lies at `centre`."""
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.full(2, (SIDE - 1) / 2) - linear @ np.asarray(centre, float)
    return np.concatenate([linear, shift[:, None]], axis=1)


def edited(image, matrix, coordinates=IDENTITY, region=DISC, residual=NOTHING):
    result = image.copy()
    moved = Moves(coordinates.astype(np.float32))
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    compose(image, matrix, Repaired(moved, region, square, residual)).onto(result)
    return result


@pytest.mark.parametrize(("scale", "degrees"), [(0.6, 17), (1, 0), (2.3, -80)])
def test_an_edit_that_changes_nothing_gives_the_photograph_to_the_bit(scale, degrees):
    image = photograph()
    assert (edited(image, placed(scale, degrees)) == image).all()


@pytest.mark.parametrize("scale", [0.6, 2.3])
def test_nothing_changes_outside_of_the_region(scale):
    image, matrix = photograph(), placed(scale, 30)
    result = edited(image, matrix, residual=np.full_like(NOTHING, 90))
    height, width = image.shape[:2]
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    away = np.hypot(*(pixels - (150, 130)).transpose(2, 0, 1)) * scale
    changed = (result != image).any(axis=2)
    assert not changed[away > RADIUS + 2].any()
    assert changed[away < RADIUS - 3].mean() > 0.95


def test_pixels_are_the_photographs_own_moved_and_turned_with_the_face():
    # A quarter turn at half size: 3 pixels to the right in the square are 6 up or down here.
    image, matrix = photograph(), placed(0.5, 90)
    move = inverse(matrix)[:, :2] @ (3, 0)
    assert np.abs(np.round(move)).tolist() == [0, 6]
    result = edited(image, matrix, IDENTITY + np.float32([3, 0]) * DISC[..., None])
    x, y = np.round(move).astype(int)
    # Where the disc is full, within 30 square pixels of the middle.
    assert (result[100:160, 120:180] == image[100 + y : 160 + y, 120 + x : 180 + x]).all()


def test_what_is_added_arrives_with_its_colour():
    image = np.full((260, 300, 3), 100, np.uint8)
    added = np.float32([10, 0, -20]) * DISC[..., None]
    result = edited(image, placed(0.5, 10), residual=added)
    assert result[130, 150].tolist() == [110, 100, 80]
    assert result[0, 0].tolist() == [100, 100, 100]


@pytest.mark.parametrize("centre", [(0, 0), (299, 130), (-1000, 50)])
def test_a_face_may_leave_the_photograph(centre):
    image = photograph()
    result = edited(image, placed(1, 0, centre), residual=np.full_like(NOTHING, 90))
    assert result.shape == image.shape
    assert (result == image).all() == (centre[0] < -500)
