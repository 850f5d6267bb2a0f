"""What a set of synthetic people is made of, and where its random numbers come from."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from data.people.expressions import check_shapes
from landmarks.errors import InputError

#: What each random stream decides; a number never changes its meaning.
STREAMS = {
    "identity": 1,
    "look": 2,
    "habits": 3,
    "order": 4,
    "expression": 5,
    "pose": 6,
    "gaze": 7,
    "camera": 8,
    "light": 9,
    "background": 10,
    "capture": 11,
    "accessories": 12,
    "noise": 13,
}
MOST_SAMPLES = 4096
MOST = 2**32  # seeds, persons and pictures are single words of the generators' seeds


class Shapes(Protocol):
    """What a set needs to know of a head model."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def identities(self) -> Sized: ...


@dataclass(frozen=True)
class Settings:
    """What a set of synthetic people is made of.

    Attributes
    ----------
    expression_names : tuple of str
        Expression shapes of the head model, in its order.
    seed : int
        Another seed gives other people.
    people, per_person : int
        How many people, and pictures of each.
    size : int
        Width and height of a picture in pixels, 32 to 1024.
    identities : int
        Identity shapes of the head model.
    frontal : bool
        Heads turn by less than 10 degrees, and open eyes look into the camera.
    sequences : float
        Share of the pictures that belong to sequences from onset to apex.
    frames : int
        Pictures of one sequence.

    Raises
    ------
    InputError
        A value is of another kind or outside its range.
    """

    expression_names: tuple[str, ...]
    seed: int = 0
    people: int = 500
    per_person: int = 40
    size: int = 128
    identities: int = 100
    frontal: bool = False
    sequences: float = 0.1
    frames: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression_names", tuple(map(str, self.expression_names)))
        check_shapes(self.expression_names)
        check_wanted(self.seed, self.people, self.per_person, self.size)
        whole(self.identities, "identity shapes", 1, MOST)
        whole(self.frames, "frames of a sequence", 2, MOST)
        if not isinstance(self.sequences, int | float) or not 0 <= self.sequences <= 1:
            raise InputError(
                f"share of pictures in sequences: expected 0 to 1, got {self.sequences}"
            )

    @classmethod
    def of(cls, model: Shapes, **chosen: Any) -> Settings:
        """Settings for a head model, whose expression and identity shapes they take.

        Parameters
        ----------
        model : HeadModel
            Or anything with its `names` and `identities`.
        **chosen
            The other attributes.

        Raises
        ------
        InputError
            As for `Settings`.
        """
        return cls(tuple(model.names), identities=len(model.identities), **chosen)

    @property
    def pictures(self) -> int:
        """Number of pictures of the set."""
        return self.people * self.per_person


def whole(value: object, what: str, least: int, most: int) -> None:
    """Raise `InputError` where a value is no whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{what}: expected a whole number, got {value!r}")
    if not least <= value <= most:
        raise InputError(f"{what}: expected {least} to {most}, got {value}")


def check_wanted(seed: int, people: int, per_person: int, size: int) -> None:
    """Raise `InputError` where a set of that many pictures cannot be: needs no head model."""
    whole(seed, "seed", 0, MOST - 1)
    whole(people, "people", 1, MOST)
    whole(per_person, "pictures of each person", 1, MOST)
    whole(size, "size of the pictures", 32, 1024)
    if people * per_person > MOST:
        raise InputError(
            f"{people} people with {per_person} pictures each are more than the {MOST} pictures"
            " that one seed can tell apart"
        )


def check_storing(samples: int, quality: int | None) -> None:
    """Raise `InputError` where pictures cannot be rendered or stored that way."""
    whole(samples, "samples of a pixel", 1, MOST_SAMPLES)
    if quality is not None:
        whole(quality, "quality of the JPEGs", 1, 100)


def generator(seed: int, number: int, stream: str) -> np.random.Generator:
    """Random numbers of one purpose, for a person's or a picture's number."""
    return np.random.default_rng([seed, number, STREAMS[stream]])


__all__ = ["MOST", "STREAMS", "Settings", "check_storing", "check_wanted", "generator", "whole"]
