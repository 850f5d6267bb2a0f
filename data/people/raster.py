"""Which surface each pixel's centre sees: a depth buffer over all triangles at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.camera import Camera
from data.people.surface import Surface

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

NEAR = 1.0  # centimetres; nothing closer to the camera is seen
_AT_ONCE = 2_000_000  # candidate pixels held in memory


class Projected(NamedTuple):
    """All triangles of all surfaces in the picture.

    Attributes
    ----------
    xy : (m, 3, 2) float array
        Corners in pixels.
    inverse : (m, 3) float array
        1 ÷ depth of the corners, per centimetre.
    low, high : (m, 2) float array
        Least and greatest x and y of the corners.
    surface, triangle : (m,) intp array
        Which surface each belongs to, and its number there.
    """

    xy: Float
    inverse: Float
    low: Float
    high: Float
    surface: Index
    triangle: Index


class Raster(NamedTuple):
    """What each pixel's centre sees.

    Attributes
    ----------
    surface, triangle : (S, S) intp array
        Number of the surface and of its triangle, -1 where there is none.
    weights : (S, S, 3) float array
        Weights of the triangle's corners on the surface; zero where there is none.
    depth : (S, S) float array
        Centimetres along the optical axis, infinite where there is none.
    """

    surface: Index
    triangle: Index
    weights: Float
    depth: Float

    def interpolate(self, surfaces: Sequence[Surface], number: int, values: Float) -> Float:
        """Values (n, k) of a surface's vertices at its pixels, (p, k), in the picture's order."""
        here = self.surface == number
        corners = surfaces[number].triangles[self.triangle[here]]
        return np.einsum("pc,pck->pk", self.weights[here], np.asarray(values)[corners])


def project(surfaces: Sequence[Surface], camera: Camera) -> Projected:
    """The triangles of surfaces in the view that lie before the camera."""
    xy, inverse, number, triangle = [], [], [], []
    for which, surface in enumerate(surfaces):
        view = surface.vertices.astype(np.float64)
        ahead = view[:, 2] < -NEAR
        seen = np.flatnonzero(ahead[surface.triangles].all(axis=1))
        which_vertices = surface.triangles[seen]
        pixels = camera.pixels(np.where(ahead[:, None], view, (0, 0, -NEAR)))
        xy.append(pixels[which_vertices])
        inverse.append((-1 / np.where(ahead, view[:, 2], -NEAR))[which_vertices])
        number.append(np.full(len(seen), which))
        triangle.append(seen)
    corners = np.concatenate([np.zeros((0, 3, 2)), *xy])
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return Projected(
        corners,
        np.concatenate([np.zeros((0, 3)), *inverse]),
        np.minimum(np.minimum(a, b), c),
        np.maximum(np.maximum(a, b), c),
        np.concatenate([np.zeros(0, np.intp), *number]),
        np.concatenate([np.zeros(0, np.intp), *triangle]),
    )


def texel(texture: npt.NDArray[Any], uv: Float) -> npt.NDArray[Any]:
    """Nearest texels of an (H, W, ...) texture at (p, 2) coordinates, v down; the edge goes on."""
    height, width = texture.shape[:2]
    column = np.clip((uv[:, 0] * width).astype(np.intp), 0, width - 1)
    row = np.clip((uv[:, 1] * height).astype(np.intp), 0, height - 1)
    return texture[row, column]


def barycentric(xy: Float, x: Float, y: Float) -> Float:
    """Weights (p, 3) of the corners (p, 3, 2) at the points x, y (p,), in the picture's plane."""
    a, b, c = xy[:, 0], xy[:, 1], xy[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    second = (x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])
    third = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        second, third = second / area, third / area
        return np.stack([1 - second - third, second, third], axis=1)


def rasterise(
    surfaces: Sequence[Surface], camera: Camera, triangles: Projected | None = None
) -> Raster:
    """See which surface is the first at every pixel's centre.

    Parameters
    ----------
    surfaces : sequence of Surface
        In the view; both sides of a triangle are seen.
    camera : Camera
    triangles : Projected, optional
        Of these surfaces, where they are known already.

    Returns
    -------
    raster : Raster
    """
    size = camera.size
    if triangles is None:
        triangles = project(surfaces, camera)
    low = np.ceil(triangles.low).clip(0, size)
    extent = (np.floor(triangles.high).clip(-1, size - 1) - low + 1).clip(0).astype(np.intp)
    count = extent[:, 0] * extent[:, 1]
    some = np.flatnonzero(count)
    depth = np.full(size * size, np.inf)
    which = np.full(size * size, -1, np.intp)
    weights = np.zeros((size * size, 3))
    start = 0
    total = np.cumsum(count[some])
    while start < len(some):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + _AT_ONCE, "right")))
        chosen = some[start:stop]
        start = stop
        owner = np.repeat(chosen, count[chosen])
        first = np.repeat(np.cumsum(count[chosen]) - count[chosen], count[chosen])
        place = np.arange(len(owner)) - first
        x = low[owner, 0] + place % extent[owner, 0]
        y = low[owner, 1] + place // extent[owner, 0]
        flat = barycentric(triangles.xy[owner], x, y)
        inside = np.flatnonzero((flat >= -1e-9).all(axis=1))
        owner, flat = owner[inside], flat[inside]
        pixel = (y[inside] * size + x[inside]).astype(np.intp)
        inverse = flat * triangles.inverse[owner]
        far = 1 / inverse.sum(axis=1)
        on_surface = inverse * far[:, None]
        keep = far <= depth[pixel]
        owner, pixel, far, on_surface = owner[keep], pixel[keep], far[keep], on_surface[keep]
        np.minimum.at(depth, pixel, far)
        nearest = far == depth[pixel]
        which[pixel[nearest]] = owner[nearest]
        weights[pixel[nearest]] = on_surface[nearest]
    shape = (size, size)
    seen = which >= 0
    surface = np.where(seen, triangles.surface[which], -1) if seen.any() else which
    triangle = np.where(seen, triangles.triangle[which], -1) if seen.any() else which
    return Raster(
        surface.reshape(shape),
        triangle.reshape(shape),
        weights.reshape(*shape, 3),
        depth.reshape(shape),
    )
