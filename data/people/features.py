"""Lips, brows and eyelids, painted at their landmarks."""

from __future__ import annotations

import numpy as np

from data.people.appearance import Look
from data.people.canvas import Canvas, smooth_curve
from data.people.patterns import along, fill, lookup, noise, step
from data.people.surface import BROWS, LIPS, Array, Labels, floats
from data.people.tone import skin_colour

LEFT_BROW, RIGHT_BROW = (22, 23, 24, 25, 26), (21, 20, 19, 18, 17)
OUTER_LIPS, INNER_LIPS = tuple(range(48, 60)), tuple(range(60, 68))
LEFT_LIDS = ((42, 43, 44, 45), (42, 47, 46, 45))
RIGHT_LIDS = ((39, 38, 37, 36), (39, 40, 41, 36))


def lip_cover(canvas: Canvas, size: int, softness: float = 0.0) -> Array:
    """(size, size) how far each texel of the face belongs to the lips; softness in texels."""
    outline = smooth_curve(canvas.texels[list(OUTER_LIPS)], closed=True)
    return fill(size, outline, softness)


def paint_lips(
    canvas: Canvas,
    look: Look,
    albedo: Array,
    labels: Labels,
    melanin: Array,
    blood: Array,
    rng: np.random.Generator,
) -> None:
    """Colour the lips between their outer outline and the mouth."""
    size = len(albedo)
    soft = lip_cover(canvas, size, look.lip_edge * canvas.unit_texels())
    own = skin_colour(melanin * look.lip_melanin, np.clip(blood * look.lip_blood, 0, 0.2))
    # Fine lines run across the lips, so they vary along the mouth only.
    place = canvas.face.place * floats([1, 0.25, 0.25])
    lines = noise(place, 45, rng) + noise(place, 22, rng)
    own *= (1 + 0.05 * lines)[..., None]
    cover = look.lipstick * (0.9 + 0.1 * noise(canvas.face.place, 12, rng))
    own += np.clip(cover, 0, 1)[..., None] * (floats(look.lipstick_colour) - own)
    # Where the lips meet they are moist and dark.
    seam = np.concatenate([canvas.landmarks[60:65], canvas.landmarks[[67, 66, 65]]])
    distance = np.abs(canvas.face.place[..., None, :] - seam).max(axis=-1).min(axis=-1)
    own *= (0.5 + 0.5 * step(distance, 0.022, 0.022))[..., None]
    # The upper lip faces down.
    line = canvas.landmarks[[62, 66], 1].mean()
    own *= (1.06 - 0.2 * step(canvas.face.place[..., 1], line, 0.02))[..., None]
    albedo += soft[..., None] * (own - albedo)
    labels[lip_cover(canvas, size) > 0.5] = LIPS


def paint_brows(
    canvas: Canvas, look: Look, albedo: Array, labels: Labels, rng: np.random.Generator
) -> None:
    """Draw the brows as dense short strokes that follow the landmarks."""
    place = canvas.face.place
    lattices = rng.standard_normal((2, 24, 24, 24)).astype(np.float32)
    for number, brow in enumerate((LEFT_BROW, RIGHT_BROW)):
        points = canvas.landmarks[list(brow)].copy()
        share = np.linspace(0, 1, len(points))
        arch = look.brow_arch + (look.brow_asymmetry if number == 0 else 0)
        raised = look.brow_height + (look.brow_asymmetry if number == 0 else 0)
        points[:, 1] += raised + arch * np.sin(np.pi * np.clip(share * 1.1, 0, 1))
        # The landmarks follow the brow's upper edge.
        points[:, 1] -= look.brow_thickness * floats([0.32, 0.36, 0.4, 0.46, 0.46])
        tail = points[-1] - points[-2]
        end = points[-1] + tail * max(look.brow_length, 0.01) / np.linalg.norm(tail)
        start = points[0] + (points[0] - points[1]) * 0.06
        curve = smooth_curve(np.concatenate([start[None], points, end[None]]))
        box = (place >= curve.min(axis=0) - 0.15) & (place <= curve.max(axis=0) + 0.15)
        near = box.all(axis=-1)
        passed, above, length = along(place[near], curve)
        wide = (
            0.5
            * look.brow_thickness
            * np.interp(passed, [-0.1, 0, 0.15, 0.6, 1.0], [0.5, 0.8, 1.0, 0.85, 0.25])
        )
        inside = step(wide - np.abs(above), 0.0, 0.014)
        inside *= step(passed, 0.01, 0.02) * step(-passed, -0.99, 0.02)
        lean = np.interp(passed, [0, 0.3, 1], [1.1, 0.5, 0.1]).astype(np.float32)
        along_hair = passed * length * np.cos(lean) + above * np.sin(lean)
        across_hair = -passed * length * np.sin(lean) + above * np.cos(lean)
        at = np.stack([along_hair / 0.05, across_hair / 0.012, 0 * passed], axis=-1)
        strands = lookup(lattices[number], at.astype(np.float32))
        thin = np.interp(passed, [0, 0.15, 0.7, 1], [0.6, 1.0, 1.0, 0.8])
        cover = np.clip(inside * thin * look.brow_density * (1 + 0.3 * strands), 0, 0.97)
        old = albedo[near]
        albedo[near] = old + cover[:, None] * (floats(look.brow_colour) - old)
        mark = labels[near]
        mark[inside > 0.5] = BROWS
        labels[near] = mark


def paint_eyelids(canvas: Canvas, look: Look, albedo: Array, rng: np.random.Generator) -> None:
    """Darken the roots of the lashes and the fold of the upper lid; paint eye make-up."""
    place = canvas.face.place
    fold = rng.uniform(0, 0.5) if rng.random() < 0.75 else 0.0
    height = rng.uniform(0.04, 0.075)
    shadow = floats(look.iris_colour if rng.random() < 0.3 else (0.05, 0.035, 0.035))
    for upper, lower in (LEFT_LIDS, RIGHT_LIDS):
        points = canvas.landmarks[[*upper, *lower]]
        middle = points.mean(axis=0)
        near = (np.abs(place - middle) < (0.27, 0.27, 0.3)).all(axis=-1)
        for lid, strength in ((upper, 0.35 + 0.5 * look.lashes), (lower, 0.6 * look.lashes)):
            curve = smooth_curve(canvas.landmarks[list(lid)])
            _, above, _ = along(place[near], curve)
            wide = 0.008 + 0.02 * look.make_up * (lid is upper)
            rim = strength * np.exp(-0.5 * (above / wide) ** 2)
            albedo[near] *= (1 - np.clip(rim, 0, 0.9))[:, None]
            if lid is upper:
                crease = fold * np.exp(-0.5 * ((above - height) / 0.011) ** 2)
                albedo[near] *= (1 - crease)[:, None]
                lid_paint = 0.7 * look.make_up * step(above, 0.0, 0.01) * step(-above, -0.1, 0.03)
                span = step(place[near][:, 1], middle[1], 0.03)
                cover = (lid_paint * span)[:, None]
                albedo[near] += cover * (shadow - albedo[near]) * np.float32(0.6)
