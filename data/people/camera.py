"""Where the head is, seen through which lens: from the head's centimetres to pixels.

Two systems: the *head's own* (x to the subject's left, y up, z out of the face) and the *view*
(the camera at the origin, x to the right of the picture, y up, z towards the viewer, so that all
that is seen has z < 0).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.surface import Surface

Array = npt.NDArray[np.floating[Any]]
Float = npt.NDArray[np.float64]

NEAREST, FARTHEST = 40.0, 300.0  # centimetres; the nearest is a telephone held by oneself
SMALLEST, LARGEST = 0.37, 0.68  # longer side of the landmarks' box ÷ size of the picture
_JAW_DROP = 0.22  # of that side: room left below for a mouth that opens


class Camera(NamedTuple):
    """A pinhole camera and the pose of the head before it.

    Attributes
    ----------
    rotation : (3, 3) float array
        From the head's own directions to the view's.
    pivot, shift : (3,) float array
        The point around which the head turns, and where that point lies in the view.
    focal : float
        Focal length in pixels.
    centre : (2,) float array
        Where the optical axis meets the picture: (x, y) in pixels, 0-based, the origin at the
        centre of the top-left pixel. It may lie off the middle, as in a photograph that was cut.
    size : int
        Width and height of the picture in pixels.
    """

    rotation: Float
    pivot: Float
    shift: Float
    focal: float
    centre: Float
    size: int

    def view(self, points: Array) -> Float:
        """Points (..., 3) of the head in the view."""
        return (np.asarray(points, np.float64) - self.pivot) @ self.rotation.T + self.shift

    def place(self, surface: Surface) -> Surface:
        """A surface of the head in the view."""
        normals = surface.normals
        return surface._replace(
            vertices=self.view(surface.vertices).astype(np.float32),
            normals=None if normals is None else (normals @ self.rotation.T).astype(np.float32),
        )

    def pixels(self, view: Array) -> Float:
        """Points (..., 3) of the view in the picture: (..., 2) pixels (x, y)."""
        inverse = self.focal / -view[..., 2]
        x, y = view[..., 0] * inverse, -view[..., 1] * inverse
        return np.stack([x, y], axis=-1) + self.centre

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        return {
            "distance_cm": round(float(np.linalg.norm(self.shift)), 2),
            "focal_px": round(self.focal, 3),
            "centre_px": [round(float(value), 3) for value in self.centre],
            "head_cm": [round(float(value), 3) for value in self.shift],
        }


def turned(yaw: float, pitch: float, roll: float) -> Float:
    """Rotation of a head.

    Parameters
    ----------
    yaw, pitch, roll : float
        Degrees, applied in this order. Positive yaw: the nose turns to the subject's left;
        positive pitch: upward; positive roll: the subject's left side rises.

    Returns
    -------
    rotation : (3, 3) float array
    """
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def draw_camera(rng: np.random.Generator, rotation: Float, landmarks: Array, size: int) -> Camera:
    """A camera that shows the whole face, at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        It alone decides.
    rotation : (3, 3) float array
        Pose of the head against the line of sight to its middle: at (0, 0, 0) it faces the camera,
        wherever in the picture it is.
    landmarks : (68, 3) float array
        Landmarks of the person's **neutral** face: an expression must not move the frame.
    size : int
        Width and height of the picture in pixels.
    """
    landmarks = np.asarray(landmarks, np.float64)
    distance = np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST)))
    aside = np.clip(rng.normal(0, 0.06, 2), -0.15, 0.15)
    pivot = landmarks[[0, 16]].mean(axis=0)
    shift = distance * np.array([*aside, -1.0])
    facing = np.degrees(np.arctan2(-aside, [np.hypot(1.0, aside[1]), 1.0]))
    rotation = turned(facing[0], facing[1], 0.0) @ rotation
    unit = Camera(rotation, pivot, shift, 1.0, np.zeros(2), size)
    points = unit.pixels(unit.view(landmarks))
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max())
    fill = rng.uniform(SMALLEST, LARGEST)
    focal = fill * size / side
    # A head reaches farther above its landmarks than below, so its box lies below the middle.
    wanted = 0.5 + rng.normal([0.0, 0.05], 0.12) * (1 - fill)
    half = (high - low) / side * fill / 2
    least = half + 0.03
    most = 1 - half - [0.03, 0.01 + _JAW_DROP * fill]
    middle = np.clip(wanted, np.minimum(least, most), most)
    centre = middle * size - 0.5 - focal * (low + high) / 2
    return Camera(rotation, pivot, shift, float(focal), centre, size)
