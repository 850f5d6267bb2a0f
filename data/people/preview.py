"""What light does on surfaces without tracing its paths: shading, gloss, and a filter of noise."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from data.people.light import COLUMNS, Light, directions
from data.people.sight import Sight

Array = npt.NDArray[np.float32]

_LEVELS = (0.1, 0.2, 0.35, 0.5, 0.8)  # roughness for which reflections are blurred beforehand
_SAME_COLOUR, _SAME_DIRECTION = 0.06, 0.25  # differences at which neighbours stop being alike


def shade(sight: Sight, light: Light) -> Array:
    """Diffuse light without shadows: (S, S, 3) linear RGB, black where there is nothing."""
    return sight.albedo * light.irradiance(sight.normals)


def gloss(sight: Sight, light: Light, share: Array) -> Array:
    """Reflections of the light on everything that is glossy.

    Parameters
    ----------
    sight : Sight
    light : Light
    share : (S, S) float32 array
        How much of the light reaches each pixel, 0 to 1.

    Returns
    -------
    radiance : (S, S, 3) float32 array

    Notes
    -----
    A path tracer finds highlights by chance and needs many paths for them. Here the sphere of
    light is blurred by the lobe of each roughness once, and looked up in the mirror's direction.

    References
    ----------
    Karis, "Real Shading in Unreal Engine 4", SIGGRAPH 2013 course notes (split sum), and
    "Physically Based Shading on Mobile", 2014; Walter et al., "Microfacet Models for Refraction
    through Rough Surfaces", EGSR 2007 (the lamp's lobe).
    """
    shiny = sight.specular > 0
    radiance = np.zeros_like(sight.albedo)
    if not shiny.any():
        return radiance
    normal, toward, rough = sight.normals[shiny], sight.toward[shiny], sight.roughness[shiny]
    cosine = np.clip(np.einsum("pk,pk->p", normal, toward), 0, 1)
    mirror = 2 * cosine[:, None] * normal - toward
    share = share[shiny] * _clear(sight, shiny, cosine)
    fresnel = _returned(0.08 * sight.specular[shiny], rough, cosine)
    reflected = _reflected(light, mirror, rough)
    if light.lamp is not None:
        lamp = (light.lamp / np.linalg.norm(light.lamp)).astype(np.float32)
        half = lamp + toward
        half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-6)
        alpha = np.maximum(rough, 0.15) ** 2
        lobe = np.clip(np.einsum("pk,pk->p", normal, half), 0, 1) ** 2 * (alpha**2 - 1) + 1
        strength = np.clip(4 * normal @ lamp, 0, 1) * alpha**2 / (4 * np.pi * lobe**2)
        reflected = reflected + strength[:, None] * light.lamp_colour.astype(np.float32)
    radiance[shiny] = (fresnel * share)[:, None] * reflected
    return radiance


def _returned(base: Array, rough: Array, cosine: Array) -> Array:
    """Share of an even light that a rough surface reflects: Karis's fit, 2014, of the integral."""
    bend = np.minimum((1 - rough) ** 2, np.exp2(-9.28 * cosine)) * (1 - rough)
    bend = bend + 0.0425 - 0.0275 * rough
    scale = 1.04 - 0.572 * rough - 1.04 * bend
    return np.clip(base * scale + 1.04 * bend + 0.022 * rough - 0.04, 0, 1)


def _clear(sight: Sight, shiny: npt.NDArray[np.bool_], cosine: Array) -> Array:
    """(p,): less than 1 where what is seen at a grazing angle reflects another part of the person.

    There the mirror's direction runs on over the edge, and what lies behind the edge in the
    picture is what it meets.
    """
    size = len(shiny)
    reach = 0.04 * size
    y, x = np.nonzero(shiny)
    normal = sight.normals[shiny]
    column = np.clip(np.rint(x + reach * normal[:, 0]), 0, size - 1).astype(np.intp)
    row = np.clip(np.rint(y - reach * normal[:, 1]), 0, size - 1).astype(np.intp)
    occupied = sight.normals[row, column].any(axis=1)
    return np.where(occupied, np.clip(2 * cosine, 0, 1), 1).astype(np.float32)


