"""What the renderer is given: textured triangles with labels, and the parts of the head model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.head_model import HeadModel
from landmarks.samples import LABELS

Array = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.uint8]

# The values of the label pictures.
BACKGROUND = LABELS.index("background")
SKIN = LABELS.index("skin")
LIPS = LABELS.index("lips")
MOUTH = LABELS.index("mouth_interior")
TEETH = LABELS.index("teeth")
EYES = LABELS.index("eyes")
BROWS = LABELS.index("brows")
HAIR = LABELS.index("hair")
OCCLUDER = LABELS.index("occluder")


def floats(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Numbers as an array of float32."""
    return np.asarray(values, dtype=np.float32)


class Surface(NamedTuple):
    """One visible thing.

    Attributes
    ----------
    name : str
    vertices : (n, 3) float32 array
        In the head's own coordinates.
    triangles : (m, 3) int32 array
        Counter-clockwise seen from outside.
    uv : (n, 2) float32 array or None
        Texture coordinates of the vertices, v **down**: texel (row, column) of an (H, W) texture
        lies at ((column + 0.5) / W, (row + 0.5) / H).
    albedo : (H, W, 3) or (3,) float32 array
        Linear RGB between 0 and 1.
    roughness : float or None
        Of the gloss over the diffuse colour; None for a surface without gloss.
    specular : float
        Strength of that gloss, 0 to 1.
    label : int or (H, W) uint8 array
        What the surface is, of the values above; an array is in the same uv.
    normals : (n, 3) float32 array or None
        Unit normals that are smooth across texture seams; None leaves them to the renderer.
    hides : bool
        Whether a landmark behind it counts as hidden.
    """

    name: str
    vertices: Array
    triangles: npt.NDArray[np.int32]
    uv: Array | None
    albedo: Array
    roughness: float | None = None
    specular: float = 0.0
    label: int | Labels = SKIN
    normals: Array | None = None
    hides: bool = True


class Part(NamedTuple):
    """Triangles of one material with a vertex of their own for every texture coordinate.

    Attributes
    ----------
    vertex : (n,) intp array
        The model's vertex of each of the part's vertices.
    triangles : (m, 3) int32 array
    uv : (n, 2) float32 array
        Within one unit square, v down.
    """

    vertex: npt.NDArray[np.intp]
    triangles: npt.NDArray[np.int32]
    uv: Array


def part(model: HeadModel, *names: str) -> Part:
    """The triangles of the named materials as a mesh of their own."""
    chosen = model.part(*names)
    corners = np.stack([model.triangles[chosen], model.uv_triangles[chosen]], axis=-1)
    pairs, inverse = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    uv = model.uv[pairs[:, 1]]
    # Each material fills one unit square of a row of squares.
    uv = uv - np.floor(np.median(uv, axis=0))
    uv = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1).astype(np.float32)
    return Part(pairs[:, 0].astype(np.intp), inverse.reshape(-1, 3).astype(np.int32), uv)


def subset(piece: Part, triangles: npt.NDArray[np.int32]) -> Part:
    """Some triangles of a part, with the vertices that they use."""
    used, index = np.unique(triangles, return_inverse=True)
    return Part(piece.vertex[used], index.reshape(-1, 3).astype(np.int32), piece.uv[used])


def smooth_normals(vertices: Array, triangles: npt.NDArray[np.int32]) -> Array:
    """Unit normals of the vertices: the mean of their triangles', weighted by area.

    A vertex of no triangle has the normal (0, 0, 1).
    """
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    count = len(vertices)
    which = triangles.T.ravel()
    total = np.stack(
        [np.bincount(which, np.tile(across[:, axis], 3), minlength=count) for axis in range(3)],
        axis=1,
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit = np.where(length > 1e-12, total / np.maximum(length, 1e-12), (0.0, 0.0, 1.0))
    return unit.astype(np.float32)


def below(surface: Surface, height: float) -> Surface:
    """The triangles of a surface that lie wholly under a height."""
    low = (surface.vertices[:, 1] < height)[surface.triangles].all(axis=1)
    return surface._replace(triangles=surface.triangles[low])
