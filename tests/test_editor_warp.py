"""The square, the warp and its region: known maps are recovered, and nothing moves outside."""

import cv2
import numpy as np
import pytest

from calibration import ExpressionModel
from gan.editor.inputs import CHANNELS, network_input
from gan.editor.region import region
from gan.editor.square import INTER_OCULAR, SIDE, after, into, inverse, laid_over, square_of
from gan.editor.warp import Moves, identity, moves, warp
from landmarks import detect, scheme
from landmarks.errors import PointsError


@pytest.fixture(scope="module")
def points(portrait):
    return detect(portrait, faces="largest")[0].points


@pytest.fixture(scope="module")
def face(portrait, points):
    crop = square_of(points)
    return crop.cut(portrait), into(crop.matrix, points)


def test_the_square_follows_every_similarity(points):
    turn = np.deg2rad(25)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = 1.7 * points @ rotation.T + [30, -12]
    placed = into(square_of(points).matrix, points)
    np.testing.assert_allclose(into(square_of(moved).matrix, moved), placed, atol=1e-9)


def test_a_face_lies_in_the_square_with_level_eyes_of_one_size(face):
    _, placed = face
    eyes = placed[45] - placed[36]
    assert abs(np.linalg.norm(eyes) - INTER_OCULAR) < 0.12 * INTER_OCULAR
    assert abs(np.rad2deg(np.arctan2(eyes[1], eyes[0]))) < 4
    assert placed.min() > 4
    assert placed.max() < SIDE - 5


def test_one_map_for_two_and_landmarks_laid_over_others(points):
    one = np.array([[0.8, -0.3, 5.0], [0.3, 0.8, -7.0]])
    other = np.array([[1.1, 0.2, 2.0], [0.0, 0.9, 3.0]])
    np.testing.assert_allclose(into(after(other, one), points), into(other, into(one, points)))
    moved = into(one, points)
    moved[48:] += 9  # what the mouth does makes no difference
    np.testing.assert_allclose(laid_over(points, moved), one, atol=1e-9)


def test_the_way_back_is_the_inverse(points):
    matrix = square_of(points).matrix
    np.testing.assert_allclose(into(inverse(matrix), into(matrix, points)), points)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (np.zeros((67, 2)), "67"),
        (np.full((68, 2), np.nan), "not finite"),
        (np.ones((68, 2)), "in one place"),
    ],
)
def test_what_is_no_face_has_no_square(broken, told):
    with pytest.raises(PointsError, match=told):
        square_of(broken)


def test_equal_landmarks_move_nothing(face):
    image, placed = face
    still = moves(image, placed, placed)
    assert (still.face == identity()).all()
    assert still.mouth is None
    assert (warp(image, still) == image).all()


def test_a_wanted_landmark_shows_what_was_at_its_place(face):
    image, placed = face
    wanted = into(np.array([[1.0, 0, 0], [0, 1.0, 0]]), placed)
    wanted[48:] += [0, 2.5]  # the mouth goes down, the chin with it
    wanted[5:12] += [0, 2.5]
    found = moves(image, placed, wanted).whole()
    at = cv2.remap(found, wanted[None].astype(np.float32), None, cv2.INTER_LINEAR)[0]
    inner = scheme.INNER_51
    assert np.linalg.norm(at - placed, axis=1)[inner].max() < 0.4


def test_nothing_moves_where_the_region_ends(face):
    image, placed = face
    wanted = ExpressionModel.load().intensify(placed, 1.2, "surprise")
    still = region(placed, wanted) == 0
    found = moves(image, placed, wanted).whole()
    assert still.mean() > 0.25
    assert (found[still] == identity()[still]).all()
    assert np.abs(found - identity()).max() > 2


def test_the_region_holds_both_faces_and_not_the_edge(face):
    _, placed = face
    wanted = ExpressionModel.load().intensify(placed, 1.2, "surprise")
    mask = region(placed, wanted)
    for points in (placed, wanted):
        x, y = np.rint(points).astype(int).T
        assert mask[y, x].min() > 0.9
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not edge.any()
    assert np.abs(np.diff(mask, axis=0)).max() < 0.35  # no seam


@pytest.mark.parametrize("gap", [None, 0.0, 0.3])
def test_a_warp_does_not_tear_where_landmarks_fall_together(face, gap):
    image, placed = face
    wanted = placed.copy()
    if gap is None:
        wanted[60:68] = wanted[60:68].mean(axis=0)
    else:  # the lips close, or cross by a third of a pixel
        wanted[[61, 62, 63]] = wanted[[67, 66, 65]] + [0, gap]
    moved = moves(image, placed, wanted)
    for found in (moved.face, moved.mouth.lower):
        across, down = np.diff(found, axis=1)[:-1], np.diff(found, axis=0)[:, :-1]
        areas = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
        assert (areas <= 0).mean() < 0.001  # nothing is inside out
        assert areas.max() < 4


def test_the_network_is_shown_the_mouth_that_opens(face):
    image, placed = face
    wanted = ExpressionModel.load().intensify(placed, 1.0, "surprise")
    moved = moves(image, placed, wanted)
    mask = region(placed, wanted)
    planes = network_input(warp(image, moved), wanted, moved, mask)
    assert planes.shape == (CHANNELS, SIDE, SIDE)
    assert planes.dtype == np.float32
    hull = wanted[60:68]
    x, y = np.rint(hull.mean(axis=0)).astype(int)
    assert planes[4, y, x] == 1
    # Both sides of the outline count, hence up to half its length more than the area.
    outline = hull.astype(np.float32)
    area, length = cv2.contourArea(outline), cv2.arcLength(outline, True)
    assert area <= planes[4].sum() <= area + length
    still = network_input(image, placed, moves(image, placed, placed), mask)
    assert not still[[6, 7, 8, 10]].any()
    down = (placed - wanted)[57, 1] / 16  # the lower lip's middle
    x, y = np.rint(wanted[57]).astype(int)
    assert abs(planes[7, y, x] - down) < 0.05


def test_what_grows_is_told_as_powers_of_two(face):
    _, placed = face
    centre = np.full(2, (SIDE - 1) / 2)
    twice = ((identity() - centre) / 2 + centre).astype(np.float32)  # each way twice as large
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    planes = network_input(image, placed, Moves(twice), np.ones((SIDE, SIDE), np.float32))
    np.testing.assert_allclose(planes[8], 2 / 3, atol=1e-5)
