"""Lips part and meet without stretching teeth, and what was hidden is told."""

import cv2
import numpy as np
import pytest

from gan.editor.compose import compose
from gan.editor.inputs import network_input
from gan.editor.mouth import _signed_distance, parted
from gan.editor.region import region
from gan.editor.repair import Repairer
from gan.editor.square import SIDE, into, square_of
from gan.editor.warp import moves, warp
from landmarks import detect

SKIN, LIPS, TEETH = (200, 150, 130), (180, 70, 80), (250, 250, 240)
ROW = 2  # rows of teeth and of what is between them


@pytest.fixture(scope="module")
def placed(portrait):
    points = detect(portrait, faces="largest")[0].points
    return into(square_of(points).matrix, points)


def opened(placed, height):
    """A mouth whose inner edges are `height` apart, with the lower lip and the chin."""
    points = placed.copy()
    x = np.linspace(48, 80, 5)
    points[[60, 61, 62, 63, 64]] = np.stack([x, [90.0] * 5], axis=1)
    points[[67, 66, 65], 0] = x[1:4]
    points[[67, 66, 65], 1] = 90 + height
    outer = np.linspace(44, 84, 7)
    points[48:55] = np.stack([outer, [90, 85, 83, 84, 83, 85, 90]], axis=1)
    points[55:60] = np.stack([outer[5:0:-1], [95, 97, 98, 97, 95] + np.float64(height)], axis=1)
    points[5:12, 1] = [100, 106, 110, 112, 110, 106, 100] + np.float64(height)
    return points


