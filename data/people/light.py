"""Light of the places where people are photographed: a sphere of radiance and sometimes a lamp.

All of it lies in the view, not in the head's system, and is drawn from a stream of its own, so that
nothing about the face can be read from it. Its strength has no unit: the exposure follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

ROWS, COLUMNS = 16, 32


class Light(NamedTuple):
    """Light that falls on a head.

    Attributes
    ----------
    kind : str
        Which of `KINDS`.
    sphere : (16, 32, 3) float32 array
        Radiance from every direction (`directions`), linear RGB.
    lamp : (3,) float array or None
        Where a small lamp hangs, in centimetres from the head's middle along the view's axes.
    lamp_colour : (3,) float array
        Irradiance that the lamp gives at the head's middle, linear RGB.
    """

    kind: str
    sphere: npt.NDArray[np.float32]
    lamp: Float | None
    lamp_colour: Float

    def irradiance(self, normals: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Irradiance ÷ pi on unshadowed surfaces: normals (..., 3) to (..., 3).

        References
        ----------
        Ramamoorthi, Hanrahan, "An Efficient Representation for Irradiance Environment Maps",
        SIGGRAPH 2001.
        """
        ways, solid = directions()
        basis = _harmonics(ways)
        # What each band of the sphere keeps when a surface gathers over its cosine, ÷ pi.
        kept = np.array([1, *[2 / 3] * 3, *[1 / 4] * 5])
        moments = np.einsum("rck,rcd,rc->kd", basis, self.sphere, solid) * kept[:, None]
        total = np.clip(_harmonics(np.asarray(normals, np.float64)) @ moments, 0, None)
        if self.lamp is not None:
            toward = self.lamp / np.linalg.norm(self.lamp)
            total = total + np.clip(normals @ toward, 0, None)[..., None] * self.lamp_colour / np.pi
        return total.astype(np.float32)

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        ways, solid = directions()
        weight = self.sphere.mean(axis=2) * solid
        main = (weight[..., None] * ways).sum(axis=(0, 1))
        if self.lamp is not None:
            main = main + self.lamp_colour.mean() * self.lamp / np.linalg.norm(self.lamp)
        main /= max(float(np.linalg.norm(main)), 1e-9)
        return {"kind": self.kind, "direction": [round(float(value), 3) for value in main]}


def directions() -> tuple[Float, Float]:
    """Of the sphere's texels: unit vectors (16, 32, 3) of the view, and solid angles (16, 32).

    The first row looks up. The columns begin away from the viewer and go round by the right.
    """
    polar = (np.arange(ROWS) + 0.5) / ROWS * np.pi
    around = (np.arange(COLUMNS) + 0.5) / COLUMNS * 2 * np.pi
    polar, around = np.meshgrid(polar, around, indexing="ij")
    ways = np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar), -np.sin(polar) * np.cos(around)], axis=-1
    )
    return ways, np.sin(polar) * (np.pi / ROWS) * (2 * np.pi / COLUMNS)


def _harmonics(ways: Float) -> Float:
    """The nine lowest real spherical harmonics of unit vectors (..., 3): (..., 9)."""
    x, y, z = np.moveaxis(ways, -1, 0)
    one = np.full_like(x, 0.282095)
    linear = [0.488603 * y, 0.488603 * z, 0.488603 * x]
    square = [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1)]
    square += [1.092548 * x * z, 0.546274 * (x * x - y * y)]
    return np.stack([one, *linear, *square], axis=-1)


def _toward(rng: np.random.Generator, azimuth: float, height: float, spread: float = 0) -> Float:
    """Unit vector: degrees to the picture's right from the viewer, degrees above the horizon."""
    a, h = np.radians([azimuth + rng.normal(0, spread), height + rng.normal(0, spread / 2)])
    return np.array([np.cos(h) * np.sin(a), np.sin(h), np.cos(h) * np.cos(a)])


def _spot(toward: Float, degrees: float) -> Float:
    """(16, 32): a round patch of light with a soft edge, `degrees` in radius."""
    ways, _ = directions()
    angle = np.degrees(np.arccos(np.clip(ways @ toward, -1, 1)))
    # No patch is smaller than a texel.
    width = max(degrees, 9.0)
    return 1 / (1 + np.exp((angle - width) / (0.15 * width)))


def _rise(low: float, high: float) -> Float:
    """(16, 32): from `low` at the nadir to `high` at the zenith."""
    ways, _ = directions()
    return low + (high - low) * (ways[..., 1] + 1) / 2


def warmth(value: float) -> Float:
    """(3,) linear RGB of white light: -1 is a candle, 0 neutral, 1 the shadow of a blue sky."""
    return np.array([1 - 0.35 * value, 1.0, 1 + (0.45 if value > 0 else 0.55) * value])


_Made = tuple[Float, "Float | None", Float]


def _room(rng: np.random.Generator) -> _Made:
    tint = warmth(rng.uniform(-0.8, 0.3))
    sphere = _rise(rng.uniform(0.2, 0.5), rng.uniform(0.6, 1.2))[..., None] * tint
    for _ in range(rng.integers(1, 4)):
        patch = _spot(_toward(rng, rng.uniform(-180, 180), rng.uniform(5, 80)), rng.uniform(9, 30))
        sphere = sphere + patch[..., None] * rng.uniform(2, 10) * warmth(rng.uniform(-0.8, 0.5))
    return sphere, None, np.zeros(3)


