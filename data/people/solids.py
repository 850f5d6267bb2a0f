"""Simple solids from which accessories are put together, and cloth to cover them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.people.surface import Array, Surface, floats


def grid_triangles(rows: int, columns: int, *, closed: bool = True) -> npt.NDArray[np.int32]:
    """Triangles of a grid of vertices, row by row; `closed` joins the last column to the first.

    They face the side from which rows go down and columns to the right.
    """
    row, column = np.mgrid[: rows - 1, : columns if closed else columns - 1]
    right = (column + 1) % columns
    a, b = row * columns + column, row * columns + right
    c, d = a + columns, b + columns
    return np.stack([a, c, b, b, c, d], axis=-1).reshape(-1, 3).astype(np.int32)


def ball(
    name: str, centre: Array, radius: npt.ArrayLike, colour: npt.ArrayLike, label: int
) -> Surface:
    """A sphere, or an ellipsoid when `radius` has three values along the axes."""
    rows, columns = 9, 14
    down, around = np.meshgrid(
        np.linspace(0, np.pi, rows),
        np.linspace(0, 2 * np.pi, columns, endpoint=False),
        indexing="ij",
    )
    unit = np.stack(
        [np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], axis=-1
    ).reshape(-1, 3)
    size = np.broadcast_to(floats(radius), 3)
    normals = unit / size
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(
        name,
        (centre + size * unit).astype(np.float32),
        grid_triangles(rows, columns),
        None,
        floats(colour),
        roughness=0.5,
        specular=0.3,
        label=label,
        normals=normals.astype(np.float32),
    )


def tube(
    name: str,
    curve: Array,
    radius: npt.ArrayLike,
    colour: npt.ArrayLike,
    label: int,
    *,
    closed: bool = False,
    sides: int = 6,
    roughness: float = 0.4,
    specular: float = 0.4,
) -> Surface:
    """A tube along a curve.

    Parameters
    ----------
    name : str
    curve : (n, 3) float array
    radius : float or (n,) float array
        A radius that ends in 0 closes the tube's end.
    colour : (3,) float array
    label : int
    closed : bool, optional
        Join the last point to the first.
    sides : int, optional
    roughness, specular : float, optional
        As in `Surface`.
    """
    curve = floats(curve)
    ahead = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    # Any direction that is never along the curve serves as the tube's "up".
    least = np.argmin(np.abs(ahead).max(axis=0))
    across = np.cross(ahead, np.eye(3, dtype=np.float32)[least])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    third = np.cross(ahead, across)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    unit = (
        np.cos(angle)[None, :, None] * across[:, None]
        + np.sin(angle)[None, :, None] * third[:, None]
    )
    wide = np.broadcast_to(floats(radius), len(curve))
    ring = curve[:, None] + wide[:, None, None] * unit
    triangles = grid_triangles(len(curve), sides)
    if closed:
        last, first = (len(curve) - 1) * sides, 0
        here = np.arange(sides)
        right = (here + 1) % sides
        joint = np.stack([last + here, first + here, last + right], axis=-1)
        joint2 = np.stack([last + right, first + here, first + right], axis=-1)
        triangles = np.concatenate([triangles, joint, joint2]).astype(np.int32)
    return Surface(
        name,
        ring.reshape(-1, 3).astype(np.float32),
        triangles,
        None,
        floats(colour),
        roughness=roughness,
        specular=specular,
        label=label,
        normals=unit.reshape(-1, 3).astype(np.float32),
    )


def merged(name: str, surfaces: list[Surface]) -> Surface:
    """Surfaces of one colour as a single one, which the renderer loads faster."""
    first = surfaces[0]
    starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])])
    return first._replace(
        name=name,
        vertices=np.concatenate([surface.vertices for surface in surfaces]),
        triangles=np.concatenate(
            [s.triangles + start for s, start in zip(surfaces, starts, strict=True)]
        ).astype(np.int32),
        normals=np.concatenate([surface.normals for surface in surfaces]),
    )


def cloth_texture(colour: npt.ArrayLike, rng: np.random.Generator) -> Array:
    """(64, 128, 3) texture of plain, striped, checked or speckled cloth."""
    rows, columns = 64, 128
    row, column = np.mgrid[:rows, :columns]
    kind = rng.random()
    shade = np.exp(0.08 * rng.standard_normal((rows, columns)))[..., None]
    second = np.clip(floats(colour) * rng.uniform(0.2, 2.5, 3), 0, 0.9)
    if kind < 0.15:
        mark = np.sin(row * rng.uniform(0.3, 1.2)) > rng.uniform(-0.5, 0.8)
    elif kind < 0.25:
        mark = (np.sin(row * 0.8) > 0.3) ^ (np.sin(column * 0.8) > 0.3)
    elif kind < 0.35:
        mark = rng.random((rows, columns)) < 0.15
    else:
        mark = np.zeros((rows, columns), dtype=bool)
    cloth = np.where(mark[..., None], second, floats(colour)) * shade
    return np.clip(cloth, 0, 1).astype(np.float32)
