"""Where hair grows: beard and stubble, and the scalp's hair line."""

from __future__ import annotations

import numpy as np

from data.people.appearance import Look
from data.people.canvas import Canvas, Chart
from data.people.patterns import noise, step
from data.people.surface import Array, floats


def beard_cover(
    canvas: Canvas, chart: Chart, look: Look, rng: np.random.Generator
) -> tuple[Array, Array]:
    """How much stubble and how much beard covers each texel.

    Returns
    -------
    stubble, beard : (S, S) float32 array
        Between 0 and 1.
    """
    place = chart.place
    empty = np.zeros(place.shape[:2], dtype=np.float32)
    if not look.stubble and not look.beard:
        return empty, empty
    points = canvas.landmarks
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    ragged = 0.03 * noise(place, 14, rng) + 0.02 * noise(place, 30, rng)
    corner, base, chin = points[54], points[33, 1], points[8]
    jaw_x, ear_z = abs(points[15, 0]), points[16, 2]
    # The cheek's edge falls from the sideburn to the corner of the mouth.
    edge = np.interp(x, [0, corner[0], 0.65 * jaw_x, jaw_x], [base, base - 0.06, -0.55, -0.1])
    low = chin[1] - 0.32 + 0.45 * np.clip(x / jaw_x, 0, 1) ** 2
    cheeks = step(edge + ragged - y, 0.0, 0.055) * step(y, low + ragged, 0.05)
    cheeks *= step(z, ear_z + 0.06, 0.03)
    lip = step(x, corner[0] + 0.1, 0.04)
    moustache = step(base - 0.02 + ragged * 0.5 - y, 0.0, 0.015) * step(y, corner[1] - 0.02, 0.03)
    moustache *= step(corner[0] + 0.1 - x + ragged, 0.0, 0.03)
    bottom = points[57, 1]
    chin_part = step(bottom - 0.04 - y, 0.0, 0.03) * step(0.27 + ragged - x, 0.0, 0.035)
    soul = step(0.07 - x, 0.0, 0.02) * step(corner[1] - 0.06 - y, 0.0, 0.02)
    # Beside the lower lip, above the chin, hair is sparse.
    bare = step(0.23 - x, 0, 0.03) * step(y, bottom - 0.05, 0.03) * step(x, 0.08, 0.02)
    bare *= step(corner[1] - y, 0.03, 0.02)
    around = step(corner[0] + 0.07 - x, 0, 0.03) * step(x, corner[0] - 0.02, 0.02)
    around *= step(corner[1] + 0.03 - y, 0, 0.03)
    everything = np.clip(cheeks * (1 - bare) + moustache, 0, 1)
    parts: dict[str, Array] = {
        "": empty,
        "moustache": moustache,
        "goatee": np.clip(moustache + around * cheeks + (chin_part + soul) * cheeks, 0, 1),
        "chin curtain": cheeks * np.clip(lip + chin_part, 0, 1),
        "full": everything,
    }
    long = parts[look.beard] * step(y, low, 0.05)
    strands = noise(place * floats([1, 0.5, 1]), 75, rng)
    texture = np.clip(0.95 + 0.18 * strands, 0, 1.1)
    cover = np.clip(long * (0.35 + 0.6 * look.beard_length) * texture, 0, 0.93)
    shadow = everything * look.stubble * 0.55 * np.clip(1 + 0.2 * strands, 0, 1.5)
    return shadow.astype(np.float32), cover.astype(np.float32)


def hair_edge(canvas: Canvas, place: Array, look: Look) -> Array:
    """How far inside the hair line a place on the scalp lies, in inter-ocular distances.

    Negative on the face, the ears' surroundings and the neck.
    """
    points = canvas.landmarks
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    side_x, ear_z = abs(points[16, 0]), points[16, 2]
    # The ears stand out beside the head, a little behind the ends of the jaw line.
    ear = (y < 0.04) & (y > -0.65) & (x > side_x - 0.1) & (z < ear_z - 0.12) & (z > ear_z - 0.65)
    ear &= (x > side_x + 0.02) | (z > ear_z - 0.42)
    brow = points[19:25, 1].mean()
    front = brow + 0.42 + 0.3 * look.hair_line
    temple = 0.12 * look.hair_line
    # From the front: the line falls at the temples to the sideburns before the ears.
    line = np.interp(
        x,
        [0, 0.3, 0.5, 0.66, side_x - 0.03, 9],
        [front, front + temple, front - 0.02 + temple, brow + 0.18, -0.1, -0.1],
    )
    ahead = y - line
    # From the side: over the ear, then down behind it to the nape.
    nape = np.interp(z - ear_z, [-1.35, -0.7, -0.55, -0.2, 0.05], [-0.85, -0.6, 0.04, 0.04, -0.1])
    edge = np.where(z > ear_z + 0.05, ahead, np.minimum(y - nape, ahead + 9 * (z < ear_z - 0.2)))
    return np.where(ear, -1.0, edge).astype(np.float32)


def scalp_cover(canvas: Canvas, chart: Chart, look: Look, rng: np.random.Generator) -> Array:
    """(S, S) how densely hair roots cover the scalp."""
    if look.hair_style == "bald":
        return np.zeros(chart.place.shape[:2], dtype=np.float32)
    ragged = 0.03 * noise(chart.place, 9, rng) + 0.02 * noise(chart.place, 25, rng)
    edge = hair_edge(canvas, chart.place, look) + ragged
    strands = noise(chart.place, 50, rng)
    cover = step(edge, 0.02, 0.035) * np.clip(1 + 0.12 * strands, 0, 1.1)
    dense = 0.75 if look.hair_style == "shaved" else 0.93
    return np.clip(dense * cover * chart.outer, 0, 0.97).astype(np.float32)