def drawn(points, scale=1):
    """A face of three colours, teeth in rows, as large as the square times `scale`."""
    image = np.full((SIDE * scale, SIDE * scale, 3), SKIN, np.uint8)

    def fill(outline, colour):
        fixed = np.rint(((outline + 0.5) * scale - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], colour, cv2.LINE_8, 4)

    fill(points[48:60], LIPS)
    teeth = image.copy()
    fill(points[60:68], (1, 1, 1))
    inside = (image == 1).all(axis=2)
    rows = (np.arange(SIDE * scale) // (ROW * scale)) % 2 == 0
    teeth[rows] = TEETH
    teeth[~rows] = (90, 20, 20)
    image[inside] = teeth[inside]
    return image


def edit(face, before, after):
    [made] = Repairer(None)(face[None], before[None], after[None])
    return made


def like(image, colour, off=40):
    return (np.abs(image.astype(int) - colour) < off).all(axis=-1)


def test_a_mouth_that_opens_is_dark_between_lips_of_the_same_colour(placed):
    before, after = opened(placed, 0), opened(placed, 14)
    face = drawn(before)
    moved = moves(face, before, after)
    image = warp(face, moved)
    middle = image[:, 64]
    assert like(middle[85:89], LIPS).all()
    assert (middle[93:103] < 80).all()
    assert like(middle[106:110], LIPS).all()
    hidden = moved.mouth.hidden()
    assert hidden[93:103, 64].min() == 1
    assert hidden[:89].max() == hidden[106:].max() == 0


def test_teeth_are_not_stretched_without_end(placed):
    """Twice as tall an opening shows teeth 1.4 times as tall under the upper lip, then dark."""
    before, after = opened(placed, 10), opened(placed, 20)
    moved = moves(drawn(before), before, after)
    middle = warp(drawn(before), moved)[:, 64]
    bright = like(middle, TEETH, 90)
    assert bright[91:104].sum() == pytest.approx(7, abs=2)
    assert not bright[105:110].any()
    assert (middle[106:109] < 110).all()


def test_lips_that_meet_hide_the_teeth(placed):
    before, after = opened(placed, 8), opened(placed, 0)
    face = drawn(before)
    assert like(face, TEETH).any()
    image = warp(face, moves(face, before, after))
    assert not like(image, TEETH, 60).any()
    column = np.concatenate([image[86:90, 64], image[91:95, 64]])  # the line between them is dark
    assert like(column, LIPS).all()


def test_lips_do_not_cross(placed):
    crossed = opened(placed, 0)
    crossed[[65, 66, 67], 1] -= 2
    open_again = parted(crossed)
    assert (open_again[[67, 66, 65], 1] >= open_again[[61, 62, 63], 1]).all()
    assert open_again[62] == pytest.approx((crossed[62] + crossed[66]) / 2)
    assert (parted(opened(placed, 3)) == opened(placed, 3)).all()


def test_distances_are_those_of_opencv(placed):
    outline = placed[60:68] * [1.0, 3.0] - [0, 180]
    low, high = np.array([40, 60]), np.array([90, 110])
    found = _signed_distance(outline, low, high)
    contour = outline.astype(np.float32)
    for y, x in np.random.default_rng(0).integers(0, 50, (40, 2)):
        true = cv2.pointPolygonTest(contour, (float(x + 40), float(y + 60)), True)
        assert found[y, x] == pytest.approx(true, abs=1e-3)


@pytest.mark.parametrize("height", [0, 16])
def test_a_photograph_shows_what_the_square_shows(placed, height):
    before, after = opened(placed, 8), opened(placed, height)
    face = cv2.GaussianBlur(drawn(before), (0, 0), 1.0)
    moved = moves(face, before, after)
    photograph = face.copy()
    compose(face, np.eye(2, 3), edit(face, before, after)).onto(photograph)
    assert np.abs(photograph.astype(int) - warp(face, moved)).mean() < 0.3


def test_lips_have_sharp_edges_in_a_large_photograph(placed):
    before, after = opened(placed, 0), opened(placed, 14)
    photograph = drawn(before, 4)
    matrix = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    compose(photograph.copy(), matrix, edit(drawn(before), before, after)).onto(photograph)
    column = photograph[372:440, 4 * 64, 1].astype(int)  # from the dark into the lower lip
    assert column[0] < 40
    between = (column > 35) & (column < 60)
    assert between.sum() <= 3


def test_a_mouth_may_leave_the_photograph(placed):
    before, after = opened(placed, 0), opened(placed, 14)
    made = edit(drawn(before), before, after)
    for height, width in ((88, 128), (128, 60), (70, 128)):
        photograph = drawn(before)[:height, :width].copy()
        whole = drawn(before)
        compose(drawn(before), np.eye(2, 3), made).onto(whole)
        compose(photograph.copy(), np.eye(2, 3), made).onto(photograph)
        assert (photograph[: height - 24, : width - 24] == whole[: height - 24, : width - 24]).all()


def adds(levels):
    return Repairer(
        lambda planes: np.full((len(planes), 3, SIDE, SIDE), levels / 127.5, np.float32)
    )


def added(levels, face, before, after, row):
    [made] = adds(levels)(face[None], before[None], after[None])
    return made.residual[row, 64]


def test_teeth_that_stay_are_not_painted_darker(placed):
    ajar, wider, shut, less = (opened(placed, height) for height in (12, 14, 0, 5))
    face = drawn(ajar)
    assert added(-50, face, ajar, wider, 96) == pytest.approx(0)
    assert added(50, face, ajar, wider, 96) == pytest.approx(50)
    assert added(-50, face, ajar, shut, 96) == pytest.approx(-50)
    assert added(-50, drawn(shut), shut, wider, 96) == pytest.approx(-50)
    # A mouth that closes halfway hides them.
    assert added(-50, face, ajar, less, 92) == pytest.approx(-50)


def test_what_is_painted_shows_the_squares_own_pixels(placed):
    """Fine grain of a large photograph is not seen through what is painted between the lips."""
    before = opened(placed, 10)
    after = before.copy()
    after[57, 1] += 1
    matrix = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    rough = drawn(before, 4) + np.random.default_rng(0).normal(0, 40, (4 * SIDE, 4 * SIDE, 3))
    rough = np.clip(rough, 0, 255).astype(np.uint8)
    grain = []
    for levels in (0, 60):
        [made] = Repairer(None)(drawn(before)[None], before[None], after[None])
        picture = rough.copy()
        residual = np.full_like(made.residual, levels)
        compose(rough, matrix, made._replace(residual=residual)).onto(picture)
        part = picture[372:400, 230:280].astype(float)
        grain.append((part - cv2.GaussianBlur(part, (0, 0), 1)).std())
    assert grain[1] < 0.4 * grain[0]


def test_crossed_lips_are_parted_before_they_are_moved(placed):
    before, crossed = opened(placed, 4), opened(placed, 0)
    crossed[65:68, 1] -= 2
    face = drawn(before)
    for one, other in ((before, crossed), (crossed, before)):
        found, clean = moves(face, one, other), moves(face, parted(one), parted(other))
        assert (found.face == clean.face).all()
        assert (found.mouth.opening == clean.mouth.opening).all()


def test_the_network_is_told_what_was_hidden(placed):
    before, after = opened(placed, 0), opened(placed, 14)
    moved = moves(drawn(before), before, after)
    image = warp(drawn(before), moved)
    planes = network_input(image, after, moved, region(before, after))
    assert planes[10, 93:103, 64].min() == 1
    assert planes[10, :80].max() == 0
