"""What every pixel sees of the surfaces, besides their light: colour, direction, gloss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.camera import Camera
from data.people.raster import Raster, texel
from data.people.surface import Surface, smooth_normals

Array = npt.NDArray[np.float32]


class Sight(NamedTuple):
    """Properties of what each pixel's centre shows; zero where there is nothing.

    Attributes
    ----------
    albedo : (S, S, 3) float32 array
        Linear RGB.
    normals : (S, S, 3) float32 array
        Unit vectors in the view, on the side that is seen.
    toward : (S, S, 3) float32 array
        Unit vectors from the surface to the camera.
    roughness, specular : (S, S) float32 array
        Of the gloss, as in `Surface`; specular is zero without gloss.
    """

    albedo: Array
    normals: Array
    toward: Array
    roughness: Array
    specular: Array


def see(surfaces: Sequence[Surface], raster: Raster, camera: Camera) -> Sight:
    """Look up what a raster sees.

    Parameters
    ----------
    surfaces : sequence of Surface
        In the view.
    raster : Raster
        Of those surfaces.
    camera : Camera
    """
    shape = raster.surface.shape
    albedo, normals = np.zeros((2, *shape, 3), np.float32)
    roughness, specular = np.zeros((2, *shape), np.float32)
    for number in np.unique(raster.surface[raster.surface >= 0]):
        surface = surfaces[number]
        here = raster.surface == number
        if surface.albedo.ndim == 1 or surface.uv is None:
            albedo[here] = surface.albedo.reshape(-1, 3).mean(axis=0)
        else:
            albedo[here] = texel(surface.albedo, raster.interpolate(surfaces, number, surface.uv))
        own = surface.normals
        if own is None:
            own = smooth_normals(surface.vertices, surface.triangles)
        normals[here] = raster.interpolate(surfaces, number, own)
        if surface.roughness is not None:
            roughness[here], specular[here] = surface.roughness, surface.specular
    y, x = np.mgrid[: shape[0], : shape[1]]
    toward = np.stack(
        [camera.centre[0] - x, y - camera.centre[1], np.full(shape, camera.focal)], -1
    )
    toward = _unit(toward.astype(np.float32))
    away = np.einsum("ijk,ijk->ij", normals, toward) < 0
    normals[away] *= -1
    return Sight(albedo, _unit(normals), toward, roughness, specular)


def _unit(vectors: Array) -> Array:
    length = np.sqrt(np.einsum("ijk,ijk->ij", vectors, vectors))
    return vectors / np.maximum(length, 1e-9)[..., None]