def _overcast(rng: np.random.Generator) -> _Made:
    sky = _rise(rng.uniform(0.1, 0.5), rng.uniform(1, 1.8))[..., None]
    return sky * warmth(rng.uniform(-0.1, 0.5)), None, np.zeros(3)


def _sun(rng: np.random.Generator) -> _Made:
    sky = _rise(rng.uniform(0.2, 0.5), 1.0)[..., None] * warmth(rng.uniform(0.2, 0.9))
    sun = _spot(_toward(rng, rng.uniform(-110, 110), rng.uniform(15, 70)), 9)
    return (
        sky + sun[..., None] * rng.uniform(15, 45) * warmth(rng.uniform(-0.6, 0)),
        None,
        np.zeros(3),
    )


def _studio(rng: np.random.Generator) -> _Made:
    side = rng.choice([-1, 1])
    key = _spot(_toward(rng, side * rng.uniform(20, 60), rng.uniform(10, 50)), rng.uniform(14, 30))
    fill = _spot(_toward(rng, -side * rng.uniform(30, 80), rng.uniform(-10, 30)), 35)
    rim = _spot(_toward(rng, -side * rng.uniform(120, 165), rng.uniform(10, 50)), 15)
    level = key * 8 + fill * rng.uniform(0.2, 3) + rim * rng.uniform(0, 8) + rng.uniform(0.05, 0.3)
    return level[..., None] * warmth(rng.uniform(-0.2, 0.2)), None, np.zeros(3)


def _window(rng: np.random.Generator) -> _Made:
    tint = warmth(rng.uniform(-0.1, 0.7))
    way = _toward(rng, rng.choice([-1, 1]) * rng.uniform(25, 90), rng.uniform(0, 35))
    sphere = _spot(way, rng.uniform(20, 45))[..., None] * rng.uniform(4, 10) * tint
    # Walls and faces on the other side send a good part of it back.
    room = _rise(0.3, 0.8)[..., None] * rng.uniform(1, 3) * warmth(rng.uniform(-0.8, 0.2))
    return sphere + room, None, np.zeros(3)


def _flash(rng: np.random.Generator) -> _Made:
    sphere = _rise(0.05, 0.15)[..., None] * rng.uniform(0.3, 3) * warmth(rng.uniform(-0.8, 0.2))
    lamp = np.array([rng.normal(0, 8), rng.uniform(2, 25), rng.uniform(60, 150)])
    return sphere, lamp, np.full(3, rng.uniform(2, 5))


def _back(rng: np.random.Generator) -> _Made:
    way = _toward(rng, 180 + rng.normal(0, 35), rng.uniform(0, 50))
    sphere = _spot(way, rng.uniform(12, 40))[..., None] * rng.uniform(10, 30)
    sphere = sphere * warmth(rng.uniform(-0.5, 0.5))
    front = _rise(0.3, 0.8)[..., None] * rng.uniform(1, 3) * warmth(rng.uniform(-0.3, 0.5))
    return sphere + front, None, np.zeros(3)


def _low(rng: np.random.Generator) -> _Made:
    way = _toward(rng, rng.uniform(-70, 70), rng.uniform(-25, 60))
    sphere = _spot(way, rng.uniform(14, 30))[..., None] * 6 * warmth(rng.uniform(-1, 0.5))
    return sphere + rng.uniform(0.25, 0.9), None, np.zeros(3)


def _coloured(rng: np.random.Generator) -> _Made:
    sphere = np.full((ROWS, COLUMNS, 3), rng.uniform(0.15, 0.5))
    for side in (-1, 1):
        hue = rng.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
        colour = 1 + rng.uniform(0.1, 0.8) * np.cos(hue)
        way = _toward(rng, side * rng.uniform(20, 110), rng.uniform(-10, 50))
        patch = _spot(way, rng.uniform(12, 35))[..., None]
        sphere = sphere + patch * rng.uniform(2, 8) * colour
    return sphere, None, np.zeros(3)


KINDS: dict[str, tuple[float, Callable[[np.random.Generator], _Made]]] = {
    "room": (0.28, _room),
    "overcast": (0.12, _overcast),
    "sun": (0.12, _sun),
    "studio": (0.15, _studio),
    "window": (0.1, _window),
    "flash": (0.1, _flash),
    "back": (0.05, _back),
    "low": (0.04, _low),
    "coloured": (0.04, _coloured),
}
"""Name → how often, and what makes it."""


def draw_light(rng: np.random.Generator) -> Light:
    """One light of the `KINDS`, at random."""
    names = list(KINDS)
    kind = str(rng.choice(names, p=[KINDS[name][0] for name in names]))
    sphere, lamp, colour = KINDS[kind][1](rng)
    # Real places are not smooth: a few broad blotches, brighter and darker by a fifth.
    blotches = np.kron(rng.lognormal(0, 0.2, (ROWS // 4, COLUMNS // 4, 3)), np.ones((4, 4, 1)))
    return Light(kind, (sphere * blotches).astype(np.float32), lamp, colour)
