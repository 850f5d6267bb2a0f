"""Which action units people show with an emotion, and which shapes of the head model those are.

Three descriptions of each emotion stand side by side, so that no single one becomes a mask.

``GUIDE`` — combinations of the FACS Investigator's Guide, table 10-2 (prototypes and major
variants). ``5B`` is a weak unit 5, ``26?`` one that may be missing.

``FREQUENT`` — how often each unit was found in 230 people who posed the emotion after hearing a
story about it (Du et al., table 1: units without a number there count as 1.0).

``STYLES`` — how posers divide over ways of showing the emotion: closed and open mouths apart. The
units are those of the two sources and of the international core sequences of Cordaro et al.
(anger 4+7, disgust with 4+6+7 beside 9+10, sadness with 4 and often without 1); how often each is
used was set by hand after looking at the development half of the rated performers (see
``scripts/bench/people_rated.py``), since only few people can raise the inner brows or pull the lip
corners down at will, and most lower the brows instead.

References
----------
Ekman, Friesen, Hager, "Facial Action Coding System. Investigator's Guide", 2002, table 10-2.
Friesen, Ekman, "EMFACS-7: Emotional Facial Action Coding System", 1983.
Du, Tao, Martinez, "Compound facial expressions of emotion", PNAS 111 (15), 2014, table 1.
Cordaro et al., "Universals and cultural variations in 22 emotional expressions across five
cultures", Emotion 18 (1), 2018.
Gosselin, Perron, Beaupré, "The voluntary control of facial action units in adults", Emotion 10
(2), 2010.
"""

from __future__ import annotations

from typing import NamedTuple

from calibration.action_units import ACTION_UNITS

#: Shapes of one action unit, as in `calibration.action_units`, at the strength at which people
#: show the unit fully: the model's lips and jaw go farther than faces do, its brows do not.
SHAPES: dict[int, dict[str, float]] = {
    **ACTION_UNITS,
    2: {"browOuterUp_": 0.8},
    # Corrugator, depressor supercilii and procerus: this model lowers the inner brows with its
    # shape for the nose alone.
    4: {"browDown_": 1.2, "noseSneer_": 0.3},
    6: {"cheekSquint_": 0.8, "eyeSquint_": 0.3},
    7: {"eyeSquint_": 0.7},
    9: {"noseSneer_": 0.6},
    10: {"mouthUpperUp_": 0.4},
    11: {"mouthUpperUp_": 0.3, "noseSneer_": 0.2},
    12: {"mouthSmile_": 1.1},
    15: {"mouthFrown_": 0.8},
    16: {"mouthLowerDown_": 0.4},
    17: {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.2},
    20: {"mouthStretch_": 0.7},
    25: {"mouthLowerDown_": 0.3, "mouthUpperUp_": 0.15},
    26: {"jawOpen": 0.2},
    27: {"jawOpen": 0.5},
}

#: Units that hardly move alone: (mover, moved) → share of the mover's strength, at most.
TOGETHER: dict[tuple[int, int], float] = {(9, 4): 0.5, (4, 7): 0.3, (6, 7): 0.5, (12, 6): 0.5}

GUIDE: dict[str, tuple[str, ...]] = {
    "anger": (
        "4+5+7+10+22+23+25+26?",
        "4+5+7+10+23+25+26?",
        "4+5+7+23+25+26?",
        "4+5+7+17+23",
        "4+5+7+17+24",
        "4+5+7+23",
        "4+5+7+24",
        "4+7+17+24",
        "4+5+23",
    ),
    "disgust": ("9", "9+16+15+25?+26?", "9+17", "10", "10+16+25+26?", "10+17"),
    "fear": (
        "1+2+4+5+20+25+26?",
        "1+2+4+5+25+26",
        "1+2+4+5+25+27?",
        "1+2+4+5",
        "1+2+5+25?+26?",
        "5+20+25?+26?",
    ),
    "happiness": ("6+12+25?+26?", "12+25?+26?"),
    "sadness": (
        "1+4+11+15B+25?+64?",
        "1+4+15+25?+64?",
        "6+15+64?",
        "1+4+11+64?",
        "1+4+15B+17+64?",
        "11+15B+64?",
        "11+17",
    ),
    "surprise": (
        "1+2+5B+25+26",
        "1+2+5B+25+27",
        "1+2+5B",
        "1+2+25+26",
        "1+2+25+27",
        "5B+25+26",
        "5B+25+27",
    ),
}

FREQUENT: dict[str, dict[int, float]] = {
    "anger": {4: 1.0, 7: 1.0, 24: 1.0, 10: 0.26, 17: 0.52, 23: 0.29},
    "disgust": {9: 1.0, 10: 1.0, 17: 1.0, 4: 0.31, 24: 0.26},
    "fear": {1: 1.0, 4: 1.0, 20: 1.0, 25: 1.0, 2: 0.57, 5: 0.63, 26: 0.33},
    "happiness": {12: 1.0, 25: 1.0, 6: 0.51},
    "sadness": {4: 1.0, 15: 1.0, 1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67},
    "surprise": {1: 1.0, 2: 1.0, 25: 1.0, 26: 1.0, 5: 0.66},
}


