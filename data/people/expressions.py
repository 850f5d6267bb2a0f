"""Expressions of synthetic people: emotions, blends and speech as weights of expression shapes.

An expression is drawn in three steps: which action units take part and how strongly when it is
fully shown (`data.people.prototypes`), which shapes of the head model that makes, left and right
apart, and what of it is seen at the wanted intensity. A person has `Habits` that hold in all of
their pictures: a favourite style of each emotion, units that are used rarely or often, weakly or
strongly, and a stronger side of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.action_units import EMOTIONS, stray_weights
from data.people import prototypes
from landmarks.errors import InputError

Array = npt.NDArray[np.float64]

STRONGEST = 1.2
SPEECH = "speech"
UNITS = sorted(prototypes.SHAPES)
_COLUMN = {unit: k for k, unit in enumerate(UNITS)}
_LID_TURN = 30.0  # degrees of the eye at which the lids' shapes are fully shown
_BLENDS = 0.12
_FAVOURITE = 0.5
_STRAYS = 2.0  # unrelated shapes beside an emotion, on average
_LATE = (25, 26, 27)  # mouths open after the face has begun to move


class Habits(NamedTuple):
    """How a person tends to move the face.

    Attributes
    ----------
    side : float
        By how much, as a share, the left half of the face moves more than its middle.
    fondness : (U,) float array
        Added to the logit of each unit's frequency.
    vigour : (U,) float array
        Factor of each unit's strength.
    favourite : (6,) float array
        0 to 1 for each emotion, the place of the favourite style among all.
    """

    side: float
    fondness: Array
    vigour: Array
    favourite: Array

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Habits:
        """Habits of another person."""
        return cls(
            float(rng.normal(0.0, 0.1)),
            rng.normal(0.0, 0.5, len(UNITS)),
            np.exp(rng.normal(0.0, 0.2, len(UNITS))),
            rng.random(len(EMOTIONS)),
        )


class Shown(NamedTuple):
    """An expression as shown.

    Attributes
    ----------
    weights : (E,) float array
        0 to 1.2.
    intensity : float
        0 to 1.2; 1 is fully shown.
    style : str
        ``""`` for a face at rest.
    second : str or None
        The weaker emotion of a blend.
    """

    weights: Array
    intensity: float
    style: str
    second: str | None = None

    def with_eyes(
        self, gaze: tuple[float, float], blink: float, names: Sequence[str]
    ) -> tuple[Array, tuple[float, float]]:
        """Weights with lids that follow the eyes, and the gaze, cast down where they are low.

        Parameters
        ----------
        gaze : tuple of float
            Yaw and pitch in degrees, positive to the subject's left and upward.
        blink : float
            How far the lids are closed whatever the face shows, 0 to 1.
        names : sequence of str
        """
        column = _columns(tuple(names))
        weights = self.weights.copy()
        down = weights[column["eyeLookDown_L"]]
        aside, up = gaze[0], float(max(gaze[1] - _LID_TURN * down, -_LID_TURN))
        for side, outward in (("L", aside), ("R", -aside)):
            weights[column["eyeLookOut_" + side]] = max(outward, 0.0) / _LID_TURN
            weights[column["eyeLookIn_" + side]] = max(-outward, 0.0) / _LID_TURN
            weights[column["eyeLookUp_" + side]] = max(up, 0.0) / _LID_TURN
            weights[column["eyeLookDown_" + side]] = max(-up, 0.0) / _LID_TURN
            weights[column["eyeWide_" + side]] *= 1.0 - blink
            closed = column["eyeBlink_" + side]
            weights[closed] = max(weights[closed], blink)
        return weights, (aside, up)


def check_shapes(names: Sequence[str]) -> None:
    """Raise `InputError` where a head model lacks a shape that expressions are made of."""
    column = _columns(tuple(names))
    if len(column) != len(names):
        raise InputError("two expression shapes of the head model have the same name")
    tables = [*prototypes.SHAPES.values(), *prototypes.VISEMES.values()]
    gaze = {f"eyeLook{way}_": 1.0 for way in ("In", "Out", "Up", "Down")}
    wanted = {shape for table in [*tables, gaze] for shape in table} | {"mouthClose", "eyeBlink_"}
    for shape in sorted(wanted):
        for name in _sides(shape):
            if name not in column:
                raise InputError(
                    f"the head model has no expression shape {name!r} "
                    f"({len(names)} shapes were given; ICT-FaceKit has 53)"
                )


def no_expression(names: Sequence[str]) -> Shown:
    """A face at rest."""
    return Shown(np.zeros(len(names)), 0.0, "")


def express(
    emotion: str,
    names: Sequence[str],
    intensity: float,
    habits: Habits,
    rng: np.random.Generator,
    *,
    blends: float = _BLENDS,
) -> Shown:
    """One expression of one person.

    Parameters
    ----------
    emotion : str
        One of `EMOTIONS`, or ``"speech"``.
    names : sequence of str
        Expression shapes of the head model.
    intensity : float
        0 to 1.2; 1 is fully shown.
    habits : Habits
    rng : numpy.random.Generator
    blends : float, optional
        How often a second emotion is mixed in.

    Notes
    -----
    Every weight grows with `intensity`, by a power near 1 that differs between units, so that
    units rise at different rates but together reach what they are at intensity 1. With the same
    generator state only the intensity differs.
    """
    names = tuple(names)
    if emotion == SPEECH:
        full, style = _speech(names, rng)
        return Shown(np.clip(intensity * full, 0.0, STRONGEST), intensity, style)
    strength, style = _units(emotion, habits, rng)
    second = None
    if rng.random() < blends:
        others = prototypes.COMPOUNDS[emotion]
        second = others[rng.integers(len(others))]
        weaker, _ = _units(second, habits, rng)
        strength = np.maximum(rng.uniform(0.8, 1.0) * strength, rng.uniform(0.3, 0.6) * weaker)
    power = np.exp(np.clip(rng.normal(0.0, 0.15, len(UNITS)), -0.3, 0.3))
    power[[_COLUMN[unit] for unit in _LATE]] *= 1.25
    weights = (strength * intensity**power) @ _shapes_of_units(names)
    weights *= _sidedness(names, habits, rng)
    stray = stray_weights(list(names), 1, rng, shapes=_STRAYS)[0]
    stray[[name.startswith("eyeLook") for name in names]] = 0.0  # the gaze moves these
    weights += intensity * stray
    return Shown(np.clip(weights, 0.0, STRONGEST), float(intensity), style, second)


def _units(emotion: str, habits: Habits, rng: np.random.Generator) -> tuple[Array, str]:
    """Strength (U,) of each action unit in the fully shown expression, and the style's name."""
    style, often = _style(emotion, habits, rng)
    odds = np.full(len(UNITS), -np.inf)
    weak = np.zeros(len(UNITS), bool)
    for unit, (share, is_weak) in often.items():
        column = _COLUMN[unit]
        weak[column] = is_weak
        odds[column] = np.inf if share >= 1 else np.log(share / (1 - share))
    chance = 1.0 / (1.0 + np.exp(-(odds + habits.fondness)))
    strength = (rng.random(len(UNITS)) < chance) * rng.uniform(0.3, 1.0, len(UNITS))
    strength = np.where(weak, 0.5, 1.0) * strength * habits.vigour
    for (mover, moved), most in prototypes.TOGETHER.items():
        drawn = most * rng.uniform(0.3, 1.0) * strength[_COLUMN[mover]]
        strength[_COLUMN[moved]] = max(strength[_COLUMN[moved]], drawn)
    strongest = strength.max()
    if strongest == 0.0:  # all units were left out by chance: nobody shows an emotion so
        return _units(emotion, habits, rng)
    return strength * max(1.0, 0.6 / strongest), style


