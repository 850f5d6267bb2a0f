"""What the answers on landmarks come to: a row for each arm, and whether the aims are reached."""

from __future__ import annotations

from typing import Any

import numpy as np

from scripts.reproduce.arms import ARMS, CEILINGS, TARGET, face_model
from scripts.reproduce.landmark_road import COLUMNS, Answers
from scripts.reproduce.protocols import PROTOCOLS
from scripts.reproduce.scores import Said, compare, distance, score

GAIN, DISTANCE = 0.40, 0.05
"""Wanted: over raw weak faces, and at most below the ceiling."""


def tabulate(answers: Answers, protocol: str, emotions: tuple[str, ...]) -> dict[str, Any]:
    """All numbers of a protocol.

    Returns
    -------
    table : dict
        JSON's types alone. ``arms``: arm → column → numbers of `scores.score`, with ``over_raw``
        (`scores.compare` with the raw weak faces in the same column, on the same faces).
    """
    trials = answers.trials
    arms: dict[str, Any] = {}
    for arm, told in ARMS.items():
        row: dict[str, Any] = {"title": told.title, "label": told.label, "neutral": told.neutral}
        for column in COLUMNS:
            if (arm, column) not in answers.said:
                continue
            said, raw = answers.said[arm, column], answers.said["raw", column]
            tested = np.flatnonzero(said >= 0)
            label, person = trials.label[tested], trials.person[tested].tolist()
            brief = column != "read"
            row[column] = score(label, said[tested], person, len(emotions), brief=brief)
            if not brief and arm != "raw" and (raw[tested] >= 0).all():
                row[column]["over_raw"] = compare(
                    label, said[tested], raw[tested], person, len(emotions)
                )
        arms[arm] = row
    return {
        "protocol": protocol,
        "told": PROTOCOLS[protocol],
        "emotions": list(emotions),
        "columns": COLUMNS,
        "trials": len(trials.label),
        "weak": int(trials.weak.sum()),
        "persons": len(np.unique(trials.person)),
        "refused_by_model": answers.untreated,
        "unfitted": answers.unfitted,
        "folds": [
            sorted(np.unique(trials.person[answers.fold == k]).tolist())
            for k in range(answers.fold.max() + 1)
        ],
        "arms": arms,
        "aim": _aim(answers, arms, len(emotions)),
        "examples": _examples(answers, emotions),
    }


def _examples(answers: Answers, emotions: tuple[str, ...]) -> list[dict[str, Any]]:
    """For pictures: a face of each of ten persons, by arm, and what was said of it."""
    trials, frame = answers.trials, face_model().frame
    still = frame.frontal(trials.zero[answers.shown])[0]
    return [
        {
            "person": str(trials.person[row]),
            "emotion": emotions[trials.label[row]],
            "neutral": still[place].round(4).tolist(),
            "made": {arm: faces[place].round(4).tolist() for arm, faces in answers.made.items()},
            "said": {
                arm: emotions[answers.said[arm, "read"][row]]
                for arm in answers.made
                if answers.said[arm, "read"][row] >= 0
            },
        }
        for place, row in enumerate(answers.shown)
    ]


def _aim(answers: Answers, arms: dict[str, Any], classes: int) -> dict[str, Any]:
    """Our calibration, nothing known but the own neutral: gain over raw, distance to ceilings.

    The ceiling is the arm of true full faces that does better here.
    """
    trials = answers.trials

    def said(arm: str) -> Said:
        rows = np.flatnonzero(answers.said[arm, "read"] >= 0)
        return Said(trials.label[rows], answers.said[arm, "read"][rows], list(trials.person[rows]))

    ours = said(TARGET)
    best = max(CEILINGS, key=lambda name: float(arms[name]["read"]["accuracy"][0]))
    gains = {name: distance(ours, said(name), classes) for name in ("raw", "raw_own", "direction")}
    below = distance(said(best), ours, classes)
    return {
        "accuracy": arms[TARGET]["read"]["accuracy"],
        "gain": gains,
        "wanted_gain": GAIN,
        "below_ceiling": below,
        "wanted_below_ceiling": DISTANCE,
        "reached": bool(gains["raw"][0] >= GAIN and below[0] <= DISTANCE),
    }
