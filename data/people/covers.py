"""Masks over mouth and nose, and hands before the face: they follow the face in the picture."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from data.people.accessories import Accessories
from data.people.appearance import Look, cloth_colour
from data.people.canvas import Canvas
from data.people.solids import grid_triangles, merged, tube
from data.people.surface import OCCLUDER, Array, Surface, floats, smooth_normals
from data.people.tone import skin_colour

_ROWS, _COLUMNS = 22, 28


class MaskCloth:
    """Where on a head model's face a mask lies.

    Parameters
    ----------
    canvas : Canvas
    places : (V, 3) float array
        The mean head's vertices as places.
    """

    def __init__(self, canvas: Canvas, places: Array) -> None:
        points = canvas.landmarks
        self._axis = float(points[16, 2])
        vertices = np.unique(canvas.face.part.vertex)
        side = abs(points[14, 0]) - 0.03
        across = np.linspace(-1, 1, _COLUMNS)
        x = side * np.sin(across * np.pi / 2) * 0.98
        top = np.interp(
            np.abs(x),
            [0, 0.1, 0.3, side],
            [points[28, 1], points[28, 1] - 0.05, points[29, 1] - 0.12, points[29, 1] - 0.25],
        )
        low = points[8, 1] - 0.06 + 0.42 * (np.abs(x) / side) ** 2.5
        down = np.linspace(0, 1, _ROWS)[:, None]
        y = top + down * (low - top)
        self.height = y
        # Seen from the axis of the head, so that the cheeks' sides have room.
        target = np.stack([np.broadcast_to(x, y.shape), y], axis=-1).reshape(-1, 2)
        front = vertices[(places[vertices, 2] > self._axis - 0.02)]
        share, near = cKDTree(places[front][:, :2]).query(target, k=5)
        # Of several layers, as inside the lips, the foremost counts.
        depth = places[front, 2][near]
        share = np.exp(-share / 0.02) * (depth > depth.max(axis=1, keepdims=True) - 0.12) + 1e-9
        self._share = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
        self._vertex = front[near]
        self._triangles = grid_triangles(_ROWS, _COLUMNS, closed=False)

    def surfaces(self, canvas: Canvas, vertices: Array, worn: Accessories) -> list[Surface]:
        """The mask on a face, whatever its expression, with its bands to the ears."""
        rng = np.random.default_rng([worn.seed, 2])
        skin = (vertices[self._vertex] * self._share[..., None]).sum(axis=1)
        skin = canvas.to_place(skin).reshape(_ROWS, _COLUMNS, 3)
        # Stretched cloth bridges the hollows and rests on what stands out.
        highest = ndimage.maximum_filter(skin[..., 2], 3)
        depth = highest
        for _ in range(6):
            depth = np.maximum(ndimage.gaussian_filter(depth, 1.5, mode="nearest"), highest)
        cloth = ndimage.gaussian_filter(skin, (0.7, 0.7, 0), mode="nearest")
        cloth[..., 2] = depth
        away = smooth_normals(cloth.reshape(-1, 3), self._triangles).reshape(cloth.shape)
        cloth = cloth + 0.05 * away
        surgical = worn.mask == "surgical"
        if surgical:
            cloth[..., 2] += 0.012 * np.sign(np.sin(np.arange(_ROWS) * 1.3))[:, None]
        colours = floats([[0.35, 0.55, 0.65], [0.7, 0.7, 0.7], [0.3, 0.5, 0.45]])
        colour = colours[rng.integers(3)] if surgical else floats(cloth_colour(rng))
        flat = (cloth.reshape(-1, 3) * canvas.unit + canvas.origin).astype(np.float32)
        sheet = Surface(
            "mask",
            flat,
            self._triangles,
            None,
            colour,
            label=OCCLUDER,
            normals=smooth_normals(flat, self._triangles),
        )
        bands = []
        corners = flat.reshape(_ROWS, _COLUMNS, 3)
        for side, column in ((-1, 0), (1, _COLUMNS - 1)):
            ear = floats(
                [side * (abs(canvas.landmarks[16, 0]) + 0.05), -0.1, canvas.landmarks[16, 2] - 0.1]
            )
            behind = ear * canvas.unit + canvas.origin
            for row in (0, _ROWS - 1):
                curve = np.stack([corners[row, column], behind])
                bands.append(
                    tube("band", curve, 0.012 * canvas.unit, (0.6, 0.6, 0.6), OCCLUDER, sides=4)
                )
        return [sheet, merged("bands", bands)]


def hand(canvas: Canvas, points: Array, look: Look, worn: Accessories) -> list[Surface]:
    """A hand before a part of the face, its fingers put together from tubes.

    Parameters
    ----------
    canvas : Canvas
    points : (68, 3) float array
        Landmarks of the head in the picture, in the model's lengths.
    look : Look
    worn : Accessories
    """
    rng = np.random.default_rng([worn.seed, 4])
    place = canvas.to_place(points)
    side = 1 if rng.random() < 0.5 else -1
    target = {
        "chin": place[8] + (side * rng.uniform(0, 0.3), -0.05, 0.05),
        "cheek": place[13 if side > 0 else 3] + (-side * 0.1, 0.1, 0.3),
        "mouth": place[[48, 54]].mean(axis=0) + (side * rng.uniform(0, 0.2), -0.05, 0.25),
        "eye": place[45 if side > 0 else 36] + (0, 0.02, 0.25),
        "forehead": place[24 if side > 0 else 19] + (0, 0.15, 0.2),
    }[worn.hand]
    tilt = side * rng.uniform(-0.2, 1.2)
    spread = rng.uniform(0.02, 0.16)
    curl = rng.uniform(0.2, 0.9)
    size = rng.uniform(0.85, 1.1)
    colour = skin_colour(look.melanin, look.blood * 1.5)
    parts = []
    along = np.linspace(0, 1, 9)
    tip = np.sqrt(np.clip(1 - np.clip((along - 0.88) / 0.12, 0, 1) ** 2, 0, 1))
    for finger, length in enumerate((0.72, 0.8, 0.74, 0.6)):
        turn = (finger - 1.5) * spread
        bend = curl * along**2
        x = (finger - 1.5) * 0.19 + length * np.sin(turn) * along
        y = -0.4 + (length + 0.1) * along * np.cos(0.6 * bend)
        z = -0.25 * length * bend
        wide = 0.09 * (1 - 0.2 * along) * tip
        parts.append(_limb(np.stack([x, y, z], -1) * size, wide * size, colour))
    thumb = np.stack([-side * (0.3 + 0.32 * along), -0.85 + 0.45 * along, 0.05 - 0.1 * along], -1)
    parts.append(_limb(thumb * size, 0.11 * (1 - 0.2 * along) * tip * size, colour))
    heights = [-3.2, -2.2, -1.35, -1.05, -0.7, -0.45, -0.3, -0.24]
    palm = np.stack([[0.0] * 8, heights, [0.0] * 8], axis=-1)
    limb = _limb(palm * size, floats([0.36, 0.32, 0.26, 0.34, 0.42, 0.42, 0.36, 0]) * size, colour)
    flat = limb.vertices * floats([1, 1, 0.42])
    parts.append(limb._replace(vertices=flat, normals=smooth_normals(flat, limb.triangles)))
    whole = merged("hand", parts)
    cos, sin = np.cos(tilt), np.sin(tilt)
    about = floats([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    vertices = (whole.vertices @ about.T + floats(target)) * canvas.unit + canvas.origin
    assert whole.normals is not None
    return [whole._replace(vertices=vertices.astype(np.float32), normals=whole.normals @ about.T)]


def _limb(curve: Array, radius: Array, colour: Array) -> Surface:
    return tube("limb", curve, radius, colour, OCCLUDER, sides=10, roughness=0.5, specular=0.3)
