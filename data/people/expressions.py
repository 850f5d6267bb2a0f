"""Expressions of synthetic people: emotions, blends and speech as weights of expression shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.action_units import EMOTIONS, STYLES, shape_weights

Array = npt.NDArray[np.float64]

STRONGEST = 1.2
_LID_TURN = 30.0  # degrees of the eye at which the lids' shapes are fully shown


class Habits(NamedTuple):
    """How a person tends to move the face."""

    side: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Habits:
        return cls(float(rng.normal(0, 0.1)))


class Shown(NamedTuple):
    """An expression as shown.

    Attributes
    ----------
    weights : (E,) float array
    intensity : float
    style : str
    second : str or None
        The weaker emotion of a blend.
    """

    weights: Array
    intensity: float
    style: str
    second: str | None = None

    def with_gaze(
        self, gaze: tuple[float, float], names: Sequence[str]
    ) -> tuple[Array, tuple[float, float]]:
        """Weights with the lids that follow the eyes, and the gaze with eyes that are cast down."""
        column = {name: k for k, name in enumerate(names)}
        weights = self.weights.copy()
        down = weights[column["eyeLookDown_L"]]
        aside, up = gaze[0], float(max(gaze[1] - _LID_TURN * down, -30.0))
        for side, outward in (("L", aside), ("R", -aside)):
            weights[column["eyeLookOut_" + side]] = max(outward, 0.0) / _LID_TURN
            weights[column["eyeLookIn_" + side]] = max(-outward, 0.0) / _LID_TURN
            weights[column["eyeLookUp_" + side]] = max(up, 0.0) / _LID_TURN
            weights[column["eyeLookDown_" + side]] = max(-up, 0.0) / _LID_TURN
        return weights, (aside, up)


def no_expression(names: Sequence[str]) -> Shown:
    """A face at rest."""
    return Shown(np.zeros(len(names)), 0.0, "")


def express(
    emotion: str,
    names: Sequence[str],
    intensity: float,
    habits: Habits,
    rng: np.random.Generator,
) -> Shown:
    """One expression of one person."""
    if emotion == "speech":
        column = {name: k for k, name in enumerate(names)}
        weights = np.zeros(len(names))
        weights[column["jawOpen"]] = rng.uniform(0.05, 0.35)
        return Shown(np.clip(intensity * weights, 0, STRONGEST), intensity, "open")
    options = [style for style in STYLES if style.emotion == emotion]
    style = options[rng.integers(len(options))]
    full = shape_weights(style, list(names), 1, rng)[0]
    return Shown(np.clip(intensity * full, 0, STRONGEST), intensity, style.name)


__all__ = ["EMOTIONS", "STRONGEST", "Habits", "Shown", "express", "no_expression"]
