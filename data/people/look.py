"""Everything that can be seen of a person in one picture, as textured and labelled surfaces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.people.accessories import Accessories, draw_accessories
from data.people.appearance import Look, draw_look
from data.people.covers import hand
from data.people.head_model import HeadModel
from data.people.surface import MOUTH, TEETH, Array, Surface, below, floats, smooth_normals
from data.people.wardrobe import Belongings, Wardrobe, wardrobe
from data.people.worn import glasses, hat

__all__ = ["Accessories", "Look", "Surface", "draw_accessories", "draw_look", "dress"]


def dress(
    model: HeadModel,
    look: Look,
    accessories: Accessories,
    identity: npt.ArrayLike,
    weights: npt.ArrayLike,
    vertices: npt.ArrayLike,
    *,
    texture: int = 256,
    gaze: tuple[float, float] = (0.0, 0.0),
) -> list[Surface]:
    """Everything that can be seen of a person, wherever the camera is.

    Parameters
    ----------
    model : HeadModel
    look : Look
        The person's own; see `draw_look`.
    accessories : Accessories
        What is worn in this picture; see `draw_accessories`.
    identity : (I,) float array
        The person's coefficients: hair and glasses are fitted to the head at rest.
    weights : (E,) float array
        Of the expression, which deepens the lines of the skin.
    vertices : (V, 3) float array
        The head with that identity and expression, `model.face(identity, weights)`.
    texture : int, optional
        Side in texels of the face's texture.
    gaze : (float, float), optional
        Degrees that both eyes look to the subject's left and up, from straight ahead.

    Returns
    -------
    surfaces : list of Surface

    Notes
    -----
    What belongs to the model and to the last few people is kept between calls.
    """
    room = wardrobe(model, texture)
    vertices = np.asarray(vertices, dtype=np.float32)
    weights = np.asarray(weights, dtype=np.float32)
    person = room.person(look, tuple(np.asarray(identity, dtype=float).tolist()))
    skin = person.skin
    face = room.wrinkles.moved(skin, look, weights)
    normals = smooth_normals(vertices, room.skin_triangles)

    gloss = 0.1 + 0.4 * look.shine
    surfaces = []
    for name, part, albedo, labels, roughness, specular in (
        ("face", room.face, face, skin.face_labels, look.roughness, gloss),
        ("lips", room.lips, face, skin.face_labels, 0.4, 0.2 + 0.7 * look.lip_gloss),
        ("head", room.head, skin.head, skin.head_labels, look.roughness, gloss),
    ):
        surfaces.append(
            Surface(
                name,
                vertices[part.vertex],
                part.triangles,
                part.uv,
                albedo,
                roughness=roughness,
                specular=specular,
                label=labels,
                normals=normals[part.vertex],
            )
        )
    for name, part, colour, label in (
        ("teeth", room.teeth, look.teeth_colour, TEETH),
        ("gums", room.gums, look.gum_colour, MOUTH),
    ):
        surfaces.append(
            Surface(
                name,
                vertices[part.vertex],
                part.triangles,
                None,
                floats(colour),
                roughness=0.3,
                specular=0.4,
                label=label,
            )
        )
    for name, ball in (("left eye", room.left_eye), ("right eye", room.right_eye)):
        surfaces.append(ball.surface(name, vertices, person.eye, gaze))
    surfaces += room.lids.surfaces(vertices, look)
    surfaces += _covers(room, person, look, accessories, vertices)
    return surfaces


def _covers(
    room: Wardrobe, person: Belongings, look: Look, worn: Accessories, vertices: Array
) -> list[Surface]:
    """Hair, clothes and accessories."""
    canvas, at = room.canvas, room.model.landmark_vertices
    surfaces, hair = [person.clothes], person.hair
    if worn.hat and not look.headwear:
        hats, rim = hat(canvas, room.mean_shell, person.shell, worn)
        surfaces += hats
        limit = float(canvas.origin[1]) + (rim + 0.03) * canvas.unit
        hair = [below(surface, limit) for surface in hair]
    if worn.glasses:
        surfaces += glasses(canvas, person.rest[at], worn)
    if worn.mask:
        surfaces += room.mask.surfaces(canvas, vertices, worn)
    if worn.hand:
        surfaces += hand(canvas, vertices[at], look, worn)
    return [*surfaces, *(surface for surface in hair if len(surface.triangles))]