def _style(
    emotion: str, habits: Habits, rng: np.random.Generator
) -> tuple[str, dict[int, tuple[float, bool]]]:
    """Name of a style, and of each of its units the frequency and whether it is weak."""
    place = rng.random()
    if rng.random() < _FAVOURITE:
        place = habits.favourite[EMOTIONS.index(emotion)]
    if place < prototypes.GUIDE_SHARE:
        combinations = prototypes.GUIDE[emotion]
        chosen = int(place / prototypes.GUIDE_SHARE * len(combinations))
        return combinations[chosen], _combination(combinations[chosen])
    place -= prototypes.GUIDE_SHARE
    if place < prototypes.FREQUENT_SHARE:
        table = prototypes.FREQUENT[emotion]
        return "frequent", {unit: (share, False) for unit, share in table.items()}
    place -= prototypes.FREQUENT_SHARE
    place /= 1.0 - prototypes.GUIDE_SHARE - prototypes.FREQUENT_SHARE
    styles = prototypes.STYLES[emotion]
    bounds = np.cumsum([style.share for style in styles])
    style = styles[min(int(np.searchsorted(bounds, place, side="right")), len(styles) - 1)]
    return style.name, {unit: (share, False) for unit, share in style.units.items()}


def _combination(text: str) -> dict[int, tuple[float, bool]]:
    """Read ``"1+2+5B+26?"``: units, ``B`` for weak, ``?`` for one that is shown half the time."""
    return {
        int(part.rstrip("B?")): (0.5 if part.endswith("?") else 1.0, "B" in part)
        for part in text.split("+")
    }


