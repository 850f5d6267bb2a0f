"""Glasses, hats and clothes, fitted to a head at rest."""

from __future__ import annotations

import numpy as np

from data.people.accessories import Accessories
from data.people.appearance import Look, cloth_colour
from data.people.canvas import Canvas, smooth_curve
from data.people.patterns import noise, step
from data.people.shell import ROUND, Shell
from data.people.solids import cloth_texture, grid_triangles, merged, tube
from data.people.surface import (
    BACKGROUND,
    OCCLUDER,
    Array,
    Surface,
    floats,
    smooth_normals,
)


def glasses(canvas: Canvas, points: Array, worn: Accessories) -> list[Surface]:
    """Frames and, when they are dark, lenses.

    Parameters
    ----------
    canvas : Canvas
    points : (68, 3) float array
        Landmarks of the head at rest, in the model's lengths.
    worn : Accessories
    """
    rng = np.random.default_rng([worn.seed, 1])
    place = canvas.to_place(points)
    dark = worn.glasses == "sunglasses"
    wide = rng.uniform(0.24, 0.29) + 0.02 * dark
    high = rng.uniform(0.13, 0.21) + 0.05 * dark
    power = rng.uniform(2.0, 5.0)
    thin = {"thin": 0.009, "thick": 0.03, "rimless": 0.005, "sunglasses": 0.02}[worn.glasses]
    colours = [(0.02, 0.02, 0.02), (0.09, 0.04, 0.02), (0.35, 0.34, 0.33), (0.45, 0.3, 0.1)]
    colour = colours[rng.integers(len(colours))] if rng.random() < 0.8 else cloth_colour(rng)
    front = max(place[27, 2] + 0.03, place[[37, 38, 43, 44], 2].max() + 0.1)
    slip = rng.uniform(-0.06, 0.01)
    angle = np.linspace(0, 2 * np.pi, 33)[:-1]
    shape_x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
    shape_y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power)
    parts, lenses = [], []
    for side, eye in ((1, range(42, 48)), (-1, range(36, 42))):
        centre = place[list(eye)].mean(axis=0)
        x = centre[0] + side * 0.01 + wide * shape_x
        y = centre[1] - 0.02 + slip + high * shape_y
        # The lenses bend back toward the temples.
        z = front - 0.16 * np.clip(np.abs(x) - 0.2, 0, None) ** 1.5
        rim = np.stack([x, y, z], axis=-1)
        parts.append(("rim", rim, True))
        lenses.append(np.concatenate([rim.mean(axis=0, keepdims=True), rim]))
        outer = rim[np.argmax(side * x + 0.3 * y)]
        ear = place[16 if side > 0 else 0]
        bow = [
            outer,
            (ear[0] + side * 0.035, centre[1] + 0.03 + 0.5 * slip, outer[2] - 0.35),
            (ear[0] + side * 0.05, centre[1] + 0.03, ear[2] - 0.12),
        ]
        parts.append(("bow", smooth_curve(floats(bow), steps=4), False))
    inner = [lens[1:][np.argmin(np.abs(lens[1:, 0]) - 0.5 * lens[1:, 1])] for lens in lenses]
    over = (inner[0] + inner[1]) / 2 + floats([0, 0.02, 0.02])
    parts.append(("bridge", smooth_curve(np.stack([inner[0], over, inner[1]]), steps=4), False))
    if worn.glasses == "rimless":
        parts = [part for part in parts if part[0] != "rim"]
    frame = merged(
        "glasses",
        [
            tube(
                name,
                curve * canvas.unit + canvas.origin,
                thin * canvas.unit,
                colour,
                OCCLUDER,
                closed=closed,
                sides=5,
                roughness=0.25,
                specular=0.6,
            )
            for name, curve, closed in parts
        ],
    )
    if not dark:
        return [frame]
    count = len(angle)
    here = np.arange(count) + 1
    fan = np.stack([0 * here, here, np.roll(here, -1)], axis=-1).astype(np.int32)
    tint = rng.uniform(0.004, 0.04, 3)
    panes = [
        Surface(
            "lens",
            (lens * canvas.unit + canvas.origin).astype(np.float32),
            fan,
            None,
            floats(tint),
            roughness=0.1,
            specular=0.6,
            label=OCCLUDER,
            normals=smooth_normals(lens, fan),
        )
        for lens in lenses
    ]
    return [frame, merged("lenses", panes)]