class Style(NamedTuple):
    """One way of showing an emotion.

    Attributes
    ----------
    name : str
    share : float
        Part of the people who show the emotion so.
    units : dict
        Action unit → how often it takes part.
    """

    name: str
    share: float
    units: dict[int, float]


# fmt: off
STYLES: dict[str, tuple[Style, ...]] = {
    "anger": (
        Style("pressed", 0.8, {4: 0.95, 5: 0.85, 7: 0.5, 9: 0.5, 10: 0.15, 15: 0.2, 17: 0.55,
                               20: 0.15, 23: 0.45, 24: 0.45, 25: 0.1, 26: 0.1, 28: 0.2}),
        Style("bared", 0.2, {4: 0.95, 5: 0.85, 7: 0.5, 9: 0.5, 10: 0.4, 16: 0.2, 17: 0.4,
                             20: 0.2, 22: 0.1, 23: 0.3, 25: 1.0, 26: 0.4, 29: 0.1}),
    ),
    "disgust": (
        Style("nose", 0.7, {4: 0.85, 6: 0.7, 7: 0.8, 9: 0.8, 10: 0.15, 15: 0.55, 17: 0.6,
                            20: 0.3, 24: 0.15, 43: 0.2}),
        Style("open", 0.3, {4: 0.8, 6: 0.65, 7: 0.75, 9: 0.65, 10: 0.5, 15: 0.4, 16: 0.4,
                            20: 0.3, 25: 1.0, 26: 0.7, 43: 0.2}),
    ),
    "fear": (
        Style("stretched", 0.5, {1: 0.6, 2: 0.45, 4: 0.75, 5: 0.7, 7: 0.25, 15: 0.2, 20: 0.85,
                                 25: 0.5, 26: 0.35}),
        Style("gaping", 0.5, {1: 0.6, 2: 0.55, 4: 0.55, 5: 0.75, 7: 0.15, 10: 0.15, 15: 0.1,
                              20: 0.2, 25: 0.6, 26: 0.6}),
    ),
    "happiness": (
        Style("closed", 0.4, {6: 0.65, 12: 1.0, 14: 0.15, 17: 0.1, 20: 0.2, 24: 0.1}),
        Style("open", 0.6, {6: 0.75, 10: 0.15, 12: 1.0, 20: 0.35, 25: 1.0, 26: 0.5}),
    ),
    "sadness": (
        Style("brow", 0.5, {1: 0.4, 4: 0.9, 6: 0.5, 7: 0.65, 15: 0.4, 17: 0.35, 20: 0.1,
                            43: 0.25, 64: 0.1}),
        Style("mouth", 0.5, {1: 0.3, 4: 0.8, 6: 0.5, 7: 0.55, 11: 0.15, 15: 0.6, 17: 0.55,
                             20: 0.2, 24: 0.2, 25: 0.1, 43: 0.25, 64: 0.1}),
    ),
    "surprise": (
        Style("gaping", 0.5, {1: 0.9, 2: 0.85, 5: 0.8, 22: 0.1, 25: 1.0, 26: 0.4, 27: 0.6}),
        Style("mild", 0.5, {1: 0.9, 2: 0.85, 5: 0.7, 18: 0.2, 25: 0.8, 26: 0.7}),
    ),
}
# fmt: on

#: Part of the expressions that follow the Guide's combinations, and the frequencies of Du et al.
GUIDE_SHARE = 0.08
FREQUENT_SHARE = 0.07

#: Second emotions of the compounds that Du et al. found to be shown consistently.
COMPOUNDS: dict[str, tuple[str, ...]] = {
    "anger": ("sadness", "fear", "surprise", "disgust"),
    "disgust": ("happiness", "sadness", "fear", "anger", "surprise"),
    "fear": ("sadness", "anger", "surprise", "disgust"),
    "happiness": ("surprise", "disgust"),
    "sadness": ("fear", "anger", "surprise", "disgust"),
    "surprise": ("happiness", "sadness", "fear", "anger", "disgust"),
}

#: Mouths of speech as shapes with their weights, one for each group of MPEG-4 visemes.
VISEMES: dict[str, dict[str, float]] = {
    "open": {"jawOpen": 0.45, "mouthLowerDown_": 0.2},
    "spread": {"mouthStretch_": 0.4, "mouthLowerDown_": 0.5, "jawOpen": 0.08},
    "round": {"mouthPucker": 0.8, "mouthFunnel": 0.2},
    "half_round": {"mouthFunnel": 0.6, "jawOpen": 0.2},
    "closed": {"mouthPress_": 0.4, "mouthRollLower": 0.4, "mouthRollUpper": 0.3},
    "lip_to_teeth": {"mouthRollLower": 0.5, "mouthUpperUp_": 0.3, "jawOpen": 0.05},
    "teeth": {"mouthLowerDown_": 0.5, "mouthUpperUp_": 0.3, "mouthFunnel": 0.3},
    "tongue": {"jawOpen": 0.15, "mouthLowerDown_": 0.3, "mouthUpperUp_": 0.2},
}

__all__ = [
    "COMPOUNDS",
    "FREQUENT",
    "FREQUENT_SHARE",
    "GUIDE",
    "GUIDE_SHARE",
    "SHAPES",
    "STYLES",
    "TOGETHER",
    "VISEMES",
    "Style",
]
