"""What is exactly known of a rendered face: its landmarks, which are hidden, what each pixel shows.

The landmarks of the jaw follow the convention of the iBUG annotations, which were made on pictures:
annotators mark the visible outline. Each point of the jaw here has a way over the head, from behind
and below the model's own landmark, through it, to the front of the face, and lies at the first
place of its way that the camera can see: on the near side of a turned head towards the ear, on the
far side on the outline of the cheek.

References
----------
Zhu et al., "High-Fidelity Pose and Expression Normalization for Face Recognition in the Wild",
CVPR 2015 ("landmark marching").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.camera import Camera
from data.people.convention import Places, annotated_places
from data.people.head_model import HeadModel
from data.people.raster import Projected, Raster, barycentric, texel
from data.people.surface import BACKGROUND, Surface, smooth_normals
from landmarks import scheme

Float = npt.NDArray[np.float64]

_AHEAD, _BEFORE = 25, 6  # places along the way of one point of the jaw, before and behind it
# The ways' ends in inter-ocular distances, from the ear (0, 16) to the chin (8): how far they begin
# behind and below the landmark, and how far above it they end. They are set so that dlib's
# predictor, trained on iBUG's annotations, errs on neither side of turned heads that are rendered.
_BACK = (0.12, 0.12, 0.15, 0.15, 0.08, 0, 0, 0, 0)
_DOWN = (0.02, 0.05, 0.05, 0.05, 0.04, 0, 0, 0, 0)
_UP = (0, 0, 0.1, 0.25, 0.3, 0.35, 0.3, 0.4, 0.4)
_BEHIND = 0.4  # centimetres; what is this much nearer to the camera hides a landmark
_BEHIND_OUTLINE = 1.5  # the same on the outline, where depth grows fast from one place to the next
_BEHIND_LIPS = 1.0  # the same for the inner lips, which lie between the lips of a closed mouth


class Marks(NamedTuple):
    """Where the landmarks of a head model are, and where those of the jaw may slide.

    Attributes
    ----------
    places : Places
        Of the 68 landmarks.
    corners, weights : (17, K, 3) arrays
        Ways over the head, from behind the landmark of the jaw to the front of the face.
    """

    places: Places
    corners: npt.NDArray[np.intp]
    weights: Float

    def ways(self, values: npt.NDArray[np.floating]) -> Float:
        """Values (V, k) of the vertices along the ways: (17, K, k)."""
        return np.einsum("jkc,jkcd->jkd", self.weights, values[self.corners])


def find_marks(model: HeadModel) -> Marks:
    """The landmarks of a head model and the ways of the jaw's, found on the neutral head.

    Notes
    -----
    Level rays from the axis of the head, which stands between the ears, find the places of a way.
    """
    vertices = model.neutral.astype(np.float64)
    triangles = model.triangles[model.part("M_Face")].astype(np.intp)
    places = annotated_places(model)
    points = places.of(vertices)
    jaw = list(scheme.REGIONS["jaw"])
    unit = float(
        np.linalg.norm(points[scheme.LEFT_OUTER_EYE_CORNER] - points[scheme.RIGHT_OUTER_EYE_CORNER])
    )
    axis = points[[jaw[0], jaw[-1]]].mean(axis=0)
    corners = np.empty((len(jaw), _BEFORE + _AHEAD, 3), np.intp)
    weights = np.empty((len(jaw), _BEFORE + _AHEAD, 3))
    for point in jaw:
        place = min(point, len(jaw) - 1 - point)
        start = points[point] - axis
        behind = unit * np.array([0, -_DOWN[place], -_BACK[place]])
        angle = np.arctan2(start[0], start[2])
        for step in range(_BEFORE + _AHEAD):
            if step < _BEFORE:
                ray = start + (1 - step / _BEFORE) * behind
                height = ray[1]
            else:
                share = (step - _BEFORE) / (_AHEAD - 1)
                height = start[1] + share * unit * _UP[place]
                ray = np.array([np.sin((1 - share) * angle), 0, np.cos((1 - share) * angle)])
            origin = axis + [0, height, 0]
            # Behind the landmark stands the ear: there the skin nearest to the axis is meant.
            hit = _meet(vertices, triangles, origin, ray * [1, 0, 1], nearest=step < _BEFORE)
            if step == _BEFORE or hit is None:
                hit = places.vertices[point], places.weights[point]
            corners[point, step], weights[point, step] = hit
    return Marks(places, corners, weights)


def _meet(
    vertices: Float, triangles: npt.NDArray[np.intp], origin: Float, ray: Float, *, nearest: bool
) -> tuple[npt.NDArray[np.intp], Float] | None:
    """Corners and weights of the nearest or farthest place where a ray meets a surface."""
    # The ray's place in each triangle: ratios of the volumes that it spans with its edges.
    a, b, c = (vertices[triangles[:, corner]] - origin for corner in range(3))
    volumes = np.stack([np.cross(b, c) @ ray, np.cross(c, a) @ ray, np.cross(a, b) @ ray], axis=1)
    total = volumes.sum(axis=1)
    hit = np.flatnonzero((volumes >= 0).all(axis=1) & (total > 1e-12))
    if not len(hit):
        return None
    share_of = volumes[hit] / total[hit, None]
    reach = (np.einsum("hc,hcd->hd", share_of, vertices[triangles[hit]]) - origin) @ ray
    best = int(reach.argmin() if nearest else reach.argmax())
    return triangles[hit[best]], share_of[best]


def slide_jaw(marks: Marks, vertices: Float, normals: Float) -> Float:
    """Points of the jaw as annotators mark them.

    Parameters
    ----------
    marks : Marks
    vertices, normals : (V, 3) float array
        Vertices of the head in the view, and their normals.

    Returns
    -------
    points : (17, 3) float array
        In the view: the first place of each way that does not face away from the camera.
    """
    along = marks.ways(vertices)
    facing = -(marks.ways(normals) * along).sum(axis=2) / np.linalg.norm(along, axis=2)
    seen = facing >= 0
    first = np.where(seen.any(axis=1), seen.argmax(axis=1), facing.argmax(axis=1))
    rows = np.arange(len(along))
    before = np.maximum(first - 1, 0)
    dark, light = facing[rows, before], facing[rows, first]
    # The outline lies where the facing crosses zero between the two places.
    crossing = (first > 0) & (dark < 0) & (light >= 0)
    share = np.where(crossing, light / np.where(crossing, light - dark, 1), 0)[:, None]
    return (1 - share) * along[rows, first] + share * along[rows, before]


class Landmarks(NamedTuple):
    """Landmarks of one picture.

    Attributes
    ----------
    view : (68, 3) float array
        In the view.
    points : (68, 2) float array
        In the picture, as annotators mark them.
    fixed : (68, 2) float array
        In the picture, each always the same point of the head.
    """

    view: Float
    points: Float
    fixed: Float


def landmarks_of(
    model: HeadModel, marks: Marks, vertices: npt.NDArray[np.floating], camera: Camera
) -> Landmarks:
    """The landmarks of a head with the given vertices (V, 3), in its own coordinates."""
    face = model.triangles[model.part("M_Face")]
    needed = np.unique(marks.corners)
    around = face[np.isin(face, needed).any(axis=1)]
    used, local = np.unique(around, return_inverse=True)
    placed = np.zeros((len(vertices), 3))
    placed[used] = camera.view(vertices[used])
    normals = np.zeros((len(vertices), 3))
    normals[used] = smooth_normals(
        placed[used].astype(np.float32), local.reshape(-1, 3).astype(np.int32)
    )
    fixed = camera.view(marks.places.of(vertices))
    view = fixed.copy()
    view[list(scheme.REGIONS["jaw"])] = slide_jaw(marks, placed, normals)
    return Landmarks(view, camera.pixels(view), camera.pixels(fixed))


def visible(
    landmarks: Landmarks, surfaces: Sequence[Surface], triangles: Projected, raster: Raster
) -> npt.NDArray[np.bool_]:
    """Which landmarks the camera sees.

    Parameters
    ----------
    landmarks : Landmarks
    surfaces : sequence of Surface
        In the view.
    triangles : Projected
        Of those surfaces.
    raster : Raster
        Of those surfaces; where it has nothing near in front of a point, nothing more is asked.

    Returns
    -------
    seen : (68,) bool array
        False where something that hides lies nearer to the camera, or the point is off the picture.
    """
    points, depth = landmarks.points, -landmarks.view[:, 2]
    low, high = triangles.low, triangles.high
    margin = np.full(len(points), _BEHIND)
    margin[(points != landmarks.fixed).any(axis=1)] = _BEHIND_OUTLINE
    margin[list(scheme.REGIONS["inner_lips"])] = _BEHIND_LIPS
    limit = depth - margin
    size = len(raster.depth)
    seen: npt.NDArray[np.bool_] = np.all((points > -0.5) & (points < size - 0.5), axis=1)
    # What covers a point but no pixel's centre around it is thinner than a pixel.
    around = np.pad(raster.depth, 2, constant_values=np.inf)
    column, row = np.clip(np.rint(points), 0, size - 1).astype(np.intp).T
    nearest = np.full(len(points), np.inf)
    for down in range(1, 4):
        for right in range(1, 4):
            nearest = np.minimum(nearest, around[row + down, column + right])
    for point in np.flatnonzero(seen & (nearest < limit)):
        x, y = points[point]
        near = (low[:, 0] <= x) & (high[:, 0] >= x) & (low[:, 1] <= y) & (high[:, 1] >= y)
        which = np.flatnonzero(near)
        flat = barycentric(triangles.xy[which], np.full(len(which), x), np.full(len(which), y))
        hit = (flat >= 0).all(axis=1)
        inverse = flat[hit] * triangles.inverse[which[hit]]
        before = 1 / inverse.sum(axis=1) < limit[point]
        nearer = np.unique(triangles.surface[which[hit][before]])
        seen[point] = not any(surfaces[number].hides for number in nearer)
    return seen


def labels_of(surfaces: Sequence[Surface], raster: Raster) -> npt.NDArray[np.uint8]:
    """What each pixel's centre shows: (S, S) uint8, values of `data.people.surface`."""
    labels = np.full(raster.surface.shape, BACKGROUND, np.uint8)
    for number in np.unique(raster.surface[raster.surface >= 0]):
        surface = surfaces[number]
        here = raster.surface == number
        if isinstance(surface.label, int | np.integer) or surface.uv is None:
            labels[here] = np.max(surface.label)
        else:
            labels[here] = texel(surface.label, raster.interpolate(surfaces, number, surface.uv))
    return labels