@functools.cache
def _lobes() -> Array:
    """(levels, 512, 512): what the sphere's texels give to the reflection in each direction."""
    ways, solid = directions()
    flat = ways.reshape(-1, 3)
    cosines = flat @ flat.T
    # The lobe around the mirror's direction is about as wide as that of the normals' doubled.
    narrow = [0.5 / max(level, 0.15) ** 4 for level in _LEVELS]
    lobes = np.stack([np.exp(k * (cosines - 1)) * solid.ravel() for k in narrow])
    return (lobes / lobes.sum(axis=2, keepdims=True)).astype(np.float32)


def _reflected(light: Light, mirror: Array, rough: Array) -> Array:
    """Radiance (p, 3) from the sphere around directions (p, 3), blurred by roughness (p,)."""
    rows, columns = light.sphere.shape[:2]
    # One column more on either side: the sphere goes round.
    levels = np.matmul(_lobes(), light.sphere.reshape(-1, 3)).reshape(-1, rows, columns, 3)
    levels = np.concatenate([levels[:, :, -1:], levels, levels[:, :, :1]], axis=2)
    around = np.arctan2(mirror[:, 0], -mirror[:, 2]) / (2 * np.pi) % 1
    x = (around * COLUMNS + 0.5).astype(np.float32)
    y = (np.arccos(np.clip(mirror[:, 1], -1, 1)) / np.pi * rows - 0.5).astype(np.float32)
    level = np.interp(rough, _LEVELS, range(len(_LEVELS)))
    total = np.zeros_like(mirror)
    for number in range(len(_LEVELS)):
        weight = np.clip(1 - np.abs(level - number), 0, None)
        some = np.flatnonzero(weight)
        if len(some):
            found = cv2.remap(
                levels[number],
                _rows(x[some]),
                _rows(y[some]),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            total[some] += weight[some, None] * found.reshape(-1, 3)[: len(some)]
    return total


def _rows(values: Array) -> Array:
    """In rows of 1,024, the last filled up: OpenCV takes pictures, and none with a long side."""
    return np.pad(values, (0, -len(values) % 1024)).reshape(-1, 1024)


def quieten(radiance: Array, sight: Sight, samples: int) -> Array:
    """Average each pixel with those neighbours that show the same surface.

    Parameters
    ----------
    radiance : (S, S, 3) float32 array
        As traced.
    sight : Sight
        Neighbours count as far as colour and direction of the surface agree.
    samples : int
        Paths of each pixel; the more, the less the neighbours weigh.
    """
    alike = np.concatenate(
        [np.sqrt(sight.albedo) / _SAME_COLOUR, sight.normals / _SAME_DIRECTION], axis=2
    )
    size = len(radiance)
    total, weights = radiance.copy(), np.ones(radiance.shape[:2], np.float32)
    for down, right, near in [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.7), (1, -1, 0.7)]:
        here = slice(0, size - down), slice(max(0, -right), size - max(0, right))
        there = slice(down, size), slice(max(0, right), size + min(0, right))
        gap = alike[here] - alike[there]
        weight = np.exp(-np.einsum("ijk,ijk->ij", gap, gap)) * np.float32(
            near * min(1, 8 / samples)
        )
        total[here] += weight[..., None] * radiance[there]
        total[there] += weight[..., None] * radiance[here]
        weights[here] += weight
        weights[there] += weight
    return total / weights[..., None]


def reaching(radiance: Array, sight: Sight, light: Light) -> Array:
    """Share of the light that reaches each pixel, (S, S): traced light ÷ light without shadows."""
    little = 0.05  # keeps black surfaces, of which nothing can be measured, near one
    open_sky = light.irradiance(sight.normals).mean(axis=2)
    measured = radiance.mean(axis=2) + little * open_sky
    return np.clip(measured / ((sight.albedo.mean(axis=2) + little) * open_sky + 1e-9), 0, 1)
