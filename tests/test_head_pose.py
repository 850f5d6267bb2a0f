import numpy as np
import pytest

from landmarks import HeadPose, estimate_head_pose, scheme
from landmarks.head_pose import MODEL, RIGID, project, rotation_matrix


def seen(pose: HeadPose, **camera) -> np.ndarray:
    """68 points of which the rigid ones are the model's, seen by a camera."""
    points = np.zeros((68, 2))
    points[list(RIGID)] = project(MODEL, pose, **camera)
    return points


def test_the_table_fits_the_scheme():
    assert len(RIGID) == len(MODEL)
    # Its left half is the mirror image of its right half.
    place = {index: row for row, index in enumerate(RIGID)}
    partners = [place[int(scheme.MIRROR[index])] for index in RIGID]
    np.testing.assert_array_equal(MODEL[partners], MODEL * [-1, 1, 1])


@pytest.mark.parametrize("yaw", [-60, -20, 0, 35])
@pytest.mark.parametrize("pitch", [-30, 0, 25])
@pytest.mark.parametrize("roll", [-40, 0, 15])
def test_a_known_turn_is_recovered(yaw, pitch, roll):
    points = seen(HeadPose(yaw, pitch, roll), distance=80, focal=900) + [320, 240]
    pose = estimate_head_pose(points, focal_length=900, center=(320, 240))
    np.testing.assert_allclose([pose.yaw, pose.pitch, pose.roll], [yaw, pitch, roll], atol=1e-3)


def test_without_a_camera_the_turn_is_close():
    for distance in (50, 200):
        points = seen(HeadPose(25, -10, 5), distance=distance, focal=700)
        pose = estimate_head_pose(points)
        np.testing.assert_allclose([pose.yaw, pose.pitch, pose.roll], [25, -10, 5], atol=2.5)


def test_signs_are_the_subjects():
    nose, eyes = RIGID.index(30), [RIGID.index(36), RIGID.index(45)]
    camera = {"distance": 100, "focal": 1000}
    ahead = project(MODEL, HeadPose(0, 0, 0), **camera)
    left = project(MODEL, HeadPose(20, 0, 0), **camera)
    assert left[nose, 0] > ahead[nose, 0]  # the subject's left is the right of the picture
    up = project(MODEL, HeadPose(0, 20, 0), **camera)
    assert up[nose, 1] < ahead[nose, 1]
    tilted = project(MODEL, HeadPose(0, 0, 20), **camera)
    assert tilted[eyes[1], 1] > tilted[eyes[0], 1]  # the left eye sinks


def test_rotation_matrix_is_a_rotation():
    matrix = rotation_matrix(HeadPose(30, -20, 10))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_shift_and_scale_change_nothing():
    points = seen(HeadPose(15, 5, -8), distance=100, focal=1000)
    first, second = estimate_head_pose(points), estimate_head_pose(points * 3.7 + 1000)
    assert (first.yaw, first.pitch) == pytest.approx((second.yaw, second.pitch), abs=1e-4)


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="eye corners coincide"):
        estimate_head_pose(np.zeros((68, 2)))
    with pytest.raises(ValueError, match="focal length is -5"):
        estimate_head_pose(seen(HeadPose(0, 0, 0), distance=90, focal=90), focal_length=-5)
    with pytest.raises(ValueError, match="behind the camera"):
        project(MODEL, HeadPose(0, 0, 0), distance=1, focal=100)
