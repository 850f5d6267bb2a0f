"""The colour of a person's skin in texture space: pigment, blood, spots, stubble, scalp."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.appearance import Look
from data.people.canvas import Canvas, Chart
from data.people.features import paint_brows, paint_eyelids, paint_lips
from data.people.growth import beard_cover, scalp_cover
from data.people.patterns import Front, layered, noise, scatter, spot, step
from data.people.surface import HAIR, MOUTH, SKIN, Array, Labels, floats
from data.people.tone import skin_colour


class Skin(NamedTuple):
    """Textures of one person at rest.

    Attributes
    ----------
    face, head : (S, S, 3) float32 array
        Linear RGB albedo.
    face_labels, head_labels : (S, S) uint8 array
    folds : (S, S) float32 array
        Where on the face lines are deeper (above 1) or fainter (below) than elsewhere.
    """

    face: Array
    face_labels: Labels
    head: Array
    head_labels: Labels
    folds: Array


def stream(look: Look, number: int) -> np.random.Generator:
    """The person's own random numbers for one pattern."""
    return np.random.default_rng([look.seed, number])


def paint_skin(canvas: Canvas, front: Front, look: Look) -> Skin:
    """Paint both textures of a person's head with a face at rest."""
    melanin, blood = _pigment(canvas, canvas.face, look)
    face, face_labels = _paint(canvas, canvas.face, look, melanin, blood)
    head, head_labels = _paint(canvas, canvas.head, look, *_pigment(canvas, canvas.head, look))
    paint_lips(canvas, look, face, face_labels, melanin, blood, stream(look, 20))
    paint_eyelids(canvas, look, face, stream(look, 21))
    paint_brows(canvas, look, face, face_labels, stream(look, 22))
    _paint_inside(canvas, head, head_labels, look)
    uneven = noise(canvas.face.place, 5, stream(look, 23))
    folds = np.clip(0.9 + 0.45 * uneven, 0.1, 1.8)
    return Skin(np.clip(face, 0, 1), face_labels, np.clip(head, 0, 1), head_labels, folds)


def _paint(
    canvas: Canvas, chart: Chart, look: Look, melanin: Array, blood: Array
) -> tuple[Array, Labels]:
    albedo = skin_colour(melanin, blood)
    grain = stream(look, 13 if chart is canvas.head else 10).standard_normal(melanin.shape)
    albedo *= (1 + (0.01 + 0.03 * look.pores) * grain[..., None]).astype(np.float32)
    labels = np.full(melanin.shape, SKIN, dtype=np.uint8)
    _shade_creases(canvas, chart, look, albedo)
    stubble, beard = beard_cover(canvas, chart, look, stream(look, 11))
    # Roots under the skin darken it, even fair ones.
    roots = np.minimum(floats(look.beard_colour), 0.35 * albedo)
    albedo += stubble[..., None] * (roots - albedo)
    albedo += beard[..., None] * (floats(look.beard_colour) - albedo)
    labels[beard > 0.6] = HAIR
    scalp = scalp_cover(canvas, chart, look, stream(look, 12))
    albedo += scalp[..., None] * (floats(look.hair_colour) - albedo)
    labels[scalp > 0.5] = HAIR
    return albedo, labels


