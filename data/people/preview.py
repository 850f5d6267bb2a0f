"""A quick picture without Mitsuba: the same points and labels, shading without shadows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.people.light import Light
from data.people.raster import Raster
from data.people.surface import Surface, smooth_normals

Array = npt.NDArray[np.float32]


def shade(
    surfaces: Sequence[Surface], raster: Raster, albedo: Array, light: Light
) -> tuple[Array, Array]:
    """Shade what a raster sees.

    Parameters
    ----------
    surfaces : sequence of Surface
        In the view.
    raster : Raster
        Of those surfaces.
    albedo : (S, S, 3) float32 array
        Their colour.
    light : Light

    Returns
    -------
    radiance : (S, S, 3) float32 array
        Linear RGB; black where there is nothing.
    coverage : (S, S) float32 array
        1 where there is something, else 0.
    """
    normals = np.zeros((*raster.surface.shape, 3))
    for number in np.unique(raster.surface[raster.surface >= 0]):
        surface = surfaces[number]
        own = surface.normals
        if own is None:
            own = smooth_normals(surface.vertices, surface.triangles)
        normals[raster.surface == number] = raster.interpolate(surfaces, number, own)
    normals[normals[..., 2] < 0] *= -1  # the side that is seen
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    return albedo * light.irradiance(normals), (raster.surface >= 0).astype(np.float32)
