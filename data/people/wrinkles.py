"""Lines in the skin that come with age and deepen with the expression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data.people.appearance import Look
from data.people.canvas import Canvas
from data.people.patterns import Front
from data.people.skin import Skin
from data.people.surface import Array, floats


class Wrinkle(NamedTuple):
    """One group of lines.

    Attributes
    ----------
    name : str
    lines : tuple of tuple of (x, y)
        Curves on the subject's left side, in places as seen from the front.
    width : float
        In inter-ocular distances.
    drivers : dict of str to float
        How much each expression shape deepens it; names without _L or _R.
    aged, moved : float
        Depth at the highest age; depth when fully driven.
    """

    name: str
    lines: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    drivers: dict[str, float]
    aged: float
    moved: float


def _groups(points: Array) -> list[Wrinkle]:
    """The lines of one half of a face, placed by its landmarks."""
    outer, inner = points[45], points[42]
    wing, corner, chin, brow = points[35], points[54], points[8], points[22]
    lid = points[[46, 47]].mean(axis=0)
    x, y = float(outer[0]), float(outer[1])
    crow = tuple(
        ((x + 0.05, y + a * 0.05), (x + 0.1, y + a * 0.11), (x + 0.17, y + a * 0.2))
        for a in (0.9, 0.25, -0.5)
    )
    top = float(points[24, 1])
    forehead = tuple(
        ((0.0, top + h - 0.01), (0.12, top + h), (0.28, top + h + 0.015), (0.45, top + h - 0.03))
        for h in (0.16, 0.25, 0.34)
    )
    by = float(brow[1])
    glabella = (((0.045, by - 0.1), (0.06, by), (0.05, by + 0.1)),)
    wx, wy = float(wing[0]), float(wing[1])
    cx, cy = float(corner[0]), float(corner[1])
    fold = (
        (
            (wx + 0.035, wy + 0.07),
            (wx + 0.1, wy - 0.06),
            (cx + 0.05, cy + 0.1),
            (cx + 0.08, cy - 0.05),
        ),
    )
    bunny = tuple(
        ((0.035 + d, y + 0.02 - d), (0.09 + d, y - 0.05 - d), (0.12 + d, y - 0.1 - d))
        for d in (0.0, 0.035)
    )
    lx, ly = float(lid[0]), float(lid[1])
    bag = (((float(inner[0]) - 0.01, y - 0.05), (lx - 0.02, ly - 0.085), (x - 0.02, y - 0.07)),)
    squint = (((float(inner[0]) + 0.03, y - 0.05), (lx, ly - 0.035), (x + 0.01, y - 0.035)),)
    sad = (((cx + 0.02, cy - 0.03), (cx + 0.035, cy - 0.1), (cx + 0.02, cy - 0.19)),)
    dimple = (((cx + 0.07, cy + 0.06), (cx + 0.1, cy), (cx + 0.085, cy - 0.07)),)
    low = float(points[57, 1])
    under_lip = (((0.0, low - 0.075), (0.1, low - 0.07), (0.19, low - 0.045)),)
    hy = float(chin[1])
    chin_dents = (((0.05, hy + 0.16), (0.1, hy + 0.13)), ((0.0, hy + 0.12), (0.06, hy + 0.09)))
    return [
        Wrinkle(
            "crow's feet",
            crow,
            0.012,
            {"mouthSmile": 0.6, "cheekSquint": 0.7, "eyeSquint": 0.6, "noseSneer": 0.2},
            0.3,
            0.5,
        ),
        Wrinkle("forehead", forehead, 0.016, {"browInnerUp": 0.7, "browOuterUp": 0.8}, 0.25, 0.5),
        Wrinkle("glabella", glabella, 0.014, {"browDown": 1.0, "browInnerUp": 0.25}, 0.25, 0.6),
        Wrinkle(
            "nasolabial",
            fold,
            0.02,
            {
                "mouthSmile": 0.8,
                "noseSneer": 0.8,
                "mouthUpperUp": 0.7,
                "mouthStretch": 0.4,
                "cheekSquint": 0.3,
                "mouthDimple": 0.4,
            },
            0.35,
            0.55,
        ),
        Wrinkle("nose", bunny, 0.012, {"noseSneer": 1.0}, 0.0, 0.45),
        Wrinkle(
            "lower lid",
            squint,
            0.012,
            {"eyeSquint": 0.7, "cheekSquint": 0.8, "mouthSmile": 0.3},
            0.15,
            0.4,
        ),
        Wrinkle("eye bag", bag, 0.022, {"cheekSquint": 0.5, "mouthSmile": 0.3}, 0.35, 0.25),
        Wrinkle("marionette", sad, 0.018, {"mouthFrown": 0.9, "mouthShrugLower": 0.4}, 0.3, 0.45),
        Wrinkle(
            "dimple",
            dimple,
            0.016,
            {"mouthDimple": 1.0, "mouthSmile": 0.5, "mouthStretch": 0.4, "mouthPress": 0.3},
            0.1,
            0.35,
        ),
        Wrinkle(
            "under the lip",
            under_lip,
            0.025,
            {"mouthShrugLower": 0.7, "mouthFrown": 0.3, "mouthPress": 0.3},
            0.15,
            0.4,
        ),
        Wrinkle("chin", chin_dents, 0.03, {"mouthShrugLower": 0.9, "mouthFrown": 0.3}, 0.05, 0.3),
    ]


class Wrinkles:
    """The lines of a head model's face.

    Parameters
    ----------
    canvas : Canvas
    front : Front
    names : list of str
        The model's expression shapes.
    """

    def __init__(self, canvas: Canvas, front: Front, names: list[str]) -> None:
        texels = canvas.unit_texels()
        fields, drive, aged, moved = [], [], [], []
        for group in _groups(canvas.landmarks):
            for side, end in ((1, "_L"), (-1, "_R")):
                lines = [
                    front.line(floats(line) * (side, 1), group.width * texels)
                    for line in group.lines
                ]
                dark = np.max(lines, axis=0)
                # The skin beside a fold bulges and catches the light.
                light = np.roll(dark, max(round(group.width * texels), 1), axis=0)
                fields.append((dark - 0.3 * light).ravel())
                drive.append(
                    [
                        group.drivers.get(name.removesuffix(end), 0.0)
                        if name.endswith(end) or not name.endswith(("_L", "_R"))
                        else 0.0
                        for name in names
                    ]
                )
                aged.append(group.aged)
                moved.append(group.moved)
        self._fields = floats(fields)
        self._drive = floats(drive)
        self._aged, self._moved = floats(aged), floats(moved)
        self._size = front.size

    def depth(self, look: Look, weights: Array) -> Array:
        """(lines,) how deep the expression alone makes each group of lines; 0 at rest."""
        driven = 1 - np.exp(-1.5 * np.clip(self._drive @ floats(weights), 0, None))
        return driven * self._moved * np.float32(0.35 + 0.65 * look.age)

    def aged(self, skin: Skin, look: Look) -> Skin:
        """The skin with the lines that it shows at rest."""
        own = np.random.default_rng([look.seed, 40]).uniform(0.2, 1.2, len(self._aged) // 2)
        depth = self._aged * np.repeat(own, 2) * (0.1 + 0.9 * look.age)
        return skin._replace(face=self._folded(skin, floats(depth)))

    def moved(self, skin: Skin, look: Look, weights: Array) -> Array:
        """The face's texture with the lines that an expression makes."""
        depth = self.depth(look, weights)
        return self._folded(skin, depth) if depth.any() else skin.face

    def _folded(self, skin: Skin, depth: Array) -> Array:
        used = np.flatnonzero(depth > 1e-3)
        field = (depth[used] @ self._fields[used]).reshape(self._size, -1)
        field = np.minimum(field * skin.folds, 1.2)[..., None]
        # Blood stays in the fold: it is redder, not only darker.
        return np.clip(skin.face * np.exp(-field * floats([0.8, 1.0, 1.0])), 0, 1)