def _pigment(canvas: Canvas, chart: Chart, look: Look) -> tuple[Array, Array]:
    """Melanin and blood of each texel."""
    place = chart.place
    points = canvas.landmarks
    both = place.copy()
    both[..., 0] = np.abs(both[..., 0])
    ahead = step(chart.normal[..., 2], 0.1, 0.2)
    melanin = np.log(floats(look.melanin)) + np.zeros(place.shape[:2], np.float32)
    blood = np.zeros_like(melanin)

    melanin += 0.09 * look.mottle * layered(place, 4, 3, stream(look, 1))
    blood += 0.16 * look.mottle * layered(place, 6, 3, stream(look, 2))
    nose = np.abs(points[[30, 31, 35]]).mean(axis=0)
    blood += 0.9 * look.redness * ahead * spot(both, (0, points[30, 1], points[30, 2]), 0.14)
    blood += 0.5 * look.redness * ahead * spot(both, (nose[0], points[33, 1], nose[2]), 0.09)
    cheek = np.abs(points[45]) * (1, 0, 1) + (0.0, 0.45 * points[54, 1], 0.1)
    blood += 0.7 * look.redness * ahead * spot(both, cheek, (0.2, 0.17, 0.4))
    blood += 0.5 * look.redness * ahead * spot(both, points[8] + (0, 0.1, 0), 0.15)
    ears = step(both[..., 0], abs(points[16, 0]) + 0.08, 0.04)
    blood += 0.8 * look.redness * ears * step(-chart.normal[..., 2], -2, 0.1)
    eyes = points[[42, 43, 44, 45, 46, 47]].mean(axis=0)
    under = spot(both, eyes + (0, -0.11, 0), (0.13, 0.05, 0.3))
    around = spot(both, eyes + (0, 0.03, 0), (0.17, 0.12, 0.3))
    melanin += look.sockets * (0.4 * under + 0.3 * around)
    blood += look.sockets * (0.35 * under + 0.25 * around)
    light = spot(both, (0, 0.55, points[27, 2]), (0.25, 0.16, 0.5))
    melanin -= 0.1 * light
    # The lower face of dark skins and what the sun does not reach.
    melanin += 0.12 * spot(both, (0, points[57, 1], points[57, 2]), (0.4, 0.2, 0.5))
    melanin -= 0.15 * step(-chart.normal[..., 1], 0.4, 0.2) * step(-place[..., 1], 1.2, 0.1)
    if look.freckles:
        where = ahead * (spot(both, cheek + (-0.1, 0.1, 0), (0.3, 0.2, 0.5)) + 0.1)
        dots = scatter(chart, int(400 * look.freckles), (0.5, 1.1), where, stream(look, 3))
        melanin += 1.2 * look.freckles * np.clip(dots, 0, 1.5)
    moles = scatter(chart, look.moles, (0.6, 1.7), ahead + 0.05, stream(look, 4))
    melanin += 2.0 * np.clip(moles, 0, 1)
    if look.age > 0.4:
        spots = noise(place, 22, stream(look, 5)) + 0.5 * noise(place, 9, stream(look, 6))
        melanin += 0.5 * (look.age - 0.4) * step(spots, 1.6, 0.3)
    if look.make_up:
        blood += 0.5 * look.make_up * ahead * spot(both, cheek + (0.05, 0.08, 0), (0.14, 0.1, 0.4))
    return np.exp(melanin), floats(look.blood) * np.exp(blood)


def _shade_creases(canvas: Canvas, chart: Chart, look: Look, albedo: Array) -> None:
    """Darken the hollows, which one bounce of light would leave too bright."""
    points = canvas.landmarks
    both = chart.place.copy()
    both[..., 0] = np.abs(both[..., 0])
    down = -chart.normal[..., 1]
    nostril = (points[34] + points[35]) / 2
    hole = spot(both, nostril + (-0.01, 0.03, -0.01), (0.045, 0.03, 0.06)) * step(down, 0.25, 0.2)
    under = spot(both, points[33] + (0, 0.01, -0.03), (0.17, 0.035, 0.12)) * step(down, 0.0, 0.3)
    inner = points[42] + (-0.02, 0.09, 0)
    socket = spot(both, inner, (0.07, 0.07, 0.12)) + spot(
        both, inner + (0.15, 0.03, 0), (0.15, 0.045, 0.2)
    )
    # The neck lies in the jaw's shadow under almost any light.
    jaw = points[8, 1] + 0.75 * np.clip(both[..., 0] / abs(points[16, 0]), 0, 1.2) ** 2.2
    neck = step(jaw - both[..., 1], 0.08, 0.07) * step(both[..., 1], -2.0, 0.3)
    neck = neck * step(points[8, 2] - 0.02 - both[..., 2], 0, 0.05)
    shade = 0.42 * np.clip(1.3 * hole, 0, 1) + 0.42 * under + (0.1 + 0.25 * look.sockets) * socket
    lip = spot(both, points[57] + (0, -0.065, -0.02), (0.15, 0.03, 0.1))
    shade = shade + 0.2 * lip + (0.15 + 0.3 * look.mottle) * neck
    albedo *= (1 - np.clip(shade, 0, 0.8))[..., None]


def _paint_inside(canvas: Canvas, head: Array, labels: Labels, look: Look) -> None:
    """Colour the lining of the mouth and of the eye sockets."""
    inner = ~canvas.head.outer
    place = canvas.head.place
    mouth = inner & (place[..., 1] < canvas.landmarks[33, 1])
    head[inner] = skin_colour(look.melanin, 2.5 * look.blood) * 0.4
    deep: npt.NDArray[np.float32] = np.clip(
        (place[..., 2] - canvas.landmarks[54, 2] + 0.5) / 0.5, 0.1, 1
    )
    colour = floats(look.gum_colour) * 0.35
    head[mouth] = colour * deep[mouth][:, None]
    labels[mouth] = MOUTH
