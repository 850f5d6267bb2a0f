"""What does not change from picture to picture: of a head model, and of one person."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

from data.people.appearance import Look
from data.people.canvas import make_canvas
from data.people.eyes import Eyeball, eye_texture
from data.people.head_model import HeadModel
from data.people.patterns import Front
from data.people.skin import Skin, paint_skin
from data.people.surface import Array, part
from data.people.wrinkles import Wrinkles

_MODELS_KEPT, _PEOPLE_KEPT = 2, 4
_kept: OrderedDict[tuple[int, int], Wardrobe] = OrderedDict()


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
        self.teeth = part(model, "M_Teeth")
        self.gums = part(model, "M_GumsTongue")
        self.skin_triangles = model.triangles[model.part("M_Face", "M_BackHead")]
        self.person = lru_cache(maxsize=_PEOPLE_KEPT)(self._person)

    def _person(self, look: Look) -> tuple[Skin, Array]:
        skin = paint_skin(self.canvas, self.front, look)
        return self.wrinkles.aged(skin, look), eye_texture(look)


def wardrobe(model: HeadModel, size: int) -> Wardrobe:
    """The model's wardrobe, made once."""
    key = id(model.neutral), size
    if key not in _kept:
        _kept[key] = Wardrobe(model, size)
        while len(_kept) > _MODELS_KEPT:
            _kept.popitem(last=False)
    return _kept[key]
