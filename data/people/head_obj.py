"""Wavefront .obj files as ICT-FaceKit writes them: vertices, texture coordinates, quads, materials.

A general reader would split vertices where their texture coordinates differ; here the vertex
numbers of the file must stay, because the shapes of all files are differences of the same vertices.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Mesh(NamedTuple):
    """Vertices (V, 3), texture coordinates (U, 2), triangles and the material of each."""

    vertices: npt.NDArray[np.float64]
    uv: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    uv_triangles: npt.NDArray[np.int32]
    material: npt.NDArray[np.uint8]
    material_names: list[str]


def _numbers(lines: list[bytes], width: int) -> npt.NDArray[np.float64]:
    """The first `width` numbers of every line, behind its keyword."""
    if not lines:
        raise ValueError("has no vertices")
    rows = [line.split()[1 : width + 1] for line in lines]
    if any(len(row) != width for row in rows):
        raise ValueError(f"ends within a line of {width} numbers")
    return np.array(rows, dtype=np.bytes_).astype(np.float64)


def read_vertices(path: Path) -> npt.NDArray[np.float64]:
    """Vertices of an .obj file, in its order.

    Returns
    -------
    vertices : (V, 3) float array

    Raises
    ------
    ValueError
        There is none, or a line is cut short.
    """
    lines = path.read_bytes().splitlines()
    return _numbers([line for line in lines if line.startswith(b"v ")], 3)


def read_mesh(path: Path) -> Mesh:
    """A whole .obj file; polygons become fans of triangles around their first corner.

    Raises
    ------
    ValueError
        A line is cut short, or a corner is not among the vertices.
    """
    lines = path.read_bytes().splitlines()
    vertices = _numbers([line for line in lines if line.startswith(b"v ")], 3)
    uv = _numbers([line for line in lines if line.startswith(b"vt ")], 2)
    names: list[str] = []
    current = 0
    corners: list[tuple[bytes, bytes, bytes]] = []
    material: list[int] = []
    for line in lines:
        if line.startswith(b"f "):
            polygon = line.split()[1:]
            if len(polygon) < 3:
                raise ValueError("ends within a polygon")
            corners += [(polygon[0], *pair) for pair in itertools.pairwise(polygon[1:])]
            material += [current] * (len(polygon) - 2)
        elif line.startswith(b"usemtl "):
            name = line[7:].decode("utf-8", "replace").strip()
            if name not in names:
                names.append(name)
            current = names.index(name)
    try:
        both = np.array(
            [[corner.split(b"/")[:2] for corner in triangle] for triangle in corners], np.bytes_
        ).astype(np.int32)
        triangles, uv_triangles = both[..., 0] - 1, both[..., 1] - 1
    except (ValueError, IndexError):
        raise ValueError("ends within a polygon") from None
    for indices, limit in [(triangles, len(vertices)), (uv_triangles, len(uv))]:
        if indices.size and not 0 <= indices.min() <= indices.max() < limit:
            raise ValueError("joins vertices that it does not have")
    return Mesh(
        vertices,
        uv.astype(np.float32),
        triangles,
        uv_triangles,
        np.array(material, dtype=np.uint8),
        names,
    )
