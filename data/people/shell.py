"""A sheet around the head, from the crown down, out of which hair, caps and scarves are cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data.people.canvas import Canvas, rasterise
from data.people.solids import grid_triangles
from data.people.surface import Array, Labels, Surface, floats, smooth_normals

ROUND, CROWN, DROP = 96, 26, 46
"""Columns around the head; rows of the dome above the middle; rows below it."""
_LOWEST = -2.3
_SIDE = 96


class Shell:
    """The shape of one head as seen from its middle, on a grid of directions.

    Row 0 is the crown. The first `CROWN` rows go down a dome, by even angles, to the height of
    the head's middle; the others go on straight down by even heights. Column 0 is at the back,
    the middle column in front.

    Parameters
    ----------
    canvas : Canvas
        Of the model.
    triangles : (m, 3) int array
        Of the face, the head and the neck, without the lining of mouth and eyes.
    vertices : (V, 3) float array
        A head with a face at rest.

    Attributes
    ----------
    place : (rows, columns, 3) float32 array
        The head's surface in each direction, as places (see `canvas.Chart`).
    outward : (rows, columns, 3) float32 array
        Unit directions away from the middle; level below it.
    """

    def __init__(self, canvas: Canvas, triangles: npt.NDArray[np.int32], vertices: Array) -> None:
        self._canvas = canvas
        places = canvas.to_place(vertices)
        level = places[np.abs(places[:, 1] - 0.35) < 0.12]
        self.middle = floats([0, 0.35, (level[:, 2].min() + level[:, 2].max()) / 2])
        away = places - self.middle
        flat = np.hypot(away[:, 0], away[:, 2])
        # Twice around, so that no triangle is cut at the back.
        turn = np.arctan2(away[:, 0], away[:, 2])
        corner = turn[triangles]
        wraps = np.ptp(corner, axis=1) > np.pi
        corner = np.where(wraps[:, None] & (corner < 0), corner + 2 * np.pi, corner)
        self.azimuth = np.linspace(-np.pi, np.pi, ROUND + 1)[:-1].astype(np.float32)
        dome = self._map(
            corner,
            np.arctan2(flat, away[:, 1]),
            np.linalg.norm(away, axis=1),
            triangles,
            0.0,
            np.pi / 2,
        )
        wall = self._map(corner, -away[:, 1], flat, triangles, 0.0, self.middle[1] - _LOWEST)
        pick_dome = np.linspace(0, _SIDE - 1, CROWN, endpoint=False).round().astype(int)
        pick_wall = np.linspace(0, _SIDE - 1, DROP).round().astype(int)
        polar = pick_dome / (_SIDE - 1) * np.pi / 2
        sin, cos = np.sin(polar)[:, None], np.cos(polar)[:, None]
        round_x, round_z = np.sin(self.azimuth), np.cos(self.azimuth)
        above = np.stack([sin * round_x, cos + 0 * round_x, sin * round_z], axis=-1)
        below = np.stack([round_x, 0 * round_x, round_z], axis=-1)[None].repeat(DROP, axis=0)
        self.outward = np.concatenate([above, below]).astype(np.float32)
        farthest = np.concatenate([dome[pick_dome], wall[pick_wall]])
        self.radius = ndimage.gaussian_filter(farthest, 0.8, mode=("nearest", "wrap"))
        # What hangs lies over the ears, thin as they are.
        covering = ndimage.maximum_filter(farthest, (5, 5), mode=("nearest", "wrap"))
        self._covering = ndimage.gaussian_filter(covering, 1.5, mode=("nearest", "wrap"))
        self._height = np.zeros(CROWN + DROP, np.float32)
        self._height[CROWN:] = -pick_wall / (_SIDE - 1) * (self.middle[1] - _LOWEST)
        self.place = self.lifted(np.zeros_like(self.radius))

    def _map(
        self,
        corner: Array,
        down: Array,
        far: Array,
        triangles: npt.NDArray[np.int32],
        low: float,
        high: float,
    ) -> Array:
        """(_SIDE, ROUND) largest distance of the surface by direction."""
        wide = _SIDE / (2 * np.pi)
        row = (down[triangles] - low) / (high - low) * (_SIDE - 1)
        inside = (row > -_SIDE).all(axis=1) & (row < 2 * _SIDE).all(axis=1)
        row, corner, value = row[inside], corner[inside], far[triangles][inside]
        # Farther surfaces are drawn later, over the nearer ones.
        order = np.argsort(value.mean(axis=1))
        found = np.zeros((_SIDE, _SIDE), np.float32)
        for shift in (-2 * np.pi, 0.0):
            column = (corner + np.pi + shift) * wide
            points = np.stack([column[order], row[order]], axis=-1).reshape(-1, 2)
            own = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
            filled, hit = rasterise(points, own, value[order].reshape(-1, 1), _SIDE)
            found = np.where(hit, np.maximum(found, filled[..., 0]), found)
        empty = found <= 0
        if empty.all():
            found[:] = 1.0
        elif empty.any():
            near = ndimage.distance_transform_edt(
                empty, return_distances=False, return_indices=True
            )
            found = found[tuple(near)]
        columns = ((self.azimuth + np.pi) * wide).round().astype(int) % _SIDE
        return found[:, columns]

    def lifted(self, thickness: Array) -> Array:
        """(rows, columns, 3) places of the sheet at a distance from the head."""
        place = self.middle + self.outward * (self.radius + thickness)[..., None]
        place[..., 1] += self._height[:, None]
        return place.astype(np.float32)

    def hanging(self, thickness: Array, fall: float) -> Array:
        """As `lifted`, but the sheet hangs down instead of following the neck inward.

        Parameters
        ----------
        thickness : (rows, columns) float array
        fall : float
            How far the sheet comes inward over one unit of height.
        """
        radius = self._covering + thickness
        step = self._height[CROWN] - self._height[CROWN + 1]
        for row in range(CROWN + 1, len(radius)):
            radius[row] = np.maximum(radius[row], radius[row - 1] - fall * step)
        place = self.middle + self.outward * radius[..., None]
        place[..., 1] += self._height[:, None]
        return place.astype(np.float32)

    def cut(
        self,
        name: str,
        place: Array,
        inside: Array,
        albedo: Array,
        label: int | Labels,
        *,
        roughness: float | None = None,
        specular: float = 0.0,
    ) -> Surface | None:
        """The part of a sheet to keep, as a surface.

        Parameters
        ----------
        name : str
        place : (rows, columns, 3) float array
        inside : (rows, columns) float array
            Positive where the sheet is kept; the outline runs where it would be 0.
        albedo : (H, W, 3) or (3,) float array
            A texture lies over the whole sheet, row 0 at the crown.
        label : int or (H, W) uint8 array
        roughness, specular : optional
            As in `Surface`.

        Returns
        -------
        surface : Surface or None
            None when nothing is kept.
        """
        rows, columns = inside.shape
        whole = grid_triangles(rows, columns)
        kept = whole[(inside.ravel()[whole] > 0).any(axis=1)]
        if not len(kept):
            return None
        vertices = _snapped(place, inside).reshape(-1, 3) * self._canvas.unit + self._canvas.origin
        normals = smooth_normals(vertices, kept)
        used, index = np.unique(kept, return_inverse=True)
        uv = np.stack([(used % columns + 0.5) / columns, (used // columns + 0.5) / rows], axis=1)
        return Surface(
            name,
            vertices[used].astype(np.float32),
            index.reshape(-1, 3).astype(np.int32),
            uv.astype(np.float32),
            albedo,
            roughness=roughness,
            specular=specular,
            label=label,
            normals=normals[used],
        )


def _snapped(place: Array, inside: Array) -> Array:
    """The sheet with the vertices just outside the outline moved onto it."""
    rows = len(inside)
    best, nearest = np.zeros_like(inside), place
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            row = np.clip(np.arange(rows) + down, 0, rows - 1)
            neighbour = np.roll(inside[row], right, axis=1)
            better = neighbour > best
            best = np.where(better, neighbour, best)
            beside = np.roll(place[row], right, axis=1)
            nearest = np.where(better[..., None], beside, nearest)
    out = (inside <= 0) & (best > 0)
    share = np.where(out, best / np.maximum(best - inside, 1e-6), 1.0)[..., None]
    return np.where(out[..., None], nearest + share * (place - nearest), place)


def skin_triangles(canvas: Canvas) -> npt.NDArray[np.int32]:
    """Triangles of the head's outside: face, ears, scalp and neck."""
    face = canvas.face.part
    head = canvas.head.part
    size = len(canvas.head.place)
    middle = head.uv[head.triangles].mean(axis=1)
    texel = np.clip((middle * size).astype(int), 0, size - 1)
    outer = canvas.head.outer[texel[:, 1], texel[:, 0]]
    return np.concatenate([face.vertex[face.triangles], head.vertex[head.triangles[outer]]]).astype(
        np.int32
    )
