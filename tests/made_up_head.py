"""A made-up head with the layout of ICT-FaceKit, for tests that must not need the real one.

An ellipsoid with a nose, two eye holes and a slit for the mouth: a few thousand vertices, the same
twelve materials, the same texture squares, the 68 landmarks and all 53 expression names. It is
symmetric left to right, vertex by vertex in x.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from data.people.head_model import (
    INDEX_FILE,
    MATERIALS,
    MESH_FILE,
    NEUTRAL_FILE,
    OBJ_FOLDER,
    SHAPES_FILE,
    HeadModel,
)
from landmarks.scheme import MIRROR

CENTRE, RADII = np.array([0.0, 2.0, 1.0]), np.array([7.4, 11.5, 10.2])
EYE, EYE_RADIUS = np.array([3.1, 3.6, 8.6]), 1.5
MOUTH_Y, MOUTH_HALF = -3.4, 2.0
IDENTITIES = 5

#: Expression → (x, y) where it acts on the right half, (dx, dy, dz) there, radius.
FIELDS = {
    "browDown": ((-3.4, 6.0), (0.1, -0.6, 0.1), 1.6),
    "browInnerUp": ((-1.6, 6.0), (0, 0.9, 0), 1.5),
    "browOuterUp": ((-5.0, 5.8), (0, 0.9, 0), 1.5),
    "cheekPuff": ((-4.0, -2.0), (-0.5, 0, 0.8), 1.8),
    "cheekSquint": ((-3.6, 1.8), (0, 0.4, 0.2), 1.2),
    "eyeBlink": ((-3.1, 4.1), (0, -0.75, 0.1), 0.9),
    "eyeLookDown": ((-3.1, 4.1), (0, -0.4, 0), 0.9),
    "eyeLookIn": ((-3.1, 3.6), (0.1, 0, 0), 1.0),
    "eyeLookOut": ((-3.1, 3.6), (-0.1, 0, 0), 1.0),
    "eyeLookUp": ((-3.1, 4.1), (0, 0.2, 0), 0.9),
    "eyeSquint": ((-3.1, 3.1), (0, 0.3, 0.1), 0.9),
    "eyeWide": ((-3.1, 4.1), (0, 0.3, 0), 0.9),
    "jawForward": ((0, -6.0), (0, 0, 0.8), 3.0),
    "jawLeft": ((0, -6.0), (0.8, 0, 0), 3.0),
    "jawRight": ((0, -6.0), (-0.8, 0, 0), 3.0),
    "mouthClose": ((0, -3.6), (0, 0.3, 0), 1.2),
    "mouthDimple": ((-2.6, -3.4), (-0.3, 0.1, -0.3), 0.9),
    "mouthFrown": ((-2.4, -3.6), (-0.1, -0.7, 0), 0.9),
    "mouthFunnel": ((0, -3.4), (0, 0, 0.7), 1.6),
    "mouthLeft": ((0, -3.4), (0.7, 0, 0), 2.0),
    "mouthLowerDown": ((-1.0, -4.2), (0, -0.7, 0), 1.0),
    "mouthPress": ((-1.2, -3.4), (0, 0.1, -0.2), 1.0),
    "mouthPucker": ((0, -3.4), (0, 0, 0.9), 1.4),
    "mouthRight": ((0, -3.4), (-0.7, 0, 0), 2.0),
    "mouthRollLower": ((0, -4.1), (0, 0.3, -0.4), 1.0),
    "mouthRollUpper": ((0, -2.7), (0, -0.3, -0.4), 1.0),
    "mouthShrugLower": ((0, -5.0), (0, 0.6, 0.3), 1.4),
    "mouthShrugUpper": ((0, -2.6), (0, 0.4, 0.2), 1.2),
    "mouthSmile": ((-2.4, -3.2), (-0.6, 0.8, -0.2), 1.2),
    "mouthStretch": ((-2.4, -3.6), (-0.8, -0.2, -0.2), 1.1),
    "mouthUpperUp": ((-1.0, -2.6), (0, 0.6, 0), 0.9),
    "noseSneer": ((-1.1, 0.2), (0, 0.5, 0.1), 1.1),
}
MIDDLE = "jawForward jawLeft jawRight mouthClose mouthFunnel mouthLeft mouthPucker mouthRight "
MIDDLE += "mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper"


def _right_landmarks() -> dict[int, tuple[float, float]]:
    """Landmark → (x, y) of the right half and the middle, jaw aside; the left is mirrored."""
    points = {17: (-5.6, 5.2), 18: (-4.8, 5.9), 19: (-3.7, 6.2), 20: (-2.5, 6.1), 21: (-1.2, 5.8)}
    points |= {27: (0, 3.7), 28: (0, 2.6), 29: (0, 1.6), 30: (0, 0.4)}
    points |= {31: (-1.25, -1.1), 32: (-0.6, -1.1), 33: (0, -1.2)}
    points |= {36: (-4.5, 3.6), 37: (-3.6, 4.1), 38: (-2.6, 4.1), 39: (-1.7, 3.6)}
    points |= {40: (-2.6, 3.1), 41: (-3.6, 3.1)}
    points |= {48: (-2.6, MOUTH_Y), 49: (-1.7, -2.8), 50: (-0.7, -2.5), 51: (0, -2.5)}
    points |= {57: (0, -4.3), 58: (-0.9, -4.3), 59: (-1.7, -4.0)}
    return points | {60: (-MOUTH_HALF, MOUTH_Y), 61: (-1, MOUTH_Y), 62: (0, MOUTH_Y)}


def _ellipsoid(lon, lat) -> np.ndarray:
    lon, lat = np.radians(lon), np.radians(lat)
    sphere = np.stack([np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)], axis=-1)
    return CENTRE + RADII * sphere


def _front(xy: np.ndarray) -> np.ndarray:
    """(..., 3): the points of the front of the head at these x and y."""
    flat = (xy - CENTRE[:2]) / RADII[:2]
    z = CENTRE[2] + RADII[2] * np.sqrt(np.clip(1 - (flat**2).sum(-1), 0, None))
    nose = 1.8 * np.exp(-(xy[..., 0] ** 2) / 0.8 - (xy[..., 1] - 0.6) ** 2 / 3)
    return np.concatenate([xy, (z + nose)[..., None]], axis=-1)


class _Builder:
    """Collects patches of quads with their material and texture coordinates."""

    def __init__(self) -> None:
        self.vertices: list[np.ndarray] = []
        self.uv: list[np.ndarray] = []
        self.quads: list[np.ndarray] = []
        self.uv_quads: list[np.ndarray] = []
        self.material: list[np.ndarray] = []

    def count(self) -> int:
        return sum(map(len, self.vertices))

    def add(self, material: str, points: np.ndarray, square: tuple[float, float]) -> np.ndarray:
        """A patch (rows, columns, 3), quads facing to where columns × rows point."""
        rows, columns = points.shape[:2]
        index = self.count() + np.arange(rows * columns).reshape(rows, columns)
        self.vertices.append(points.reshape(-1, 3))
        self.join(material, index, square)
        return index

    def join(self, material, index, square, keep=None, below=None) -> None:
        rows, columns = index.shape
        v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
        first = sum(map(len, self.uv))
        self.uv.append(np.stack([u, v], -1).reshape(-1, 2) * 0.98 + 0.01 + square)
        where = first + np.arange(rows * columns).reshape(rows, columns)
        upper = index if below is None else below
        quads = [index[:-1, :-1], index[:-1, 1:], upper[1:, 1:], upper[1:, :-1]]
        texture = [where[:-1, :-1], where[:-1, 1:], where[1:, 1:], where[1:, :-1]]
        chosen = np.ones(quads[0].shape, bool) if keep is None else keep
        self.quads.append(np.stack([q[chosen] for q in quads], -1))
        self.uv_quads.append(np.stack([q[chosen] for q in texture], -1))
        self.material.append(np.full(chosen.sum(), MATERIALS.index(material)))


def _sphere(centre, radius, reach=90.0, steps=9) -> np.ndarray:
    """Cap of a sphere around +z, `reach` degrees to every side."""
    lon, lat = np.meshgrid(np.linspace(-reach, reach, steps), np.linspace(-reach, reach, steps))
    lon, lat = np.radians(lon), np.radians(lat * 0.98)
    ball = np.stack([np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)], -1)
    return np.asarray(centre) + radius * ball


@functools.cache
def head() -> HeadModel:
    """The made-up head as a model."""
    build = _Builder()
    landmarks = np.full(68, -1)

    # The face: a grid in longitude and latitude whose vertices next to landmarks are moved there.
    lon, lat = np.meshgrid(np.linspace(-96, 96, 65), np.linspace(-76, 66, 61))
    grid = _ellipsoid(lon, lat)
    front = grid[..., 2] > 3
    grid[front] = _front(grid[front][:, :2])
    index = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape[:2])
    flat = grid.reshape(-1, 3)
    mirrored = index[:, ::-1].ravel()
    middle_row = int(np.abs(grid[:, 32, 1] - MOUTH_Y).argmin())
    taken = np.zeros(len(flat), bool)
    for landmark, xy in _right_landmarks().items():
        cost = (
            np.hypot(flat[:, 0] - xy[0], flat[:, 1] - xy[1]) + 1e9 * taken + 1e9 * (~front).ravel()
        )
        if xy[0] == 0:
            cost[np.abs(flat[:, 0]) > 1e-9] = np.inf
        if landmark in (48, 60, 61, 62):  # on the slit, so that its ends are landmarks
            cost[np.setdiff1d(np.arange(len(flat)), index[middle_row])] = np.inf
        vertex = int(cost.argmin())
        flat[vertex] = _front(np.array(xy))
        flat[mirrored[vertex]] = flat[vertex] * [-1, 1, 1]
        taken[[vertex, mirrored[vertex]]] = True
        landmarks[landmark] = vertex
    for i, angle in enumerate(np.radians(np.linspace(0, 90, 9))):  # the jaw, ear to chin
        wanted = [-7.2 * np.cos(angle), 3.6 - 11.0 * np.sin(angle), 3.0 + 5.5 * np.sin(angle) ** 2]
        cost = np.linalg.norm(flat - wanted, axis=1) + 1e9 * taken
        if i == 8:
            cost[np.abs(flat[:, 0]) > 1e-9] = np.inf
        landmarks[i] = int(cost.argmin())
        taken[[landmarks[i], mirrored[landmarks[i]]]] = True

    slit = index[middle_row][np.abs(flat[index[middle_row], 0]) < MOUTH_HALF - 1e-6]
    slit = np.setdiff1d(slit, [landmarks[60], mirrored[landmarks[60]]])
    flat[slit, 1] = MOUTH_Y
    lower = flat[slit] - [0, 0.06, 0]
    build.vertices += [flat, lower]
    below = index.copy()
    below[middle_row, np.isin(index[middle_row], slit)] = len(flat) + np.arange(len(slit))

    centres = (grid[:-1, :-1] + grid[1:, 1:] + grid[1:, :-1] + grid[:-1, 1:]) / 4
    hole = (((np.abs(centres[..., 0]) - 3.1) / 1.3) ** 2 + ((centres[..., 1] - 3.6) / 0.5) ** 2) < 1
    hole &= centres[..., 2] > 5
    build.join("M_Face", index, (0, 0), keep=~hole, below=below)

    for landmark in np.flatnonzero(landmarks < 0):
        if landmark < 65:
            landmarks[landmark] = mirrored[landmarks[MIRROR[landmark]]]
    for landmark, above in [(65, 63), (66, 62), (67, 61)]:
        landmarks[landmark] = len(flat) + int(np.flatnonzero(slit == landmarks[above])[0])

    # The rest of the head, and the bag behind the mouth, are one material as in the real model.
    lon, lat = np.meshgrid(np.linspace(96, 264, 25), np.linspace(-76, 66, 25))
    build.add("M_BackHead", _ellipsoid(lon, lat), (1, 0))
    lon, lat = np.meshgrid(np.linspace(0, 360, 25), np.linspace(66, 90, 5))
    build.add("M_BackHead", _ellipsoid(lon, lat * 0.999), (1, 0))
    s, t = np.meshgrid(np.linspace(np.pi, 0, 13), np.linspace(-1, 1, 9))
    bag = np.stack(
        [2.2 * np.cos(s), MOUTH_Y - 0.03 + 1.6 * t, 10.2 - 4.0 * np.sin(s) * np.sqrt(1.02 - t**2)],
        -1,
    )
    build.add("M_BackHead", bag, (1, 0))
    first_inner = build.count()
    x = np.linspace(-1.8, 1.8, 13)
    for y, jaw in [(-2.9, 0), (-4.2, 1)]:
        for material, square, depth, height in [
            ("M_GumsTongue", (2, 0), 0.0, -0.3),
            ("M_Teeth", (3, 0), 0.1, 0.4),
        ]:
            up = -1 if jaw == 0 else 1
            ys = np.sort([y, y + up * height])
            arch = [np.stack([x, np.full_like(x, v), 9.7 + depth - 0.3 * x**2], -1) for v in ys]
            build.add(material, np.stack(arch), square)
    for side, sign in [("Left", 1), ("Right", -1)]:
        centre = EYE * [sign, 1, 1]
        build.add(f"M_Sclera{side}", _sphere(centre, EYE_RADIUS), (0, 0))
        build.add(f"M_Iris{side}", _sphere(centre, EYE_RADIUS - 0.1, reach=25.0), (0, 0))
    first_lid = build.count()
    for sign in (1, -1):
        centre = EYE * [sign, 1, 1]
        lid_x = np.linspace(-1.3, 1.3, 7)
        for material, square, low, high, out in [
            ("M_LacrimalFluid", (4, 0), -0.5, -0.4, 1.45),
            ("M_EyeBlend", (0, 0), -0.6, -0.5, 1.4),
            ("M_EyeOcclusion", (0, 0), 0.4, 0.5, 1.45),
            ("M_EyeLashes", (6, 0), 0.45, 0.7, 1.6),
        ]:
            z = np.sqrt(out**2 - (lid_x * 0.6) ** 2)
            strip = [np.stack([lid_x, np.full(7, v), z], -1) + centre for v in (low, high)]
            build.add(material, np.stack(strip), square)

    neutral = np.concatenate(build.vertices)
    names, expressions = _expressions(neutral, slice(len(flat), len(flat) + len(slit)), first_inner)
    expressions[:, first_inner:first_lid][:, _is_eye(neutral[first_inner:first_lid])] = 0
    quads, uv_quads = np.concatenate(build.quads), np.concatenate(build.uv_quads)
    used, quads = np.unique(quads, return_inverse=True)  # nothing is left inside the eye holes
    quads = quads.reshape(uv_quads.shape)
    material = np.concatenate(build.material)
    order = np.argsort(material, kind="stable")  # as a file with one group for each material
    quads, uv_quads, material = quads[order], uv_quads[order], material[order]
    fan = np.array([[0, 1, 2], [0, 2, 3]])
    return HeadModel(
        neutral=neutral[used].astype(np.float32),
        expressions=expressions[:, used].astype(np.float16).astype(np.float32),
        identities=_identities(neutral[used]).astype(np.float16).astype(np.float32),
        names=names,
        triangles=quads[:, fan].reshape(-1, 3).astype(np.int32),
        material=np.repeat(material, 2).astype(np.uint8),
        material_names=list(MATERIALS),
        uv=np.concatenate(build.uv).astype(np.float32),
        uv_triangles=uv_quads[:, fan].reshape(-1, 3).astype(np.int32),
        landmark_vertices=np.searchsorted(used, landmarks),
    )


def _is_eye(points: np.ndarray) -> np.ndarray:
    folded = np.column_stack([np.abs(points[:, 0]), points[:, 1:]])
    return np.linalg.norm(folded - EYE, axis=1) < EYE_RADIUS + 0.01


def _expressions(neutral, lower_lip, first_inner) -> tuple[list[str], np.ndarray]:
    shapes = {}
    front = np.clip((neutral[:, 2] - 2) / 4, 0, 1)
    for stem, (where, offset, radius) in FIELDS.items():
        for side, sign in [("", 1)] if stem in MIDDLE.split() else [("_L", -1), ("_R", 1)]:
            gap = neutral[:, :2] - np.array(where) * [sign, 1]
            near = np.exp(-(gap**2).sum(1) / radius**2) * front
            shapes[stem + side] = near[:, None] * (np.array(offset) * [sign, 1, 1])
    # The jaw turns everything below the slit; lips are joined at the corners.
    drop = np.clip((MOUTH_Y - neutral[:, 1]) / 1.5, 0, 1) * np.clip(
        1.3 - np.abs(neutral[:, 0]) / 8, 0, 1
    )
    drop[lower_lip] = 1 - (neutral[lower_lip, 0] / MOUTH_HALF) ** 2
    inner = neutral[first_inner:]
    drop[first_inner:] = (inner[:, 1] < MOUTH_Y) & (inner[:, 1] > -6)
    shapes["jawOpen"] = drop[:, None] * np.array([0, -2.6, -0.8]) * front[:, None]
    names = sorted(shapes)
    return names, np.stack([shapes[name] for name in names])


def _identities(neutral: np.ndarray) -> np.ndarray:
    x, y, z = neutral.T
    zero = np.zeros_like(x)
    jaw = np.clip((-y - 1) / 6, 0, 1)
    nose = np.exp(-(x**2) / 2 - (y - 0.6) ** 2 / 4) * (z > 5)
    shapes = [
        (0.04 * x, zero, zero),
        (zero, 0.03 * (y - 2), zero),
        (0.06 * x * jaw, zero, 0.2 * jaw),
        (zero, zero, 0.4 * nose),
        (0.02 * x, -0.02 * (y - 2), 0.02 * (z - 1)),
    ]
    return np.stack([np.stack(shape, -1) for shape in shapes[:IDENTITIES]])


def write_npz(folder: Path) -> Path:
    """The made-up head as the two .npz files."""
    model = head()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / SHAPES_FILE,
        neutral=model.neutral,
        expressions=model.expressions.astype(np.float16),
        identities=model.identities.astype(np.float16),
        expression_names=np.array(model.names),
        landmark_vertices=model.landmark_vertices,
    )
    np.savez(
        folder / MESH_FILE,
        triangles=model.triangles,
        material=model.material,
        material_names=np.array(model.material_names),
        uv=model.uv,
        uv_triangles=model.uv_triangles,
    )
    return folder


def write_repository(folder: Path) -> Path:
    """The made-up head as the public repository of .obj files; returns the repository's root."""
    model = head()
    inner = folder / OBJ_FOLDER
    inner.mkdir(parents=True, exist_ok=True)
    quads = np.concatenate([model.triangles[::2], model.triangles[1::2, 2:]], axis=1) + 1
    uv_quads = np.concatenate([model.uv_triangles[::2], model.uv_triangles[1::2, 2:]], axis=1) + 1
    lines = ["mtllib ICTFaceModelMaterial.mtl", _lines("v", model.neutral), _lines("vt", model.uv)]
    for number, name in enumerate(model.material_names):
        lines.append(f"usemtl {name}")
        for corners, texture in zip(
            quads[model.material[::2] == number],
            uv_quads[model.material[::2] == number],
            strict=True,
        ):
            lines.append("f " + " ".join(f"{a}/{b}" for a, b in zip(corners, texture, strict=True)))
    (inner / NEUTRAL_FILE).write_text("\n".join(lines) + "\n")
    for name, offset in zip(model.names, model.expressions, strict=True):
        (inner / f"{name}.obj").write_text(_lines("v", model.neutral + offset) + "\n")
    for number, offset in enumerate(model.identities):
        (inner / f"identity{number:03d}.obj").write_text(_lines("v", model.neutral + offset) + "\n")
    index = {
        "expressions": model.names,
        "idx_to_landmark_verts": model.landmark_vertices.tolist(),
    }
    (inner / INDEX_FILE).write_text(json.dumps(index))
    return folder


def _lines(keyword: str, rows: np.ndarray) -> str:
    template = "\n".join([f"{keyword} " + " ".join(["%.8f"] * rows.shape[1])] * len(rows))
    return template % tuple(rows.ravel().tolist())
