"""Who is shown in a picture, with which emotion, how strong, from where: pure functions of index.

A set is `people` × `per_person` pictures. Pictures ``person * per_person`` to
``(person + 1) * per_person - 1`` show one person; the first of them is a frontal neutral face with
nothing before it. Every random number comes from a generator of its own purpose, so that pose,
light, background, camera and accessories cannot know the emotion, and a picture needs nothing but
the settings and its index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.people.expressions import (
    EMOTIONS,
    SPEECH,
    STRONGEST,
    Habits,
    Shown,
    express,
    no_expression,
)
from data.people.settings import MOST, STREAMS, Settings, generator, whole

Array = npt.NDArray[np.float64]

FARTHEST = 2.5  # standard deviations; beyond, sums of shapes stop looking like anybody
NEUTRAL = "neutral"
_TURN = (55.0, 33.0, 30.0)  # degrees; yaw, pitch and roll at most
_NEUTRAL_SHARE = 0.15
_SPEECH_SHARE = 0.08


@dataclass(frozen=True, eq=False)
class Person:
    """One synthetic person.

    Attributes
    ----------
    seed, number : int
        Together they make the person.
    identity : (I,) float array
        Coefficients of the identity shapes, in standard deviations.
    """

    seed: int
    number: int
    identity: Array

    def rng(self, stream: str) -> np.random.Generator:
        """Generator of one of the `STREAMS`, such as ``"look"``; always at its beginning."""
        return generator(self.seed, self.number, stream)


@dataclass(frozen=True, eq=False)
class Plan:
    """One picture before it is rendered.

    Attributes
    ----------
    seed, index, person : int
        Seed of the set, number of the picture in it, number of the person.
    emotion : str
        One of `EMOTIONS`, ``"neutral"`` or ``"speech"``.
    second : str or None
        The weaker emotion of a blend.
    style : str
        Which way of showing the emotion.
    intensity : float
        0 to 1.2; 1 is the expression fully shown.
    weights : (E,) float array
        Weight of each expression shape, 0 to 1.2, lids that follow the gaze included.
    sequence, frame : int or None
        Index of the sequence's first picture, and which of its frames this is.
    yaw, pitch, roll : float
        Degrees. Positive yaw: the nose turns to the subject's left; positive pitch: upward;
        positive roll: the subject's left side rises. Roll is applied last.
    gaze : tuple of float
        Yaw and pitch of the eyes against the head, in degrees with the same signs.
    bare : bool
        Nothing may hide a part of this face.
    """

    seed: int
    index: int
    person: int
    emotion: str
    second: str | None
    style: str
    intensity: float
    weights: Array
    sequence: int | None
    frame: int | None
    yaw: float
    pitch: float
    roll: float
    gaze: tuple[float, float]
    bare: bool

    @property
    def frontal(self) -> bool:
        """Whether the head is turned by less than 10 degrees."""
        return abs(self.yaw) < 10 and abs(self.pitch) < 10

    def rng(self, stream: str) -> np.random.Generator:
        """Generator of one of the `STREAMS`, such as ``"light"``; always at its beginning.

        All pictures of a sequence share it, except for the stream ``"noise"``.
        """
        first = self.index if self.sequence is None or stream == "noise" else self.sequence
        return generator(self.seed, first, stream)

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """What JSON can hold of it; only weights that are not zero, by name."""
        shown = np.flatnonzero(self.weights)
        return {
            "seed": self.seed,
            "index": self.index,
            "person": self.person,
            "emotion": self.emotion,
            "second_emotion": self.second,
            "style": self.style,
            "intensity": round(self.intensity, 4),
            "weights": {names[k]: round(float(self.weights[k]), 4) for k in map(int, shown)},
            "sequence": self.sequence,
            "frame": self.frame,
            "pose": {
                "yaw": round(self.yaw, 3),
                "pitch": round(self.pitch, 3),
                "roll": round(self.roll, 3),
            },
            "frontal": self.frontal,
            "gaze": [round(angle, 3) for angle in self.gaze],
        }


def people(seed: int, number: int, identities: int = 100) -> Person:
    """One person of the endless crowd of a seed.

    Parameters
    ----------
    seed, number : int
        0 to 2**32 - 1.
    identities : int, optional
        Identity shapes of the head model.

    Raises
    ------
    InputError
        A number is outside its range.

    Notes
    -----
    Coefficients are standard normal, drawn again where they are beyond 2.5.
    """
    whole(seed, "seed", 0, MOST - 1)
    whole(number, "number of a person", 0, MOST - 1)
    rng = generator(seed, number, "identity")
    identity = rng.standard_normal(identities)
    while (far := np.abs(identity) > FARTHEST).any():
        identity[far] = rng.standard_normal(int(far.sum()))
    return Person(int(seed), int(number), identity)


class _Slot(NamedTuple):
    """What one picture of a person is for."""

    emotion: str
    frame: int | None = None


@lru_cache(maxsize=64)
def _slots(settings: Settings, person: int) -> tuple[_Slot, ...]:
    """What each picture of a person is for; emotions are dealt in turn over all people."""
    count = settings.per_person
    neutral = max(1, round(_NEUTRAL_SHARE * count))
    speech = int(_SPEECH_SHARE * count)
    # Sequences so far, for any number of people without counting them one by one.
    room = (count - neutral - speech) // settings.frames
    each = min(
        Fraction(settings.sequences).limit_denominator(10**6) * count / settings.frames,
        Fraction(room),
    )
    before, after = int(person * each), int((person + 1) * each)
    runs = [
        [_Slot(EMOTIONS[run % len(EMOTIONS)], frame) for frame in range(settings.frames)]
        for run in range(before, after)
    ]
    singles = count - neutral - speech - len(runs) * settings.frames
    dealt = person * (count - neutral - speech) - before * settings.frames
    blocks = [
        *([_Slot(NEUTRAL)] for _ in range(neutral - 1)),
        *([_Slot(SPEECH)] for _ in range(speech)),
        *([_Slot(EMOTIONS[(dealt + k) % len(EMOTIONS)])] for k in range(singles)),
        *runs,
    ]
    order = generator(settings.seed, person, "order").permutation(len(blocks))
    return (_Slot(NEUTRAL), *(slot for block in order for slot in blocks[block]))


def plan(settings: Settings, index: int) -> Plan:
    """Plan of one picture.

    Parameters
    ----------
    settings : Settings
    index : int
        0 to ``settings.pictures - 1``.

    Raises
    ------
    InputError
        There is no such picture.
    """
    whole(index, "number of a picture", 0, settings.pictures - 1)
    index = int(index)
    number, place = divmod(index, settings.per_person)
    slot = _slots(settings, number)[place]
    first = index if slot.frame is None else index - slot.frame
    bare = place == 0
    shown = _shown(settings, number, slot, first)
    yaw, pitch, roll = _pose(settings, first, slot.frame, bare)
    gaze, blink = _eyes(settings, first, yaw, pitch, bare)
    weights, gaze = shown.with_eyes(
        gaze, 0.0 if slot.frame is not None else blink, settings.expression_names
    )
    return Plan(
        settings.seed,
        index,
        number,
        slot.emotion,
        shown.second,
        shown.style,
        shown.intensity,
        weights,
        None if slot.frame is None else first,
        slot.frame,
        yaw,
        pitch,
        roll,
        gaze,
        bare,
    )


def _shown(settings: Settings, number: int, slot: _Slot, first: int) -> Shown:
    if slot.emotion == NEUTRAL:
        return no_expression(settings.expression_names)
    habits = Habits.draw(generator(settings.seed, number, "habits"))
    rng = generator(settings.seed, first, "expression")
    if slot.frame is None:
        intensity = rng.uniform(0.0, STRONGEST)
    else:
        # A film starts at rest, rises fast in its middle and ends at a clear apex.
        time = slot.frame / (settings.frames - 1)
        intensity = rng.uniform(0.7, STRONGEST) * time * time * (3.0 - 2.0 * time)
        return express(slot.emotion, settings.expression_names, intensity, habits, rng, blends=0)
    return express(slot.emotion, settings.expression_names, intensity, habits, rng)


def _normal(rng: np.random.Generator, spread: float, limit: float) -> float:
    """Normal about zero, drawn again beyond the limit."""
    while abs(value := spread * rng.standard_normal()) > limit:
        pass
    return float(value)


def _pose(
    settings: Settings, first: int, frame: int | None, bare: bool
) -> tuple[float, float, float]:
    rng = generator(settings.seed, first, "pose")
    if settings.frontal or bare:
        pose = [_normal(rng, 4, 9.5), _normal(rng, 4, 9.5), _normal(rng, 3, 9.5)]
    else:
        # As wide as the people of YouTube Faces and HELEN hold their heads, and as low.
        yaw = _normal(rng, 20, _TURN[0]) if rng.random() < 0.6 else _normal(rng, 8, 15)
        pose = [yaw, _normal(rng, 10, _TURN[1] - 3) - 3, _normal(rng, 8, _TURN[2])]
    if frame is not None:
        # The head of a film drifts a little while the face moves.
        drift = rng.normal(0.0, 3.0, 3) * frame / (settings.frames - 1)
        limits = (9.5, 9.5, 9.5) if settings.frontal else _TURN
        pose = [
            float(np.clip(a + d, -limit, limit))
            for a, d, limit in zip(pose, drift, limits, strict=True)
        ]
    return pose[0], pose[1], pose[2]


def _eyes(
    settings: Settings, first: int, yaw: float, pitch: float, bare: bool
) -> tuple[tuple[float, float], float]:
    """Gaze and blink: most people look into the camera, some past it, a few are caught blinking.

    Eyes turn at most 30 and 20 degrees.
    """
    rng = generator(settings.seed, first, "gaze")
    posing = bare or settings.frontal
    if posing or rng.random() < 0.7:
        aside, up = rng.normal(0.0, 2.0, 2)
    else:
        aside, up = rng.normal(0.0, 12.0), rng.normal(0.0, 8.0)
    blink = rng.uniform(0.3, 1.0) if rng.random() < 0.03 and not posing else 0.0
    return (float(np.clip(aside - yaw, -30, 30)), float(np.clip(up - pitch, -20, 20))), blink


__all__ = [
    "EMOTIONS",
    "NEUTRAL",
    "SPEECH",
    "STREAMS",
    "Person",
    "Plan",
    "Settings",
    "people",
    "plan",
]
