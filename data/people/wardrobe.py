"""What does not change from picture to picture: of a head model, and of one person."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from data.people.appearance import Look
from data.people.canvas import make_canvas
from data.people.covers import MaskCloth
from data.people.eyes import Eyeball, eye_texture
from data.people.features import lip_cover
from data.people.hair import dress_hair
from data.people.head_model import HeadModel
from data.people.lids import Lids
from data.people.patterns import Front
from data.people.shell import Shell, skin_triangles
from data.people.skin import Skin, paint_skin
from data.people.surface import Array, Part, Surface, part, subset
from data.people.worn import clothes
from data.people.wrinkles import Wrinkles

_MODELS_KEPT, _PEOPLE_KEPT = 2, 4
_kept: dict[tuple[int, int], Wardrobe] = {}


class Belongings(NamedTuple):
    """What one person brings to every picture.

    Attributes
    ----------
    skin : Skin
        With the lines of age.
    eye : (S, S, 3) float32 array
        Texture of the eyeballs.
    rest : (V, 3) float32 array
        The head with a face at rest.
    shell : Shell
        Of that head.
    hair : list of Surface
    clothes : Surface
    """

    skin: Skin
    eye: Array
    rest: Array
    shell: Shell
    hair: list[Surface]
    clothes: Surface


class Wardrobe:
    """Everything about a head model that painting needs.

    Parameters
    ----------
    model : HeadModel
    size : int
        Side in texels of the face's texture.
    """

    def __init__(self, model: HeadModel, size: int) -> None:
        self.model = model
        self.canvas = make_canvas(model, size, max(size // 2, 32))
        self.front = Front(self.canvas)
        self.wrinkles = Wrinkles(self.canvas, self.front, model.names)
        self.left_eye = Eyeball(model, "M_ScleraLeft")
        self.right_eye = Eyeball(model, "M_ScleraRight")
        self.lids = Lids(model, self.canvas)
        self.mask = MaskCloth(self.canvas, self.canvas.to_place(model.neutral))
        self.face, self.lips = self._split_lips()
        self.head = self._uncovered()
        self.teeth = part(model, "M_Teeth")
        self.gums = part(model, "M_GumsTongue")
        self.outside = skin_triangles(self.canvas)
        self.mean_shell = Shell(self.canvas, self.outside, model.neutral)
        self.skin_triangles = model.triangles[model.part("M_Face", "M_BackHead")]
        self.person = lru_cache(maxsize=_PEOPLE_KEPT)(self._person)

    def _split_lips(self) -> tuple[Part, Part]:
        """The face without the lips, and the lips, which are glossier."""
        piece, size = self.canvas.face.part, self.front.size
        cover = lip_cover(self.canvas, size)
        middle = piece.uv[piece.triangles].mean(axis=1)
        column, row = np.clip((middle * size).astype(int), 0, size - 1).T
        lips = cover[row, column] > 0.5
        return subset(piece, piece.triangles[~lips]), subset(piece, piece.triangles[lips])

    def _uncovered(self) -> Part:
        """The head without the shoulders, over which clothes lie."""
        piece = self.canvas.head.part
        place = self.canvas.to_place(self.model.neutral[piece.vertex])
        shoulder = (np.abs(place[:, 0]) > 0.85) & (place[:, 1] < -1.6)
        kept = ~shoulder[piece.triangles].any(axis=1)
        return subset(piece, piece.triangles[kept])

    def _person(self, look: Look, identity: tuple[float, ...]) -> Belongings:
        skin = paint_skin(self.canvas, self.front, look)
        rest = self.model.face(identity, np.zeros(len(self.model.names)))
        shell = Shell(self.canvas, self.outside, rest)
        return Belongings(
            self.wrinkles.aged(skin, look),
            eye_texture(look),
            rest,
            shell,
            dress_hair(self.canvas, self.mean_shell, shell, look),
            clothes(self.canvas, shell, look),
        )


def wardrobe(model: HeadModel, size: int) -> Wardrobe:
    """The model's wardrobe, made once."""
    key = id(model.neutral), size
    if key not in _kept:
        _kept[key] = Wardrobe(model, size)
        while len(_kept) > _MODELS_KEPT:
            del _kept[next(iter(_kept))]  # the first that was made
    return _kept[key]
