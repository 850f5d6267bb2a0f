"""Read the open face model ICT-FaceKit: two .npz files, or its public repository of .obj files.

References
----------
Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020 (ICT-FaceKit,
https://github.com/ICT-VGL/ICT-FaceKit, MIT licence).
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.head_obj import read_mesh, read_vertices
from landmarks import scheme
from landmarks.errors import InputError

Array = npt.NDArray[np.float32]

SHAPES_FILE, MESH_FILE = "ict_full_f16.npz", "ict_mesh.npz"
NEUTRAL_FILE, INDEX_FILE = "generic_neutral_mesh.obj", "vertex_indices.json"
OBJ_FOLDER = "FaceXModel"

EXPRESSION_SHAPES, IDENTITY_SHAPES = 53, 100
"""How many the public repository has, a file each."""

MATERIALS = tuple(
    f"M_{name}"
    for name in "Face BackHead GumsTongue Teeth ScleraLeft IrisLeft ScleraRight IrisRight "
    "LacrimalFluid EyeBlend EyeOcclusion EyeLashes".split()
)
"""What the model's surfaces are called; every one must be there."""

ATTRIBUTION = "ICT-FaceKit, Copyright (c) 2020 USC Institute for Creative Technologies, MIT"


class HeadModelError(InputError):
    """A folder does not hold the whole face model."""


