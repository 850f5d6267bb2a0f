"""Where on the head each texel of its textures lies, so that patterns can be painted by place.

Every pattern is defined by positions on the model's neutral mean head, in units of its
inter-ocular distance, and by its landmarks: nothing depends on one model's vertex numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data.people.head_model import HeadModel
from data.people.surface import Array, Part, part, smooth_normals

FACE, HEAD = "M_Face", "M_BackHead"


class Chart(NamedTuple):
    """One square texture of the head.

    Attributes
    ----------
    part : Part
    place : (S, S, 3) float32 array
        Position of each texel on the neutral mean head: x to the subject's left, y up, z to the
        viewer, from the point between the outer eye corners, in inter-ocular distances. Texels
        outside every triangle have the position of the nearest one inside.
    normal : (S, S, 3) float32 array
        Unit normal there.
    inside : (S, S) bool array
    outer : (S, S) bool array
        Texels of the largest connected piece of the texture; the others line the inside of the
        mouth and the eye sockets.
    """

    part: Part
    place: Array
    normal: Array
    inside: npt.NDArray[np.bool_]
    outer: npt.NDArray[np.bool_]


class Canvas(NamedTuple):
    """The textures of one model.

    Attributes
    ----------
    face, head : Chart
        The face with the ears, and the rest of the head with the neck.
    landmarks : (68, 3) float32 array
        On the neutral mean head, as `Chart.place`.
    texels : (68, 2) float32 array
        Texel (column, row) of each landmark in the face's texture; texel centres are whole.
    origin : (3,) float32 array
        The point between the outer eye corners, in the model's lengths.
    unit : float
        The inter-ocular distance, in the model's lengths.
    """

    face: Chart
    head: Chart
    landmarks: Array
    texels: Array
    origin: Array
    unit: float

    def to_place(self, vertices: Array) -> Array:
        """The model's lengths as places."""
        return ((vertices - self.origin) / self.unit).astype(np.float32)

    def unit_texels(self) -> float:
        """Texels of the face's texture in one inter-ocular distance."""
        return float(np.linalg.norm(self.texels[36] - self.texels[45]))


def make_canvas(model: HeadModel, size: int, head_size: int) -> Canvas:
    """Find the place of every texel.

    Parameters
    ----------
    model : HeadModel
    size, head_size : int
        Sides in texels of the textures of the face and of the rest of the head.
    """
    points = model.neutral[model.landmark_vertices]
    origin = (points[36] + points[45]) / 2
    unit = float(np.linalg.norm(points[36] - points[45]))
    places = (model.neutral - origin) / np.float32(unit)
    normals = smooth_normals(model.neutral, model.triangles[model.part(FACE, HEAD)])
    face, head = part(model, FACE), part(model, HEAD)
    first = {int(vertex): corner for corner, vertex in reversed(list(enumerate(face.vertex)))}
    if missing := [i for i, v in enumerate(model.landmark_vertices) if int(v) not in first]:
        raise ValueError(
            f"landmark {missing[0]} of the head model lies on no triangle of {FACE}: "
            "its colour cannot be painted there"
        )
    corners = [first[int(vertex)] for vertex in model.landmark_vertices]
    return Canvas(
        face=_chart(face, places, normals, size),
        head=_chart(head, places, normals, head_size),
        landmarks=places[model.landmark_vertices].astype(np.float32),
        texels=(face.uv[corners] * size - 0.5).astype(np.float32),
        origin=origin.astype(np.float32),
        unit=unit,
    )


def _chart(piece: Part, places: Array, normals: Array, size: int) -> Chart:
    values = np.concatenate([places, normals], axis=1)[piece.vertex]
    filled, inside = rasterise(piece.uv * size - 0.5, piece.triangles, values, size)
    near = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    filled = filled[tuple(near)]
    normal = filled[..., 3:]
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    _, which, boxes, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    largest = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA])) if len(boxes) > 1 else 0
    outer = (which == largest)[tuple(near)]
    return Chart(
        piece, filled[..., :3].astype(np.float32), normal.astype(np.float32), inside, outer
    )


def rasterise(
    corners: Array, triangles: npt.NDArray[np.int32], values: Array, size: int
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Interpolate values at vertices over the texels of a square.

    Parameters
    ----------
    corners : (n, 2) float array
        (column, row) of each vertex; texel centres are whole numbers.
    triangles : (m, 3) int array
    values : (n, k) float array
    size : int

    Returns
    -------
    filled : (size, size, k) float32 array
        Zero outside every triangle.
    inside : (size, size) bool array
    """
    filled = np.zeros((size, size, values.shape[1]), dtype=np.float32)
    inside = np.zeros((size, size), dtype=bool)
    low = np.ceil(corners[triangles].min(axis=1) - 1e-4).astype(int)
    high = np.floor(corners[triangles].max(axis=1) + 1e-4).astype(int)
    widest = np.maximum((high - low).max(axis=1) + 1, 1)
    # All triangles of about one size are tested at once, on a common grid of offsets.
    for side in 2 ** np.arange(int(np.ceil(np.log2(widest.max(initial=1)))) + 1):
        some = triangles[(widest <= side) & (widest > side // 2)]
        start = low[(widest <= side) & (widest > side // 2)]
        step = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
        texel = start[:, None] + step
        a, b, c = (corners[some[:, corner], None] for corner in range(3))
        whole = _cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            first = _cross(b - texel, c - texel) / whole
            second = _cross(c - texel, a - texel) / whole
        # Not a number, for a triangle without area, is not greater than anything either.
        hit = (first >= -1e-3) & (second >= -1e-3) & (first + second <= 1 + 1e-3)
        for axis in (0, 1):
            hit &= (texel[..., axis] >= 0) & (texel[..., axis] < size)
        which, where = np.nonzero(hit)
        column, row = texel[which, where].T
        share = np.stack([first[hit], second[hit], 1 - first[hit] - second[hit]], axis=-1)
        filled[row, column] = np.einsum("ij,ijk->ik", share, values[some[which]])
        inside[row, column] = True
    return filled, inside


def _cross(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def smooth_curve(points: Array, *, closed: bool = False, steps: int = 12) -> Array:
    """A Catmull-Rom curve through points.

    Parameters
    ----------
    points : (n, d) float array
    closed : bool, optional
        Join the last point to the first.
    steps : int, optional
        Samples from each point to the next.

    Returns
    -------
    curve : (m, d) float array
        Passes through every point, in their order.
    """
    before = np.roll(points, 1, 0) if closed else np.concatenate([points[:1], points[:-1]])
    after = np.roll(points, -1, 0) if closed else np.concatenate([points[1:], points[-1:]])
    slope = (after - before) / 2
    count = len(points) if closed else len(points) - 1
    t = (np.arange(steps) / steps)[:, None]
    curve = []
    for i in range(count):
        p, q, u, w = points[i], after[i], slope[i], slope[(i + 1) % len(points)]
        curve.append(
            (2 * t**3 - 3 * t**2 + 1) * p
            + (t**3 - 2 * t**2 + t) * u
            + (3 * t**2 - 2 * t**3) * q
            + (t**3 - t**2) * w
        )
    if not closed:
        curve.append(points[-1:])
    return np.concatenate(curve).astype(np.float32)
