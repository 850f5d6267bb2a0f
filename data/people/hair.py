"""Hair and headscarves, cut out of a sheet around the head."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from data.people.appearance import Look
from data.people.canvas import Canvas
from data.people.growth import hair_edge
from data.people.patterns import noise, step
from data.people.shell import CROWN, ROUND, Shell
from data.people.solids import ball, cloth_texture
from data.people.surface import HAIR, OCCLUDER, Array, Surface, floats


class Cut(NamedTuple):
    """A sheet before it becomes a surface: where it lies, and how far inside its outline."""

    place: Array
    inside: Array


def dress_hair(canvas: Canvas, mean: Shell, own: Shell, look: Look) -> list[Surface]:
    """The hair, or the scarf over it, of one person.

    Parameters
    ----------
    canvas : Canvas
    mean, own : Shell
        Of the model's mean head, where styles are defined, and of the person's.
    look : Look
    """
    if look.headwear:
        return _scarf(canvas, mean, own, look)
    if look.hair_style in ("bald", "shaved"):
        return []
    rng = np.random.default_rng([look.seed, 50])
    cut = _STYLES[look.hair_style](canvas, mean, own, look, rng)
    sheet = own.cut(
        "hair", cut.place, cut.inside, _strands(look, rng), HAIR, roughness=0.5, specular=0.2
    )
    surfaces = [sheet] if sheet else []
    if look.hair_style == "bun":
        surfaces.append(_bun(canvas, own, look))
    return surfaces


def _strands(look: Look, rng: np.random.Generator) -> Array:
    """Texture of hair that falls from the crown: streaks along the rows."""
    rows, columns = 64, 256
    fine = rng.standard_normal((rows // 8, columns))
    broad = rng.standard_normal((rows // 16, columns // 6))
    streaks = ndimage.zoom(fine, (8, 1), order=1) * 0.28
    streaks += ndimage.zoom(broad, (16, columns / broad.shape[1]), order=1) * 0.25
    if look.hair_style == "curls":
        streaks = rng.standard_normal((rows, columns)) * 0.35
    shade = np.exp(np.clip(streaks, -1, 0.9))[..., None]
    # Roots are darker than ends.
    shade = shade * np.linspace(0.8, 1.1, rows)[:, None, None]
    return np.clip(floats(look.hair_colour) * shade, 0, 1).astype(np.float32)


def _ragged(shell: Shell, rng: np.random.Generator, size: float) -> Array:
    """(rows, columns) irregularity of an edge: strands end at different lengths."""
    strands = rng.standard_normal((1, ROUND))
    strands = strands + 0.8 * ndimage.gaussian_filter1d(strands, 2.5, mode="wrap") * 2.5
    return size * (strands + 0.5 * noise(shell.place, 12, rng)).astype(np.float32)


def _clumps(shell: Shell, look: Look, rng: np.random.Generator) -> Array:
    """(rows, columns) waves of the hair's surface."""
    stretched = shell.place * floats([1, 0.35, 1])
    smooth = noise(stretched, 9, rng)
    curly = noise(shell.place, 11, rng)
    return (1 - look.hair_wave) * 0.5 * smooth + look.hair_wave * curly


def _crop(canvas: Canvas, mean: Shell, look: Look, rng: np.random.Generator) -> tuple[Array, Array]:
    """Depth inside the hair line and thickness of a plain crop."""
    edge = hair_edge(canvas, mean.place, look) + _ragged(mean, rng, 0.012)
    top = step(mean.place[..., 1], 0.55, 0.25)
    sides = 0.25 + 0.5 * look.hair_length
    thick = look.hair_volume * (sides + (1 - sides) * top)
    thick = thick * (1 + 0.35 * _clumps(mean, look, rng))
    return edge, 0.012 + thick * np.clip(edge / 0.12, 0, 1) ** 0.6


def _short(canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator) -> Cut:
    edge, thick = _crop(canvas, mean, look, rng)
    return Cut(own.lifted(thick), edge + 0.005)


def _side_part(
    canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator
) -> Cut:
    edge, thick = _crop(canvas, mean, look, rng)
    side = np.sign(look.hair_side) * 0.28
    x, y, z = np.moveaxis(mean.place, -1, 0)
    over = step(-(x - side) * np.sign(side), 0.0, 0.03)
    ahead = step(z, -0.9, 0.2)
    parting = np.exp(-0.5 * ((x - side) / 0.035) ** 2) * ahead * (y > 0.6)
    thick = thick * (0.6 + 0.7 * over * ahead) * (1 - 0.8 * parting)
    # The longer side falls over the temple.
    fall = over * step(z, -0.5, 0.1) * (0.05 + 0.16 * look.hair_length)
    return Cut(own.lifted(thick + 0.02), edge + fall + 0.005)


def _fringe(canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator) -> Cut:
    edge, thick = _crop(canvas, mean, look, rng)
    x, y, z = np.moveaxis(mean.place, -1, 0)
    brow = canvas.landmarks[19:25, 1].mean()
    lowest = brow + 0.3 - 0.33 * look.hair_length + _ragged(mean, rng, 0.02)
    lowest = lowest + 0.12 * look.hair_side * x
    front = np.minimum(y - lowest, np.minimum(z + 0.75, 0.9 - np.abs(x)))
    thick = np.maximum(thick, 0.03 + 0.4 * look.hair_volume)
    return Cut(own.lifted(thick), np.maximum(edge + 0.005, front))


