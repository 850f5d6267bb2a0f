"""Numbers that tell how good placed landmarks are, as pure functions.

Everything is measured in inter-ocular distances of the true face: 0.05 is five percent of the
distance of the outer eye corners. Of a face that was not found all values are NaN and its error is
`inf`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landmarks import metrics, scheme
from landmarks.metrics import FAILED, inter_ocular_distances

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRUSTED = 0.5
"""Trust from which what a network says is taken for a face's landmarks."""

LIPS_CLOSED = 0.02
"""Mean gap of the inner lips, at and beside their middle, up to which lips count as closed."""

EYE_CLOSED = 0.04
"""Mean gap of an eye's lids up to which it counts as closed."""

_LIP_GAPS = ((61, 67), (62, 66), (63, 65))
_LID_GAPS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))


@dataclass(frozen=True)
class Score:
    """Errors of many faces in four numbers, as fractions.

    Attributes
    ----------
    nme, median : float
        Of the faces that were found; NaN if none was.
    auc : float
        Area under the CED up to `FAILED`, divided by it; a lost face adds nothing.
    failures : float
        Share of the faces above `FAILED`; a lost face is one.
    """

    nme: float
    median: float
    auc: float
    failures: float


def summarize(errors: Floats) -> Score:
    """The numbers of (n,) mean errors, n ≥ 1; `inf` stands for a lost face."""
    found = errors[np.isfinite(errors)]
    return Score(
        nme=float(found.mean()) if found.size else float("nan"),
        median=float(np.median(found)) if found.size else float("nan"),
        auc=metrics.area_under_curve(errors, FAILED),
        failures=metrics.failure_rate(errors, FAILED),
    )


def residuals(placed: Floats, truth: Floats) -> Floats:
    """How far points lie from the truth, in the face's own frame.

    Parameters
    ----------
    placed, truth : (n, 68, 2) float arrays
        (x, y) in pixels of the same picture; `placed` is NaN where a face was lost.

    Returns
    -------
    residuals : (n, 68, 2) float array
        Along the line from the right outer eye corner to the left one, and at a right angle to it
        (downwards in an upright face), in inter-ocular distances.

    Notes
    -----
    Invariant to one similarity without mirror applied to both inputs.
    """
    length = inter_ocular_distances(truth)[:, None]
    across = truth[:, scheme.LEFT_OUTER_EYE_CORNER] - truth[:, scheme.RIGHT_OUTER_EYE_CORNER]
    across = across / length
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    axes = np.stack([across, down], axis=2)
    return (placed - truth) @ axes / length[:, :, None]


def mean_offset(found: Floats) -> Floats:
    """(68, 2) means of `residuals` over the faces that were found: where two conventions differ."""
    return np.nanmean(found, axis=0)


def face_errors(found: Floats, points: Sequence[int] | NDArray[np.intp] | None = None) -> Floats:
    """(n,) mean errors over some points, all if None; `inf` where the residuals are NaN."""
    distances = np.linalg.norm(found, axis=2)
    errors = (distances if points is None else distances[:, list(points)]).mean(axis=1)
    return np.where(np.isnan(errors), np.inf, errors)


def lip_gaps(truth: Floats) -> Floats:
    """(n,) mean gaps between the inner lips, in inter-ocular distances."""
    return _gaps(truth, _LIP_GAPS)


def lid_gaps(truth: Floats) -> Floats:
    """(n, 2) mean gaps between the lids, right eye and left eye, in inter-ocular distances."""
    return np.stack([_gaps(truth, pairs) for pairs in _LID_GAPS], axis=1)


def _gaps(truth: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    lengths = [np.linalg.norm(truth[:, a] - truth[:, b], axis=1) for a, b in pairs]
    return np.mean(lengths, axis=0) / inter_ocular_distances(truth)


def feature_groups(truth: Floats) -> dict[str, tuple[Mask, int]]:
    """Points of lips and eyes, apart by whether they are closed in truth.

    Returns
    -------
    groups : dict
        'closed lips', 'open lips', 'closed eyes', 'open eyes' → (n, 68) mask of these points, and
        how many mouths or single eyes there are.
    """
    lips = list(scheme.REGIONS["outer_lips"]) + list(scheme.REGIONS["inner_lips"])
    eyes = [list(scheme.REGIONS[name]) for name in ("right_eye", "left_eye")]
    shut_lips, shut_eyes = lip_gaps(truth) <= LIPS_CLOSED, lid_gaps(truth) <= EYE_CLOSED
    groups = {}
    for word, mouths, lids in (("closed", shut_lips, shut_eyes), ("open", ~shut_lips, ~shut_eyes)):
        mask = np.zeros((len(truth), scheme.COUNT), dtype=bool)
        mask[:, lips] = mouths[:, None]
        groups[f"{word} lips"] = mask, int(mouths.sum())
        mask = np.zeros_like(mask)
        for side, points in enumerate(eyes):
            mask[:, points] = lids[:, side, None]
        groups[f"{word} eyes"] = mask, int(lids.sum())
    return groups


def coverage(found: Floats, radius: Floats, chosen: Mask | None = None) -> float:
    """Share of the truths that lie within the stated radius of their points.

    Parameters
    ----------
    found : (n, 68, 2) float array
        `residuals`.
    radius : (n, 68) float array
        In inter-ocular distances.
    chosen : (n, 68) bool array, optional
        Which points count.

    Returns
    -------
    share : float
        NaN where no point of a face that was found is among them.
    """
    distances = np.linalg.norm(found, axis=2)
    counted = ~np.isnan(distances) if chosen is None else chosen & ~np.isnan(distances)
    return float((distances <= radius)[counted].mean()) if counted.any() else float("nan")


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's ρ of two (n,) arrays; NaN where one of them is constant or n < 2."""
    from scipy.stats import rankdata  # slow to load, and only trust asks for it

    if len(first) < 2:
        return float("nan")
    ranks: list[Any] = [rankdata(values) for values in (first, second)]
    if any(np.ptp(values) == 0 for values in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def separation(high: Floats, low: Floats) -> float:
    """Area under the ROC curve: how often a value of `high` is above one of `low` (ties half).

    NaN where one of them is empty.
    """
    from sklearn.metrics import roc_auc_score  # slow to load, and only trust asks for it

    if not (len(high) and len(low)):
        return float("nan")
    truth = np.concatenate([np.ones(len(high)), np.zeros(len(low))])
    return float(roc_auc_score(truth, np.concatenate([high, low])))
