"""Where annotators put the 68 points, on a head model that puts some of them elsewhere.

ICT-FaceKit names a vertex for each landmark. Most lie where people who mark photographs put them,
but the inner points of the lips and the lids are farther apart, the nostrils lower, and the jaw's
points otherwise spread. A network that learns the model's places would be wrong by as much on every
photograph. So each landmark is moved over the surface by a constant offset.

The offsets were measured once, with no command kept: medians over 105 frontal, neutral,
path-traced faces of different people, 224 pixels wide, of dlib's 68-point predictor (Kazemi,
Sullivan, CVPR 2014; trained on iBUG 300-W) minus the model's landmarks; left and right averaged,
rounded to half a percent. They are a convention and not an error: persons scatter around them by a
third as much (the jaw: by as much).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from data.people.head_model import HeadModel
from data.people.raster import barycentric
from landmarks import scheme

Float = npt.NDArray[np.float64]

OFFSETS: dict[int, tuple[float, float]] = {
    **{0: (0, 0.045), 2: (0, 0.02), 3: (0, 0.02), 4: (-0.025, -0.02), 5: (-0.065, -0.04)},
    **{6: (-0.045, 0.005), 7: (-0.035, 0.05), 8: (0, 0.045)},
    **{17: (0.005, 0.025), 19: (0.02, -0.005), 20: (0.015, -0.005), 21: (0.01, 0.02)},
    **{27: (0, -0.01), 31: (-0.005, -0.035), 32: (-0.01, -0.015)},
    **{36: (0.015, 0.005), 37: (0.035, 0), 38: (0.015, 0.01), 40: (0.005, 0.01), 41: (0.03, 0.005)},
    **{48: (0.01, 0), 49: (0.02, 0.005), 50: (0.01, 0.005), 51: (0, 0.015)},
    **{57: (0, 0.005), 58: (0.04, 0.005), 59: (0.03, 0.005)},
    **{60: (0.025, 0.005), 61: (0.04, 0), 66: (0, 0.01), 67: (0.05, 0.005)},
}
"""Landmark of the right half or the middle → (x, y) in a frontal picture, x to its right and y
down, as shares of the inter-ocular distance. The left half is its mirror image."""

_REACH = 0.2  # of the inter-ocular distance: how far over the surface a landmark may move
_ALONG_EDGES = (0.0, 0.25, 0.5, 0.75)


class Places(NamedTuple):
    """Points of a surface: (n, 3) vertices around each, and their (n, 3) weights."""

    vertices: npt.NDArray[np.intp]
    weights: Float

    def of(self, values: npt.NDArray[np.floating]) -> Float:
        """Values (V, k) of the vertices at the places: (n, k)."""
        return np.einsum("nc,nck->nk", self.weights, values[self.vertices])


def annotated_places(model: HeadModel) -> Places:
    """Where the landmarks are, as annotators place them, on the surface of a head model."""
    neutral = model.neutral.astype(np.float64)
    marks = model.landmark_vertices
    triangles = model.triangles[model.part("M_Face")].astype(np.intp)
    across = neutral[marks[scheme.LEFT_OUTER_EYE_CORNER]]
    unit = float(np.linalg.norm(across - neutral[marks[scheme.RIGHT_OUTER_EYE_CORNER]]))
    vertices = np.repeat(marks[:, None], 3, axis=1)
    weights = np.tile([1.0, 0.0, 0.0], (scheme.COUNT, 1))
    offsets = dict(OFFSETS)
    for landmark, (x, y) in OFFSETS.items():
        offsets.setdefault(int(scheme.MIRROR[landmark]), (-x, y))
    # Distances go over the surface: the lips nearly touch, and a lid lies on the other.
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    length = np.linalg.norm(neutral[ends[:, 0]] - neutral[ends[:, 1]], axis=1)
    # Both triangles of an edge give it once; a sum of the two would double it.
    edges, first = np.unique(np.sort(ends, axis=1), axis=0, return_index=True)
    shape = (len(neutral), len(neutral))
    graph = coo_array((length[first], (edges[:, 0], edges[:, 1])), shape=shape).tocsr()
    moved = sorted(offsets)
    reached = dijkstra(graph, directed=False, indices=marks[moved], limit=_REACH * unit)
    for landmark, distance in zip(moved, reached, strict=True):
        x, y = offsets[landmark]
        target = neutral[marks[landmark]] + unit * np.array([x, -y, 0])
        near = triangles[np.isfinite(distance)[triangles].all(axis=1)]
        if len(near):
            vertices[landmark], weights[landmark] = _closest(neutral, near, target)
    return Places(vertices, weights)


def _closest(
    points: Float, triangles: npt.NDArray[np.intp], target: Float
) -> tuple[npt.NDArray[np.intp], Float]:
    """Corners and weights of the place that lies over a target seen from the front."""
    every = np.ones(len(triangles))
    shares = barycentric(points[triangles][:, :, :2], target[0] * every, target[1] * every)
    hit = np.flatnonzero((shares >= 0).all(axis=1))
    if len(hit):
        depth = np.einsum("hc,hc->h", shares[hit], points[triangles[hit], 2])
        best = hit[np.abs(depth - target[2]).argmin()]
        return triangles[best], shares[best]
    # Beyond an edge, such as that of a lid: the nearest place of any edge.
    found: list[tuple[float, npt.NDArray[np.intp], Float]] = []
    for corner in range(3):
        for share in _ALONG_EDGES:
            weight = np.zeros(3)
            weight[corner], weight[(corner + 1) % 3] = 1 - share, share
            places = np.einsum("c,tck->tk", weight, points[triangles])
            gap = np.linalg.norm(places - target, axis=1)
            nearest = int(gap.argmin())
            found.append((float(gap[nearest]), triangles[nearest], weight))
    return min(found, key=lambda one: one[0])[1:]