def _swept(canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator) -> Cut:
    edge, thick = _crop(canvas, mean, look, rng)
    x, y, z = np.moveaxis(mean.place, -1, 0)
    quiff = step(z, -0.7, 0.2) * step(y, 0.8, 0.12) * np.exp(-0.5 * (x / 0.45) ** 2)
    thick = thick + quiff * (0.05 + 0.14 * look.hair_length) * np.clip(edge / 0.1, 0, 1)
    return Cut(own.lifted(thick), edge + 0.005)


def _long(canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator) -> Cut:
    edge, _ = _crop(canvas, mean, look, rng)
    thick = look.hair_volume * (1 + 0.4 * _clumps(mean, look, rng)) + 0.035
    thick = thick * np.clip(0.4 + edge / 0.15, 0.4, 1)
    fall = float(rng.uniform(0.0, 0.35))
    x, y, z = np.moveaxis(mean.hanging(thick, fall), -1, 0)
    lowest = -0.55 - 1.5 * look.hair_length + _ragged(mean, rng, 0.04)
    # Where the curtain beside the face begins, farther forward on the side of the parting.
    lean = look.hair_side * np.sign(x) * 0.12
    opening = rng.uniform(-0.62, -0.22) + lean + 0.08 * np.sin(3 * y) * look.hair_wave
    opening = opening + 0.25 * step(y, 0.3, 0.2) + _ragged(mean, rng, 0.015)
    curtain = np.minimum(opening - z, y - lowest)
    if rng.random() < 0.35:  # with a fringe as well
        brow = canvas.landmarks[19:25, 1].mean()
        lowest = brow + rng.uniform(0.0, 0.25) + _ragged(mean, rng, 0.02)
        curtain = np.maximum(curtain, np.minimum(y - lowest, 1.2 - y))
    place = own.hanging(thick, fall)
    if look.hair_wave > 0.4:
        waves = 0.03 * look.hair_wave * np.sin(9 * place[..., 1] + 4 * x)
        place = place + own.outward * (waves * step(-y, 0.1, 0.2))[..., None]
    return Cut(place, np.maximum(edge + 0.005, curtain))


def _curls(canvas: Canvas, mean: Shell, own: Shell, look: Look, rng: np.random.Generator) -> Cut:
    edge = hair_edge(canvas, mean.place, look) + _ragged(mean, rng, 0.015)
    y, z = mean.place[..., 1], mean.place[..., 2]
    size = 0.06 + 0.35 * look.hair_length
    bumps = noise(mean.place, 7, rng) * 0.12 + noise(mean.place, 14, rng) * 0.1
    thick = size * (0.9 + bumps) * (0.55 + 0.45 * step(y, 0.2, 0.4))
    thick = 0.02 + thick * np.clip(edge / 0.3, 0.0, 1) ** 0.5
    low = -0.15 - 0.9 * look.hair_length * (look.hair_volume > 0.07)
    beside = np.minimum(-0.6 - z, y - low + _ragged(mean, rng, 0.02))
    thick = np.where((beside > 0) & (edge < 0.05), np.maximum(thick, size * (0.7 + bumps)), thick)
    return Cut(own.hanging(thick, 0.8), np.maximum(edge + 0.005, beside))


_STYLES = {
    "short": _short,
    "side part": _side_part,
    "fringe": _fringe,
    "swept": _swept,
    "long": _long,
    "curls": _curls,
    "bun": _short,
}


def _bun(canvas: Canvas, own: Shell, look: Look) -> Surface:
    """A knot of hair on the back of the head."""
    rng = np.random.default_rng([look.seed, 51])
    size = rng.uniform(0.18, 0.32)
    row = int(rng.integers(3, CROWN - 4))
    centre = own.place[row, 0] + own.outward[row, 0] * size * 0.7
    return ball(
        "bun", centre * canvas.unit + canvas.origin, size * canvas.unit, look.hair_colour, HAIR
    )


def _scarf(canvas: Canvas, mean: Shell, own: Shell, look: Look) -> list[Surface]:
    """Cloth around the head: a headscarf that leaves the face free, or a turban."""
    rng = np.random.default_rng([look.seed, 52])
    x, y, z = np.moveaxis(mean.place, -1, 0)
    folds = noise(mean.place * floats([1, 1.5, 1]), 4, rng)
    if look.headwear == "turban":
        brow = canvas.landmarks[19:25, 1].mean()
        tilt = brow + rng.uniform(0.1, 0.3) + 0.1 * np.abs(x)
        inside = y - tilt * step(z, -0.8, 0.15)
        thick = (
            0.12 + 0.1 * step(y, 0.5, 0.3) + 0.02 * np.sin(14 * y + 6 * np.abs(x)) + 0.01 * folds
        )
        place = own.lifted(thick)
    else:
        wide, high = rng.uniform(0.62, 0.78), rng.uniform(0.85, 1.05)
        top = canvas.landmarks[19:25, 1].mean() + rng.uniform(0.2, 0.45)
        hole = (x / wide) ** 2 + ((y - (top - high)) / high) ** 2
        inside = np.maximum(np.sqrt(hole) - 1, -0.75 - z)
        thick = 0.09 + 0.025 * np.clip(folds, -1.5, 2) + 0.06 * step(-y, 0.6, 0.3)
        place = own.hanging(thick, 0.9)
    cloth = cloth_texture(look.headwear_colour, rng)
    sheet = own.cut(look.headwear, place, inside, cloth, OCCLUDER)
    return [sheet] if sheet else []
