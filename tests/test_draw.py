import numpy as np
import pytest

from landmarks import landmark_image, overlay, scheme
from landmarks.draw import draw_points


@pytest.mark.parametrize("size", [(64, 64), (256, 128), (1, 1)])
@pytest.mark.parametrize("style", ["points", "contours", "both"])
def test_landmark_images_are_white_on_black_at_any_size(face_points, size, style):
    image = landmark_image(face_points * min(size) / 256, size, style=style)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert (image == image[..., :1]).all()


def test_points_lie_where_they_are_said_to(face_points):
    for point in ([20, 30], [20.5, 30], [41.25, 7.75]):
        image = np.zeros((64, 64, 3), np.uint8)
        draw_points(image, [point], (255, 255, 255), radius=3)
        weight = image[..., 0].astype(float)
        y, x = np.indices(weight.shape)
        center = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
        np.testing.assert_allclose(center, point, atol=0.06)


def test_both_shows_points_and_contours(face_points):
    pictures = {
        style: landmark_image(face_points, (256, 256), style=style, radius=3)
        for style in ("points", "contours", "both")
    }
    assert (pictures["both"] >= pictures["points"]).all()
    assert (pictures["both"] > pictures["contours"]).any()


def test_contours_pass_through_every_point(face_points):
    image = landmark_image(np.round(face_points), (256, 256), style="contours")
    for x, y in np.round(face_points).astype(int):
        assert image[y, x, 0] > 100


def test_a_mirrored_face_makes_a_mirrored_picture(face_points):
    points = np.round(face_points)
    image = landmark_image(points, (256, 256), style="points")
    mirrored = landmark_image(scheme.mirror(points, 256), (256, 256), style="points")
    # OpenCV smooths the left and right edge of a disc a little differently.
    np.testing.assert_allclose(mirrored.astype(int), image[:, ::-1], atol=10)


def test_points_far_outside_are_cut_off(face_points):
    assert landmark_image(face_points + 1e12, (32, 32)).max() == 0


def test_overlay_leaves_the_photograph_alone(face_points):
    photo = np.full((256, 256, 3), 90, np.uint8)
    drawn = overlay(photo, [face_points], boxes=[(60, 30, 200, 220)])
    assert (photo == 90).all()
    assert (drawn != 90).any()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"points": np.zeros((67, 2)), "size": (8, 8)}, "expected .68, 2."),
        ({"points": np.full((68, 2), np.nan), "size": (8, 8)}, "not finite"),
        ({"points": np.zeros((68, 2)), "size": (0, 8)}, "0×8"),
        ({"points": np.zeros((68, 2)), "size": (8, 8), "style": "dots"}, "points, contours, both"),
    ],
)
def test_bad_input_is_told(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        landmark_image(**arguments)
