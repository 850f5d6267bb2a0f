"""Emotions as combinations of facial action units, over the shapes of ICT-FaceKit.

An emotion is not one face. Each emotion below is a handful of *styles*; a style says which action
units (FACS) take part, how often, and how strongly when fully shown. Sampling a style gives a
random weight for each of ICT-FaceKit's 53 expression shapes, left and right apart, so that the
emotions become wide distributions instead of single masks.

References
----------
Ekman, Friesen, Hager, "Facial Action Coding System. Investigator's Guide", 2002 (table 10-2:
prototypes and major variants of the emotions).
Friesen, Ekman, "EMFACS-7: Emotional Facial Action Coding System", 1983.
Du, Tao, Martinez, "Compound facial expressions of emotion", PNAS 111 (15), 2014 (how often each
unit is used by people who show an emotion).
Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020 (ICT-FaceKit).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")

#: Shapes of one action unit with the share of the unit's intensity that each takes. A name that
#: ends in "_" stands for the pair "_L" and "_R".
ACTION_UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp_": 1.0},
    2: {"browOuterUp_": 1.0},
    4: {"browDown_": 1.0},
    5: {"eyeWide_": 1.0},
    6: {"cheekSquint_": 1.0, "eyeSquint_": 0.5},
    7: {"eyeSquint_": 1.0},
    9: {"noseSneer_": 1.0},
    10: {"mouthUpperUp_": 1.0},
    12: {"mouthSmile_": 1.0},
    14: {"mouthDimple_": 1.0},
    15: {"mouthFrown_": 1.0},
    16: {"mouthLowerDown_": 1.0},
    17: {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.5},
    18: {"mouthPucker": 1.0},
    20: {"mouthStretch_": 1.0},
    22: {"mouthFunnel": 1.0},
    23: {"mouthPress_": 0.6, "mouthRollLower": 0.4, "mouthRollUpper": 0.4},
    24: {"mouthPress_": 1.0},
    25: {"mouthLowerDown_": 0.5, "mouthUpperUp_": 0.3},
    26: {"jawOpen": 1.0},
    28: {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    29: {"jawForward": 1.0},
    43: {"eyeBlink_": 1.0},
    64: {"eyeLookDown_": 1.0},
}


class Style(NamedTuple):
    """One way of showing an emotion.

    Attributes
    ----------
    emotion, name : str
    units : dict
        Action unit → (how often it takes part, weakest, strongest) at full intensity.
    """

    emotion: str
    name: str
    units: dict[int, tuple[float, float, float]]


STYLES = (
    Style(
        "anger",
        "pressed",
        {
            4: (1, 0.5, 1),
            5: (0.4, 0.3, 1),
            7: (0.7, 0.3, 1),
            9: (0.3, 0.1, 0.5),
            15: (0.3, 0.2, 0.6),
            17: (0.4, 0.2, 0.8),
            23: (0.6, 0.3, 1),
            24: (0.7, 0.4, 1),
            29: (0.3, 0.2, 0.7),
        },
    ),
    Style(
        "anger",
        "bared",
        {
            4: (1, 0.5, 1),
            5: (0.4, 0.3, 1),
            7: (0.6, 0.3, 1),
            9: (0.6, 0.2, 0.9),
            10: (0.7, 0.2, 0.8),
            16: (0.5, 0.2, 0.8),
            20: (0.3, 0.2, 0.6),
            22: (0.5, 0.2, 0.7),
            25: (0.7, 0.3, 0.9),
            26: (0.7, 0.05, 0.5),
            29: (0.3, 0.2, 0.7),
        },
    ),
    Style(
        "disgust",
        "nose",
        {
            4: (0.6, 0.2, 0.9),
            6: (0.3, 0.2, 0.6),
            7: (0.5, 0.3, 0.9),
            9: (1, 0.5, 1),
            10: (0.6, 0.3, 0.9),
            15: (0.3, 0.2, 0.6),
            17: (0.4, 0.2, 0.8),
            43: (0.2, 0.1, 0.4),
        },
    ),
    Style(
        "disgust",
        "lip",
        {
            4: (0.5, 0.2, 0.8),
            7: (0.4, 0.3, 0.8),
            9: (0.6, 0.2, 0.8),
            10: (1, 0.5, 1),
            15: (0.4, 0.2, 0.8),
            16: (0.5, 0.2, 0.8),
            25: (0.5, 0.2, 0.8),
            26: (0.4, 0.05, 0.35),
        },
    ),
    Style(
        "fear",
        "stretched",
        {
            1: (1, 0.5, 1),
            2: (0.8, 0.3, 0.9),
            4: (0.7, 0.2, 0.7),
            5: (0.9, 0.4, 1),
            16: (0.3, 0.2, 0.6),
            20: (1, 0.4, 1),
            25: (0.7, 0.2, 0.8),
            26: (0.6, 0.05, 0.45),
        },
    ),
    Style(
        "fear",
        "gaping",
        {
            1: (1, 0.4, 1),
            2: (0.7, 0.3, 1),
            4: (0.6, 0.2, 0.7),
            5: (1, 0.4, 1),
            20: (0.4, 0.1, 0.6),
            25: (0.6, 0.2, 0.8),
            26: (1, 0.15, 0.6),
        },
    ),
    Style(
        "happiness",
        "closed",
        {6: (0.7, 0.3, 1), 12: (1, 0.5, 1), 14: (0.2, 0.1, 0.5), 2: (0.15, 0.1, 0.4)},
    ),
    Style(
        "happiness",
        "open",
        {
            6: (0.8, 0.3, 1),
            12: (1, 0.5, 1),
            10: (0.3, 0.1, 0.5),
            25: (0.8, 0.2, 0.9),
            26: (0.7, 0.05, 0.5),
            2: (0.15, 0.1, 0.4),
        },
    ),
    Style(
        "sadness",
        "mouth",
        {
            1: (0.8, 0.3, 1),
            4: (0.6, 0.2, 0.8),
            15: (1, 0.5, 1),
            17: (0.6, 0.2, 0.9),
            24: (0.2, 0.1, 0.5),
            43: (0.3, 0.1, 0.5),
            64: (0.2, 0.2, 0.6),
        },
    ),
    Style(
        "sadness",
        "brow",
        {
            1: (1, 0.5, 1),
            4: (0.7, 0.2, 0.8),
            6: (0.3, 0.2, 0.6),
            7: (0.3, 0.2, 0.7),
            15: (0.6, 0.2, 0.8),
            17: (0.4, 0.2, 0.8),
            20: (0.2, 0.1, 0.5),
            25: (0.2, 0.1, 0.5),
            43: (0.3, 0.1, 0.5),
            64: (0.2, 0.2, 0.6),
        },
    ),
    Style(
        "surprise",
        "gaping",
        {
            1: (1, 0.5, 1),
            2: (1, 0.5, 1),
            5: (0.8, 0.3, 1),
            22: (0.2, 0.1, 0.5),
            25: (0.2, 0.1, 0.6),
            26: (1, 0.3, 0.9),
        },
    ),
    Style(
        "surprise",
        "mild",
        {
            1: (1, 0.4, 1),
            2: (1, 0.4, 1),
            5: (0.8, 0.3, 1),
            22: (0.2, 0.1, 0.5),
            25: (0.4, 0.2, 0.8),
            26: (0.7, 0.05, 0.4),
        },
    ),
)


def shape_weights(
    style: Style, names: list[str], count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Random full-intensity weights of the face model's shapes for one style.

    Parameters
    ----------
    style : Style
    names : list of str
        The model's expression shapes, such as ``mouthSmile_L``.
    count : int
        How many faces.
    rng : numpy.random.Generator

    Returns
    -------
    weights : (count, len(names)) float array
        Not negative and at most 1.2; left and right differ by some tenths.
    """
    column = {name: index for index, name in enumerate(names)}
    weights = np.zeros((count, len(names)))
    # One side of a face is stronger than the other, the same side in all its units.
    tilt = 0.12 * rng.standard_normal(count)
    for unit, (often, weakest, strongest) in style.units.items():
        shown = rng.random(count) < often
        strength = shown * rng.uniform(weakest, strongest, count)
        for shape, share in ACTION_UNITS[unit].items():
            if not shape.endswith("_"):
                weights[:, column[shape]] += share * strength
                continue
            own = 0.06 * rng.standard_normal(count)
            for side, sign in (("L", 1.0), ("R", -1.0)):
                factor = np.clip(1.0 + sign * (tilt + own), 0.3, 1.7)
                weights[:, column[shape + side]] += share * strength * factor
    return np.clip(weights, 0.0, 1.2)


def stray_weights(
    names: list[str],
    count: int,
    rng: np.random.Generator,
    *,
    shapes: float = 2.0,
    strongest: float = 0.3,
) -> npt.NDArray[np.float64]:
    """Weights of a few unrelated shapes, as real faces show them beside an emotion.

    Parameters
    ----------
    names : list of str
    count : int
    rng : numpy.random.Generator
    shapes : float, optional
        How many shapes take part on average.
    strongest : float, optional
        Largest weight.

    Returns
    -------
    weights : (count, len(names)) float array
    """
    shown = rng.random((count, len(names))) < shapes / len(names)
    weights = shown * rng.uniform(0.0, strongest, (count, len(names)))
    # Only with the jaw open does this shape mean anything: it closes the lips over the open jaw.
    weights[:, names.index("mouthClose")] = 0.0
    return weights