def hat(canvas: Canvas, mean: Shell, own: Shell, worn: Accessories) -> tuple[list[Surface], float]:
    """A beanie or a peaked cap, and the height (as a place) above which it hides the hair."""
    rng = np.random.default_rng([worn.seed, 3])
    y, z = mean.place[..., 1], mean.place[..., 2]
    brow = canvas.landmarks[19:25, 1].mean()
    rim = brow + rng.uniform(0.1, 0.3)
    back = rim - rng.uniform(0.1, 0.5) * (worn.hat == "beanie") - 0.05
    edge = np.where(z > -0.4, rim, rim + (back - rim) * np.clip((-0.4 - z) / 0.6, 0, 1))
    thick = 0.11 + 0.08 * step(y, 0.9, 0.15) + 0.01 * noise(mean.place, 6, rng)
    texture = cloth_texture(cloth_colour(rng), rng)
    sheet = own.cut("hat", own.lifted(thick), y - edge, texture, OCCLUDER)
    surfaces = [sheet] if sheet else []
    if worn.hat == "cap":
        columns = np.flatnonzero(np.abs(own.azimuth) < 1.0)
        row = int(np.argmin(np.abs(own.place[:, ROUND // 2, 1] - rim)))
        base = own.place[row, columns] + 0.08 * own.outward[row, columns]
        reach = rng.uniform(0.5, 0.75) * np.cos(own.azimuth[columns] * 1.5).clip(0.0)
        far = np.linspace(0, 1, 5)[:, None]
        out = far * reach
        peak = np.stack(
            [
                base[:, 0] + 0 * out,
                base[:, 1]
                - rng.uniform(0.1, 0.4) * out
                - 0.35 * np.clip(np.abs(base[:, 0]), 0, 1) ** 2 * far,
                base[:, 2] + out,
            ],
            axis=-1,
        ).reshape(-1, 3)
        triangles = grid_triangles(5, len(columns), closed=False)
        vertices = (peak * canvas.unit + canvas.origin).astype(np.float32)
        surfaces.append(Surface("peak", vertices, triangles, None, texture[0, 0], label=OCCLUDER))
    return surfaces, float(rim)


def clothes(canvas: Canvas, own: Shell, look: Look) -> Surface:
    """Neck and shoulders of a garment."""
    rng = np.random.default_rng([look.seed, 70])
    rows = 16
    front = 0.5 + 0.5 * np.cos(own.azimuth)
    open_ = 0.1 + 0.6 * (1 - look.clothes_neck) * front ** (1 + 5 * look.clothes_neck)
    start = -1.4 - 0.2 * front - open_
    down = (np.linspace(0, 1, rows) ** 1.5)[:, None]
    y = start + down * (-4.8 - start)
    below = -1.6 - y
    wide = np.interp(below, [-0.3, 0.1, 0.45, 0.8, 1.2, 3.3], [0.45, 0.6, 1.4, 1.95, 2.2, 2.3])
    wide *= rng.uniform(0.9, 1.05)
    deep = np.interp(below, [-0.3, 0.1, 0.5, 1.2, 3.3], [0.45, 0.55, 0.8, 1.05, 1.15])
    power = 2.4
    round_ = (
        (np.abs(np.sin(own.azimuth)) / wide) ** power
        + (np.abs(np.cos(own.azimuth)) / deep) ** power
    ) ** (-1 / power)
    heights = own.place[:, 0, 1]
    body = np.stack(
        [np.interp(-y[:, column], -heights, own.radius[:, column]) for column in range(ROUND)],
        axis=1,
    )
    radius = np.maximum(round_, body + 0.06 + 0.1 * down)
    place = np.stack(
        [radius * np.sin(own.azimuth), y, own.middle[2] + radius * np.cos(own.azimuth)], axis=-1
    )
    place += 0.03 * noise(place.astype(np.float32), 3, rng)[..., None] * down[..., None] ** 0.3
    vertices = (place.reshape(-1, 3) * canvas.unit + canvas.origin).astype(np.float32)
    triangles = grid_triangles(rows, ROUND)
    row, column = np.mgrid[:rows, :ROUND]
    uv = np.stack([(column.ravel() + 0.5) / ROUND, (row.ravel() + 0.5) / rows], axis=1)
    return Surface(
        "clothes",
        vertices,
        triangles,
        uv.astype(np.float32),
        cloth_texture(look.clothes_colour, rng),
        label=BACKGROUND,
        normals=smooth_normals(vertices, triangles),
    )
