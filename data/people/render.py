"""One picture of a synthetic person, with everything that is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.background import draw_background
from data.people.camera import draw_camera, turned
from data.people.capture import LUMINANCE, capture, expose
from data.people.head_model import HeadModel
from data.people.light import draw_light
from data.people.look import Accessories, Look, draw_accessories, draw_look, dress
from data.people.plan import Person, Plan, Settings, people
from data.people.preview import gloss, quieten, reaching, shade
from data.people.raster import Projected, Raster, project, rasterise
from data.people.scene import trace
from data.people.sight import see
from data.people.surface import MOUTH, SKIN, TEETH, Surface
from data.people.truth import Marks, find_marks, labels_of, landmarks_of, visible

Array = npt.NDArray[np.float32]

_FINEST = 512  # texels; a texture need not have more than about the picture's pixels


class Picture(NamedTuple):
    """A rendered picture and its truth.

    Attributes
    ----------
    image : (S, S, 3) uint8 array
        RGB.
    points : (68, 2) float array
        Landmarks (x, y) in pixels, 0-based, origin at the centre of the top-left pixel.
    visible : (68,) bool array
        Whether the camera sees the landmark.
    labels : (S, S) uint8 array
        What each pixel shows, values of `landmarks.shards.LABELS`.
    record : dict
        Who is shown, how, in which light, through which camera; fit for JSON.
    """

    image: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float64]
    visible: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.uint8]
    record: dict[str, Any]


class _Sitter(NamedTuple):
    """What all pictures of one person share."""

    person: Person
    look: Look
    neutral_landmarks: Array


class _Kept:
    """What the last picture found out and the next may need: one model, one person."""

    model: HeadModel | None = None
    marks: Marks | None = None
    key: tuple[int, int] | None = None
    sitter: _Sitter | None = None


_kept = _Kept()


def _sitter(model: HeadModel, plan: Plan) -> tuple[Marks, _Sitter]:
    """The person of a plan; made once for pictures that follow one another."""
    if _kept.model is not model or _kept.marks is None:
        _kept.model, _kept.marks, _kept.sitter = model, find_marks(model), None
    if _kept.sitter is None or _kept.key != (plan.seed, plan.person):
        person = people(plan.seed, plan.person, len(model.identities))
        neutral = model.face(person.identity, np.zeros(len(model.names)))
        look = draw_look(person.rng("look"))
        _kept.sitter = _Sitter(person, look, neutral[model.landmark_vertices])
        _kept.key = (plan.seed, plan.person)
    return _kept.marks, _kept.sitter


def render(
    model: HeadModel,
    plan: Plan,
    settings: Settings,
    *,
    samples: int = 8,
    path_traced: bool = True,
) -> Picture:
    """Render one picture.

    Parameters
    ----------
    model : HeadModel
    plan : Plan
        Who, how and from where.
    settings : Settings
        Of the set; only the size is needed here.
    samples : int, optional
        Light paths of each pixel.
    path_traced : bool, optional
        False shades without shadows and without Mitsuba; points and labels are the same.

    Returns
    -------
    picture : Picture

    Raises
    ------
    InputError
        Mitsuba is not installed.

    Notes
    -----
    The same plan gives the same bytes on the same machine, whatever was rendered before.
    """
    size = settings.size
    marks, sitter = _sitter(model, plan)
    accessories = (
        Accessories() if plan.bare else draw_accessories(plan.rng("accessories"), sitter.look)
    )
    vertices = model.face(sitter.person.identity, plan.weights)
    dressed = dress(
        model,
        sitter.look,
        accessories,
        sitter.person.identity,
        plan.weights,
        vertices,
        texture=min(_FINEST, max(256, size)),
        gaze=plan.gaze,
    )
    rotation = turned(plan.yaw, plan.pitch, plan.roll)
    camera = draw_camera(plan.rng("camera"), rotation, sitter.neutral_landmarks, size)
    surfaces = [camera.place(surface) for surface in dressed]
    triangles = project(surfaces, camera)
    raster = rasterise(surfaces, camera, triangles)
    labels = labels_of(surfaces, raster)
    landmarks = landmarks_of(model, marks, vertices, camera)
    seen = visible(landmarks, surfaces, triangles, raster)

    light = draw_light(plan.rng("light"))
    sight = see(surfaces, raster, camera)
    noise = plan.rng("noise")
    seed = int(noise.integers(2**31))
    if path_traced:
        shown = list(_in_sight(surfaces, triangles, raster))
        radiance, coverage = trace(shown, camera, light, samples=samples, seed=seed)
        radiance = quieten(radiance, sight, samples)
        share = reaching(radiance, sight, light)
    else:
        radiance = shade(sight, light)
        coverage = (raster.surface >= 0).astype(np.float32)
        share = coverage
    radiance = radiance + coverage[..., None] * gloss(sight, light, share)
    skin = labels == SKIN
    tone = float((sight.albedo[skin] @ LUMINANCE).mean()) if skin.any() else 0.3
    lens = plan.rng("capture")
    white = light.irradiance(np.array([0.0, 0.0, 1.0]))
    exposed, automatics = expose(radiance, coverage, skin, tone, white, lens)
    kind, behind = draw_background(plan.rng("background"), size)
    image, captured = capture(exposed + (1 - coverage)[..., None] * behind, lens, noise)

    record = plan.record(model.names) | {
        "look": sitter.look.record(),
        "accessories": accessories.record(),
        "camera": camera.record(),
        "light": light.record(),
        "background": kind,
        "capture": automatics | captured,
        "jaw_3d_projected": np.round(landmarks.fixed[:17], 2).tolist(),
    }
    return Picture(image, landmarks.points, seen, labels, record)


def _in_sight(surfaces: list[Surface], triangles: Projected, raster: Raster) -> Iterator[Surface]:
    """The triangles that face the camera, or are seen from behind.

    The others are the far sides of closed bodies, whose near sides cast the same shadows. Of what
    lies inside the head only the neighbourhood of what is seen is left.
    """
    a, b, c = (triangles.xy[:, corner] for corner in range(3))
    across, along = b - a, c - a
    facing = across[:, 0] * along[:, 1] < across[:, 1] * along[:, 0]  # y runs down
    for number, surface in enumerate(surfaces):
        count = len(surface.vertices)
        seen = np.unique(raster.triangle[raster.surface == number])
        touched = np.zeros(count, bool)
        for _ in range(2):
            touched[surface.triangles[seen]] = True
            seen = np.flatnonzero(touched[surface.triangles].any(axis=1))
        keep = np.zeros(len(surface.triangles), bool)
        keep[seen] = True
        if not (isinstance(surface.label, int) and surface.label in (MOUTH, TEETH)):
            own = triangles.surface == number
            keep[triangles.triangle[own]] |= facing[own]
        if keep.any():
            used = np.zeros(count, bool)
            used[surface.triangles[keep]] = True
            renumbered = np.cumsum(used, dtype=np.int32) - 1
            yield surface._replace(
                vertices=surface.vertices[used],
                triangles=renumbered[surface.triangles[keep]],
                uv=None if surface.uv is None else surface.uv[used],
                normals=None if surface.normals is None else surface.normals[used],
            )