class HeadModel(NamedTuple):
    """A head whose shape is linear in identity coefficients and expression weights.

    Attributes
    ----------
    neutral : (V, 3) float32 array
        Vertices of the mean head in centimetres; x to the subject's left, y up, z to the viewer.
    expressions : (E, V, 3) float32 array
        Offsets of each expression shape at weight 1.
    identities : (I, V, 3) float32 array
        Offsets of each identity shape at coefficient 1, which is one standard deviation.
    names : list of str
        What the expression shapes are called (browDown_L, …).
    triangles : (T, 3) int32 array
        Vertices of each triangle, counter-clockwise seen from outside.
    material : (T,) uint8 array
        Index into `material_names` of each triangle.
    material_names : list of str
        Of `MATERIALS`, in the file's order.
    uv : (U, 2) float32 array
        Texture coordinates, v up; the surfaces lie in neighbouring unit squares.
    uv_triangles : (T, 3) int32 array
        Texture coordinates of each triangle's corners.
    landmark_vertices : (68,) intp array
        Vertex of each landmark, iBUG-68 order.
    """

    neutral: Array
    expressions: Array
    identities: Array
    names: list[str]
    triangles: npt.NDArray[np.int32]
    material: npt.NDArray[np.uint8]
    material_names: list[str]
    uv: Array
    uv_triangles: npt.NDArray[np.int32]
    landmark_vertices: npt.NDArray[np.intp]

    def face(self, identity: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """Vertices of one person with one expression.

        Parameters
        ----------
        identity : (I,) float array
            Coefficients in standard deviations; fewer leave the later ones at zero.
        weights : (E,) float array
            Weights of the expression shapes, 0 to about 1.

        Returns
        -------
        vertices : (V, 3) float32 array
        """
        who = np.asarray(identity, dtype=np.float32)
        how = np.asarray(weights, dtype=np.float32)
        if who.ndim != 1 or len(who) > len(self.identities) or how.shape != (len(self.names),):
            raise ValueError(
                f"identity and weights have shapes {who.shape} and {how.shape}: expected at most "
                f"({len(self.identities)},) and ({len(self.names)},)"
            )
        vertices = self.neutral.copy()
        for coefficients, shapes in [(who, self.identities), (how, self.expressions)]:
            used = np.flatnonzero(coefficients)
            flat = shapes.reshape(len(shapes), -1)
            # A product over all is faster than gathering most of them first.
            offset = (
                coefficients @ flat[: len(coefficients)]
                if len(used) > len(flat) // 2
                else coefficients[used] @ flat[used]
            )
            vertices += offset.reshape(-1, 3)
        return vertices

    def part(self, *names: str) -> npt.NDArray[np.bool_]:
        """(T,) bool: the triangles of the named materials."""
        return np.isin(self.material, [self.material_names.index(name) for name in names])


def how_to_get() -> str:
    """What to tell someone who has not got the model: where it is, how large, which licence."""
    return (
        "the face model ICT-FaceKit is needed: get it with "
        "`git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit` "
        "(about 0.5 GB of .obj files, MIT licence) and give its folder with --ict"
    )


def read_head_model(
    folder: str | os.PathLike[str],
    *,
    expressions: int = EXPRESSION_SHAPES,
    identities: int = IDENTITY_SHAPES,
) -> HeadModel:
    """Read the face model from a folder.

    Parameters
    ----------
    folder : path-like
        Holds `ict_full_f16.npz` and `ict_mesh.npz`, or is the public repository or its folder
        `FaceXModel`.
    expressions, identities : int, optional
        Shapes that a whole repository has; an array of an .npz file is whole or damaged.

    Returns
    -------
    model : HeadModel

    Raises
    ------
    HeadModelError
        The folder is missing, is something else, is damaged, or was downloaded only in part.
    """
    root = Path(folder)
    if not root.is_dir():
        raise HeadModelError(f"{root} is not a folder: {how_to_get()}")
    if (root / SHAPES_FILE).exists() or (root / MESH_FILE).exists():
        return _read_npz(root)
    for inner in (root, root / OBJ_FOLDER):
        if (inner / NEUTRAL_FILE).exists() or (inner / INDEX_FILE).exists():
            return _read_repository(inner, expressions, identities)
    raise HeadModelError(
        f"{root} is not ICT-FaceKit: it holds neither {SHAPES_FILE} nor "
        f"{OBJ_FOLDER}/{NEUTRAL_FILE}; {how_to_get()}"
    )


def _present(path: Path) -> Path:
    if not path.is_file():
        raise HeadModelError(
            f"{path.parent} holds only a part of ICT-FaceKit: {path.name} is missing; "
            "download it again"
        )
    return path


def _broken(path: Path, what: str) -> HeadModelError:
    return HeadModelError(
        f"{path} ({path.stat().st_size:,} bytes) {what}: it is damaged or downloaded only in "
        "part, download it again"
    )


def _arrays(path: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[np.generic]]:
    _present(path)
    missing: list[str] = []
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if not missing:
                return {name: archive[name] for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
        raise _broken(path, "is not a whole .npz file") from None
    raise HeadModelError(
        f"{path} is not a file of ICT-FaceKit: the array {missing[0]!r} is missing"
    )


def _read_npz(root: Path) -> HeadModel:
    shapes = _arrays(
        root / SHAPES_FILE,
        ("neutral", "expressions", "identities", "expression_names", "landmark_vertices"),
    )
    mesh = _arrays(
        root / MESH_FILE, ("triangles", "material", "material_names", "uv", "uv_triangles")
    )
    model = HeadModel(
        neutral=shapes["neutral"].astype(np.float32),
        expressions=shapes["expressions"].astype(np.float32),
        identities=shapes["identities"].astype(np.float32),
        names=[str(name) for name in shapes["expression_names"]],
        triangles=mesh["triangles"].astype(np.int32),
        material=mesh["material"].astype(np.uint8),
        material_names=[str(name) for name in mesh["material_names"]],
        uv=mesh["uv"].astype(np.float32),
        uv_triangles=mesh["uv_triangles"].astype(np.int32),
        landmark_vertices=shapes["landmark_vertices"].astype(np.intp),
    )
    return _checked(model, root / MESH_FILE)


def _shape_files(root: Path, names: list[str], expected: int, what: str) -> list[Path]:
    """The files of the named shapes, all of which must be there."""
    files = [root / f"{name}.obj" for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing or len(names) < expected:
        first = f"{missing[0]} is missing" if missing else f"{INDEX_FILE} names no others"
        raise HeadModelError(
            f"{root} holds only {len(files) - len(missing)} of {expected} {what} shapes of "
            f"ICT-FaceKit: {first}; download it again"
        )
    return files


def _read_repository(root: Path, expressions: int, identities: int) -> HeadModel:
    path = _present(root / INDEX_FILE)
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        names = [str(name) for name in index["expressions"]]
        landmarks = np.asarray(index["idx_to_landmark_verts"], dtype=np.intp)
    except (ValueError, KeyError, TypeError):
        raise _broken(path, "is not a whole list of vertex indices") from None
    files = _shape_files(root, names, expressions, "expression")
    numbered = [f"identity{number:03d}" for number in range(identities)]
    files += _shape_files(root, numbered, identities, "identity")
    path = _present(root / NEUTRAL_FILE)
    try:
        mesh = read_mesh(path)
    except ValueError as error:
        raise _broken(path, str(error)) from None
    count = len(mesh.vertices)
    offsets = []
    for file in files:
        try:
            vertices = read_vertices(file)
        except ValueError as error:
            raise _broken(file, str(error)) from None
        if len(vertices) != count:
            what = f"has {len(vertices):,} vertices instead of the {count:,} of {NEUTRAL_FILE}"
            raise _broken(file, what)
        offsets.append((vertices - mesh.vertices).astype(np.float32))
    model = HeadModel(
        neutral=mesh.vertices.astype(np.float32),
        expressions=np.stack(offsets[: len(names)]),
        identities=np.stack(offsets[len(names) :]),
        names=names,
        triangles=mesh.triangles,
        material=mesh.material,
        material_names=mesh.material_names,
        uv=mesh.uv,
        uv_triangles=mesh.uv_triangles,
        landmark_vertices=landmarks,
    )
    return _checked(model, root / NEUTRAL_FILE)


def _checked(model: HeadModel, path: Path) -> HeadModel:
    """The model, when its arrays belong together."""
    count, corners = len(model.neutral), len(model.triangles)
    fits = (
        model.neutral.shape == (count, 3)
        and model.expressions.shape == (len(model.names), count, 3)
        and model.identities.shape[1:] == (count, 3)
        and model.triangles.shape == model.uv_triangles.shape == (corners, 3)
        and model.material.shape == (corners,)
        and model.landmark_vertices.shape == (scheme.COUNT,)
        and 0 <= model.landmark_vertices.min() <= model.landmark_vertices.max() < count
        and model.uv_triangles.max(initial=-1) < len(model.uv)
        and model.material.max(initial=0) < len(model.material_names)
    )
    if not fits:
        raise HeadModelError(
            f"the files of {path.parent} are of different versions of ICT-FaceKit: "
            "their numbers of vertices, triangles, shapes or landmarks do not belong together"
        )
    if absent := [name for name in MATERIALS if name not in model.material_names]:
        raise _broken(path, f"has no surface {absent[0]}")
    if not np.array_equal(np.unique(model.triangles), np.arange(count)):
        raise _broken(path, f"does not join all of the {count:,} vertices by triangles")
    for name in ("neutral", "expressions", "identities", "uv"):
        if not np.isfinite(getattr(model, name)).all():
            raise _broken(path, f"makes values of {name!r} that are not finite")
    return model