def _speech(names: tuple[str, ...], rng: np.random.Generator) -> tuple[Array, str]:
    """A mouth on its way between two sounds, with brows that underline what is said."""
    column = _columns(names)
    sounds = list(prototypes.VISEMES)
    first, second = rng.integers(len(sounds), size=2)
    way = rng.uniform(0.0, 0.5)
    weights = np.zeros(len(names))
    for sound, share in ((first, 1 - way), (second, way)):
        for shape, weight in prototypes.VISEMES[sounds[sound]].items():
            for name in _sides(shape):
                weights[column[name]] += share * weight * rng.uniform(0.7, 1.2)
    if rng.random() < 0.3:
        pair = ("browInnerUp_", "browOuterUp_") if rng.random() < 0.6 else ("browDown_",)
        raised = rng.uniform(0.1, 0.5)
        for name in (name for shape in pair for name in _sides(shape)):
            weights[column[name]] += raised
    return weights, sounds[first]


def _sidedness(names: tuple[str, ...], habits: Habits, rng: np.random.Generator) -> Array:
    """Factor (E,) of each shape: above 1 on the stronger side of the face."""
    tilt = habits.side + rng.normal(0.0, 0.06)
    own = rng.normal(0.0, 0.06, len(names))
    left = np.array([name.endswith("_L") for name in names])
    factor = np.ones(len(names))
    column = _columns(names)
    for k in np.flatnonzero(left):
        lean = np.clip(tilt + own[k], -0.7, 0.7)
        factor[k] += lean
        factor[column[names[k][:-1] + "R"]] -= lean
    return factor


def _sides(shape: str) -> list[str]:
    return [shape + "L", shape + "R"] if shape.endswith("_") else [shape]


@lru_cache(maxsize=4)
def _columns(names: tuple[str, ...]) -> dict[str, int]:
    return {name: k for k, name in enumerate(names)}


@lru_cache(maxsize=4)
def _shapes_of_units(names: tuple[str, ...]) -> Array:
    """Weights (U, E) of the head model's shapes in each action unit."""
    column = _columns(names)
    matrix = np.zeros((len(UNITS), len(names)))
    for row, unit in enumerate(UNITS):
        for shape, share in prototypes.SHAPES[unit].items():
            for name in _sides(shape):
                matrix[row, column[name]] = share
    return matrix


__all__ = [
    "EMOTIONS",
    "SPEECH",
    "STRONGEST",
    "UNITS",
    "Habits",
    "Shown",
    "check_shapes",
    "express",
    "no_expression",
]
