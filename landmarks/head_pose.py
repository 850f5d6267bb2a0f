"""Which way the head is turned: yaw, pitch and roll from 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import metrics

RIGID: Final = (27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45, 48, 54)
"""Landmarks that move least with expression: nose, eye corners, mouth corners. The jaw is left
out, because detectors place it loosely and because it drops when the mouth opens."""

MODEL: Final[NDArray[np.float64]] = np.array(
    [
        [0.00, -0.40, -1.84],  # 27 nose bridge, top
        [0.00, 0.71, -2.62],
        [0.00, 1.73, -3.41],
        [0.00, 2.94, -4.17],  # 30 nose tip
        [-1.25, 4.49, -1.97],  # 31 right nostril
        [0.00, 4.55, -2.67],  # 33 below the nose
        [1.25, 4.49, -1.97],  # 35 left nostril
        [-4.46, -0.09, 0.30],  # 36 right eye, outer corner
        [-1.84, 0.09, -0.30],  # 39 right eye, inner corner
        [1.84, 0.09, -0.30],  # 42 left eye, inner corner
        [4.46, -0.09, 0.30],  # 45 left eye, outer corner
        [-2.53, 6.86, -1.29],  # 48 right mouth corner
        [2.53, 6.86, -1.29],  # 54 left mouth corner
    ]
)
"""(13, 3) centimetres; x to the subject's left, y down, z away from the viewer; origin between the
eye corners. Rounded from the mean face of ICT-FaceKit (USC ICT, MIT licence)."""

_FOCAL_PER_INTER_OCULAR = 11.2  # a camera one metre away: 100 cm over the model's 8.92 cm


@dataclass(frozen=True)
class HeadPose:
    """A head turn in degrees; all zero when the face looks along the line of sight.

    Attributes
    ----------
    yaw : float
        Positive toward the subject's left (the right of the picture).
    pitch : float
        Positive upward.
    roll : float
        Positive clockwise in the picture: the subject's left eye sinks.
    """

    yaw: float
    pitch: float
    roll: float


def estimate_head_pose(
    points: ArrayLike,
    *,
    focal_length: float | None = None,
    center: tuple[float, float] | None = None,
) -> HeadPose:
    """Turn of the head that projects a mean 3-D face onto the landmarks best.

    Parameters
    ----------
    points : (68, 2) array_like
        Landmarks (x, y) in pixels.
    focal_length : float, optional
        Of the camera, in pixels; without it a camera one metre away is assumed.
    center : (float, float), optional
        Where the optical axis meets the picture, in pixels; without it the middle of the face, so
        that the pose is relative to the line of sight.

    Returns
    -------
    pose : HeadPose
        Yaw, pitch and roll in degrees.

    Raises
    ------
    ValueError
        Not 68 finite points, eye corners that coincide, or points that no pose explains.

    Notes
    -----
    Invariant to shifting and scaling the points when `focal_length` and `center` are left out.
    A mean face stands for all: a person's own nose length shows up as pitch.

    References
    ----------
    Terzakis and Lourakis, "A Consistently Fast and Globally Optimal Solution to the
    Perspective-n-Point Problem", ECCV 2020 (`cv2.SOLVEPNP_SQPNP`).
    """
    array = np.asarray(points, dtype=np.float64)
    distance = metrics.inter_ocular_distance(array)
    if distance == 0:
        raise ValueError("the outer eye corners coincide: no head pose can be told")
    focal = _FOCAL_PER_INTER_OCULAR * distance if focal_length is None else float(focal_length)
    if not focal > 0:
        raise ValueError(f"the focal length is {focal}: expected pixels above 0")
    rigid = array[list(RIGID)]
    if center is not None:
        return _angles(_solve(rigid, focal, np.asarray(center, dtype=np.float64))[0])
    middle = rigid.mean(axis=0)
    _, translation = _solve(rigid, focal, middle)
    # The line of sight goes through the origin of the model, which the first pose locates.
    middle = middle + focal * translation[:2] / translation[2]
    return _angles(_solve(rigid, focal, middle)[0])


def _solve(
    rigid: NDArray[np.float64], focal: float, center: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation matrix and translation (3,) in centimetres."""
    camera = np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1.0]])
    flags = cv2.SOLVEPNP_SQPNP
    solved, rotation, translation = cv2.solvePnP(MODEL, rigid, camera, None, flags=flags)
    if not solved:
        raise ValueError("no head pose explains the landmarks")
    rotation, translation = cv2.solvePnPRefineLM(MODEL, rigid, camera, None, rotation, translation)
    return cv2.Rodrigues(rotation)[0], translation.ravel()


def _angles(matrix: NDArray[np.float64]) -> HeadPose:
    # matrix = Rz(roll) · Ry(−yaw) · Rx(−pitch): the nose points to −z, so that a positive turn
    # about y (down) moves it to the left of the picture.
    yaw = np.arcsin(np.clip(matrix[2, 0], -1, 1))
    pitch = -np.arctan2(matrix[2, 1], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[0, 0])
    return HeadPose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))


def rotation_matrix(pose: HeadPose) -> NDArray[np.float64]:
    """The rotation that a pose stands for.

    Parameters
    ----------
    pose : HeadPose
        Degrees.

    Returns
    -------
    rotation : (3, 3) float array
        Turns points of a face that looks at the camera (x right, y down, z away).
    """
    about_y, about_x = -np.radians(pose.yaw), -np.radians(pose.pitch)
    about_z = np.radians(pose.roll)
    (cx, sx), (cy, sy), (cz, sz) = (
        (np.cos(angle), np.sin(angle)) for angle in (about_x, about_y, about_z)
    )
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return z @ y @ x


def project(
    model: ArrayLike, pose: HeadPose, *, distance: float, focal: float
) -> NDArray[np.float64]:
    """Perspective picture of 3-D points that stand `distance` before the camera.

    Parameters
    ----------
    model : (n, 3) array_like
        Points in centimetres, axes as in `MODEL`.
    pose : HeadPose
        Degrees.
    distance : float
        From the camera to the origin of the model, in centimetres.
    focal : float
        Focal length in pixels.

    Returns
    -------
    points : (n, 2) float array
        Pixels from the optical axis.
    """
    turned = np.asarray(model, dtype=np.float64) @ rotation_matrix(pose).T
    depth = turned[:, 2:] + distance
    if (depth <= 0).any():
        raise ValueError(f"the model reaches behind the camera at distance {distance} cm")
    return turned[:, :2] / depth * focal
