"""Path tracing of a head with Mitsuba, on one thread: people are rendered side by side instead.

References
----------
Jakob et al., "Mitsuba 3 renderer", 2022, https://mitsuba-renderer.org.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.people.camera import Camera
from data.people.light import Light
from data.people.surface import Surface, smooth_normals
from landmarks.errors import InputError

Array = npt.NDArray[np.float32]

DEPTH = 3  # light that comes by way of one other surface is seen; more changes hardly anything
_MARGIN = 3  # pixels around the head that its antialiased edge may touch


@functools.cache
def _mitsuba() -> Any:
    try:
        import drjit
        import mitsuba
    except ImportError:
        raise InputError(
            "path tracing needs the package mitsuba: install it with `pip install mitsuba`"
        ) from None
    mitsuba.set_variant("scalar_rgb")
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    drjit.set_thread_count(1)
    return mitsuba


def _texture(values: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
    bitmap = _mitsuba().Bitmap(np.ascontiguousarray(values, np.float32))
    return {"type": "bitmap", "bitmap": bitmap, "raw": True, "wrap_mode": "clamp"}


def _material(surface: Surface) -> dict[str, Any]:
    """What a surface does with diffuse light, as Mitsuba's dictionary."""
    textured = surface.uv is not None and surface.albedo.ndim == 3
    if textured:
        colour = _texture(surface.albedo)
    else:
        mean = surface.albedo.reshape(-1, 3).mean(axis=0)
        colour = {"type": "rgb", "value": [float(value) for value in mean]}
    return {"type": "twosided", "inner": {"type": "diffuse", "reflectance": colour}}


def _mesh(surface: Surface) -> Any:
    mi = _mitsuba()
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(_material(surface))
    mesh = mi.Mesh(
        surface.name,
        len(surface.vertices),
        len(surface.triangles),
        has_vertex_normals=True,
        has_vertex_texcoords=surface.uv is not None,
        props=properties,
    )
    normals = surface.normals
    if normals is None:
        normals = smooth_normals(surface.vertices, surface.triangles)
    values = mi.traverse(mesh)
    values["vertex_positions"] = np.ascontiguousarray(surface.vertices, np.float32).ravel()
    values["vertex_normals"] = np.ascontiguousarray(normals, np.float32).ravel()
    values["faces"] = np.ascontiguousarray(surface.triangles, np.uint32).ravel()
    if surface.uv is not None:
        values["vertex_texcoords"] = np.ascontiguousarray(surface.uv, np.float32).ravel()
    values.update()
    return mesh


def _window(surfaces: Sequence[Surface], camera: Camera) -> tuple[int, int, int, int]:
    """The part of the picture that can see a surface: x, y, width, height in pixels."""
    ahead = [s.vertices[s.vertices[:, 2] < -1] for s in surfaces]
    points = camera.pixels(np.concatenate(ahead)) if ahead else np.zeros((0, 2))
    if not len(points):
        return 0, 0, camera.size, camera.size
    low = np.floor(points.min(axis=0)).astype(int) - _MARGIN
    high = np.ceil(points.max(axis=0)).astype(int) + _MARGIN + 1
    low, high = np.clip(low, 0, camera.size - 1), np.clip(high, 1, camera.size)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def trace(
    surfaces: Sequence[Surface], camera: Camera, light: Light, *, samples: int, seed: int
) -> tuple[Array, Array]:
    """Path-trace the diffuse light on surfaces.

    Parameters
    ----------
    surfaces : sequence of Surface
        In the view.
    camera : Camera
    light : Light
    samples : int
        Paths of each pixel.
    seed : int
        Of the paths; the same seed gives the same picture.

    Returns
    -------
    radiance : (S, S, 3) float32 array
        Linear RGB, already multiplied by the coverage.
    coverage : (S, S) float32 array
        0 to 1: how much of each pixel the surfaces fill.

    Raises
    ------
    InputError
        Mitsuba is not installed.
    """
    mi = _mitsuba()
    x, y, width, height = _window(surfaces, camera)
    # Mitsuba counts from the corner of the picture, in shares of it, and moves the picture instead
    # of the axis.
    offset = 0.5 - (camera.centre + 0.5) / camera.size
    scene: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": DEPTH, "hide_emitters": True},
        "sensor": {
            "type": "perspective",
            "fov": float(np.degrees(2 * np.arctan(camera.size / (2 * camera.focal)))),
            "near_clip": 1.0,
            "far_clip": 1e5,
            "principal_point_offset_x": float(offset[0]),
            "principal_point_offset_y": float(offset[1]),
            "to_world": mi.ScalarTransform4f().look_at([0, 0, 0], [0, 0, -1], [0, 1, 0]),
            "film": {
                "type": "hdrfilm",
                "width": camera.size,
                "height": camera.size,
                "crop_offset_x": x,
                "crop_offset_y": y,
                "crop_width": width,
                "crop_height": height,
                "rfilter": {"type": "box"},
                "pixel_format": "rgba",
            },
            "sampler": {"type": "multijitter", "sample_count": samples},
        },
        "sphere": {"type": "envmap", "bitmap": mi.Bitmap(light.sphere)},
    }
    if light.lamp is not None:
        strength = light.lamp_colour * float(light.lamp @ light.lamp)
        scene["lamp"] = {
            "type": "point",
            "position": [float(value) for value in camera.shift + light.lamp],
            "intensity": {"type": "rgb", "value": [float(value) for value in strength]},
        }
    for number, surface in enumerate(surfaces):
        scene[f"surface_{number}"] = _mesh(surface)
    pixels = np.array(mi.render(mi.load_dict(scene), seed=seed), np.float32)
    image = np.zeros((camera.size, camera.size, 4), np.float32)
    image[y : y + height, x : x + width] = pixels
    # A path that ends in a division by zero is rare, and worth no more than a dark pixel.
    image = np.nan_to_num(image, nan=0, posinf=0, neginf=0)
    return image[..., :3], np.clip(image[..., 3], 0, 1)
