"""Eyeballs with an iris that can be seen, turned by the gaze."""

from __future__ import annotations

import numpy as np

from data.people.appearance import Look
from data.people.head_model import HeadModel
from data.people.surface import EYES, Array, Part, Surface, floats, part, smooth_normals

_REACH = np.pi * 0.6
"""Angle from the eyeball's front that the edge of its texture shows."""


def turn(yaw: float, pitch: float) -> Array:
    """Rotation of an eye that looks `yaw` degrees to the subject's left and `pitch` up.

    Returns
    -------
    rotation : (3, 3) float32 array
        Turns the straight gaze (0, 0, 1) to (sin yaw cos pitch, sin pitch, cos yaw cos pitch).
    """
    y, p = np.radians([yaw, -pitch])
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]
    return (np.array(about_y) @ np.array(about_x)).astype(np.float32)


def eyeball_centre(vertices: Array) -> Array:
    """Centre of the sphere that fits the vertices best in the least squares."""
    middle = vertices.mean(axis=0)
    away = (vertices - middle).astype(float)
    known = np.concatenate([2 * away, np.ones((len(away), 1))], axis=1)
    solved, *_ = np.linalg.lstsq(known, (away**2).sum(axis=1), rcond=None)
    return (middle + solved[:3]).astype(np.float32)


def eye_texture(look: Look, size: int = 128) -> Array:
    """(size, size, 3) albedo of an eyeball, its front in the middle."""
    rng = np.random.default_rng([look.seed, 30])
    row, column = np.mgrid[:size, :size]
    x, y = ((2 * (grid + 0.5) / size - 1) * _REACH for grid in (column, row))
    angle, round_ = np.hypot(x, y), np.arctan2(y, x)
    white = np.ones((size, size, 3), np.float32) * floats(look.sclera_colour)
    iris = np.arcsin(look.iris_size)
    far = np.clip((angle - iris) / 1.0, 0, 1)
    white *= 1 - far[..., None] * (0.25 + floats([0.1, 0.25, 0.27]) * (0.4 + look.veins))
    # The upper lid and its lashes shade the ball.
    white *= 1 - 0.45 * step_up(-y, 0.1, 0.35)[..., None]
    vein = np.zeros((size, size), np.float32)
    for _ in range(int(30 * look.veins)):
        start, bend = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.5, 2)
        path = start + bend[0] * angle + 0.1 * np.sin(6 * angle + bend[1] * 9)
        width = 0.03 * rng.uniform(0.5, 1.2)
        distance = np.abs(np.angle(np.exp(1j * (round_ - path)))) * angle
        vein = np.maximum(vein, np.exp(-0.5 * (distance / width) ** 2) * step_up(angle, iris, 0.4))
    white *= 1 - vein[..., None] * floats([0.1, 0.35, 0.35]) * 0.7
    inward = np.clip(angle / iris, 0, 1)[..., None]
    fibres = sum(
        np.cos(round_ * k + rng.uniform(0, 6.3)) * rng.normal(0, 1) for k in rng.integers(9, 40, 8)
    )
    coloured = floats(look.iris_inner) * (1 - inward) + floats(look.iris_colour) * inward
    coloured = coloured * np.exp(0.12 * np.asarray(fibres))[..., None]
    limbus = 1 - 0.75 * np.exp(-0.5 * ((inward - 1) / 0.12) ** 2)
    coloured = coloured * limbus
    pixel = 2 * _REACH / size
    hole = 1 / (1 + np.exp((angle - look.pupil * iris) / (0.35 * pixel)))
    coloured = coloured * (1 - hole[..., None]) + 0.004 * hole[..., None]
    edge = 1 / (1 + np.exp((angle - iris) / (0.5 * pixel)))[..., None]
    return np.clip(white * (1 - edge) + coloured * edge, 0, 1).astype(np.float32)


def step_up(value: Array, start: float, length: float) -> Array:
    """0 below `start`, rising to 1 over `length`."""
    return np.clip((value - start) / length, 0, 1)


class Eyeball:
    """One eye of the head model, ready to be turned."""

    def __init__(self, model: HeadModel, material: str) -> None:
        self.piece: Part = part(model, material)
        rest = model.neutral[self.piece.vertex]
        away = rest - eyeball_centre(rest)
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        angle = np.arccos(np.clip(away[:, 2], -1, 1))
        across = away[:, :2] / np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)[:, None]
        flat = across * (np.minimum(angle, _REACH) / _REACH)[:, None]
        self.uv = np.stack([0.5 + 0.5 * flat[:, 0], 0.5 - 0.5 * flat[:, 1]], 1).astype(np.float32)

    def surface(
        self, name: str, vertices: Array, texture: Array, gaze: tuple[float, float]
    ) -> Surface:
        """The eyeball of a head, looking where `gaze` (yaw, pitch) says."""
        own = vertices[self.piece.vertex]
        centre = eyeball_centre(own)
        turned = ((own - centre) @ turn(*gaze).T + centre).astype(np.float32)
        return Surface(
            name,
            turned,
            self.piece.triangles,
            self.uv,
            texture,
            roughness=0.12,
            specular=0.6,
            label=EYES,
            normals=smooth_normals(turned, self.piece.triangles),
        )
