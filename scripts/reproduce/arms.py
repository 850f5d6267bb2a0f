"""The arms of the experiment on landmarks: what is done to a weak face before it is classified.

Every arm says what it is told. `label known`: the emotion of the very face that is tested, which
no application knows; such a number is an upper bound or a leak, never a result.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import TOO_FAR, FarFaceWarning
from calibration.expression import ExpressionModel
from calibration.polynomial import apply_calibration, calibrate
from calibration.pose import Frame
from scripts.reproduce.photographs import NEUTRAL, Photographs
from scripts.reproduce.protocols import Trials

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

INNER = slice(34, 136)
"""Of 136 coordinates: the 51 points that are not of the jaw, where predictors err most."""


class Arm(NamedTuple):
    """One way to treat a weak face.

    Attributes
    ----------
    title : str
    label, neutral : str
        'known', 'unknown', or '–' where it plays no role.
    """

    title: str
    label: str
    neutral: str


ARMS = {
    "raw": Arm("raw low intensity", "–", "unknown"),
    "raw_own": Arm("raw low intensity, own neutral subtracted", "–", "known"),
    "direction": Arm("direction of the difference to the own neutral", "unknown", "known"),
    "published_label": Arm("published calibration, gold of the true emotion", "known", "unknown"),
    "published": Arm("published calibration, best fitting gold of all", "unknown", "unknown"),
    "ours_label": Arm("our calibration, true emotion told", "known", "unknown"),
    "ours": Arm("our calibration", "unknown", "unknown"),
    "ours_own_label": Arm("our calibration, true emotion told", "known", "known"),
    "ours_own": Arm("our calibration", "unknown", "known"),
    "reading": Arm("our model's own reading, no classifier", "unknown", "known"),
    "ceiling": Arm("true high intensity", "–", "unknown"),
    "ceiling_own": Arm("true high intensity, own neutral subtracted", "–", "known"),
}
CEILINGS = ("ceiling", "ceiling_own")
TARGET = "ours_own"


class Teacher:
    """What the training persons of a fold teach the methods.

    Parameters
    ----------
    found : Photographs
    trials : Trials
    train : (m,) int array
        Trials of training persons.
    emotions : tuple of str

    Notes
    -----
    Our model is fitted to the neutral and full faces of the training persons, with a face model's
    surface as prior. The rest of the shipped model, which was learnt from photographs of people
    who may be in the set, is left out. Where there are too few faces to fit it (`fitted` is
    False), the face model alone is used.
    """

    def __init__(
        self, found: Photographs, trials: Trials, train: Rows, emotions: tuple[str, ...]
    ) -> None:
        self.emotions = emotions
        surface = face_model()
        persons = np.unique(trials.person[train])
        rows = trials.row[train[trials.strong[train]]]
        still = np.flatnonzero((found.emotion == NEUTRAL) & np.isin(found.person, persons))
        seen = np.concatenate([still, rows])
        taught = (found.landmarks, found.emotion, found.person, found.intensity)
        self.fitted = True
        try:
            self.model = ExpressionModel.fit(*(part[seen] for part in taught), prior=surface)
        except ValueError:  # too few faces, or all too far from any that the face model makes
            self.model, self.fitted = surface, False
        frontal = surface.frame.frontal(found.landmarks[rows])[0]
        self.golds = {}
        for emotion in emotions:
            mine = np.flatnonzero(found.emotion[rows] == emotion)
            if len(mine):
                off = frontal[mine] - frontal[mine].mean(axis=0)
                typical = mine[np.linalg.norm(off, axis=1).argmin()]
                self.golds[emotion] = found.landmarks[rows[typical]]
        self.untreated = 0

    def treat(self, arm: str, trials: Trials, rows: Rows) -> Array:
        """The faces (m, 68, 2) of some trials, as an arm leaves them."""
        if arm in CEILINGS:
            return trials.full[rows]
        low = trials.low[rows]
        if arm.startswith("published"):
            told = trials.label[rows] if arm == "published_label" else [None] * len(rows)
            return np.array([self._published(*pair) for pair in zip(low, told, strict=True)])
        if not arm.startswith("ours"):
            return low
        zero = trials.zero[rows] if "own" in arm else None
        names = np.array(self.emotions)[trials.label[rows]] if "label" in arm else None
        return self.intensified(low, zero, names)

    def read(self, trials: Trials, rows: Rows) -> NDArray[np.intp]:
        """The emotion that the expression model itself names, own neutral known."""
        shown = self.model.estimate(trials.low[rows], trials.zero[rows])
        named = [self.model.emotions.index(emotion) for emotion in self.emotions]
        return shown.probability[:, named].argmax(axis=1)

    def knows(self, points: Array, zero: Array | None) -> NDArray[np.bool_]:
        """Whether our model takes points (m, 68, 2) for faces, given neutral ones."""
        near: NDArray[np.bool_] = self.model.estimate(points, zero).distance <= TOO_FAR
        return near

    def intensified(
        self,
        low: Array,
        zero: Array | None,
        names: NDArray | None,
        intensity: Array | float = 1.0,
    ) -> Array:
        """Faces (m, 68, 2) at an intensity; what our model does not know stays as it is."""
        made = low.copy()
        fine = np.flatnonzero(self.knows(low, zero))
        self.untreated += len(low) - len(fine)
        if len(fine):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FarFaceWarning)
                made[fine] = self.model.intensify(
                    low[fine],
                    np.broadcast_to(intensity, len(low))[fine],
                    None if names is None else names[fine],
                    None if zero is None else zero[fine],
                )
        return made

    def _published(self, points: Array, label: int | None) -> Array:
        """Mapped to the gold face of an emotion, or to that which the map fits best."""
        if label is None:
            gold = self.golds[self._best_gold(points)]
        elif self.emotions[label] in self.golds:
            gold = self.golds[self.emotions[label]]
        else:
            return points
        return apply_calibration(*calibrate(None, gold, None, points), points)

    def _best_gold(self, points: Array) -> str:
        """The emotion whose gold face, as a share of its size, the quadratic map misses least."""
        x, y = ((points - points.mean(axis=0)) / points.std()).T
        basis = np.linalg.qr(np.stack([y * y, x * x, x * y, y, x, np.ones_like(x)], axis=1))[0]
        left = {
            name: np.linalg.norm(gold - basis @ (basis.T @ gold), axis=1).mean()
            / np.linalg.norm(gold[36] - gold[45])
            for name, gold in self.golds.items()
        }
        return min(left, key=lambda name: float(left[name]))


def face_model() -> ExpressionModel:
    """What the shipped model knows of a 3-D face model alone, and of no photograph."""
    shipped = ExpressionModel.load()
    return ExpressionModel(shipped.emotions, shipped.frame, shipped.populations[:1])


def features(arm: str, points: Array, zero: Array, frame: Frame) -> Array:
    """What a classifier of landmarks sees (n, 102): upright, unturned, of one size.

    Parameters
    ----------
    arm : str
    points, zero : (n, 68, 2) float arrays
        Faces, and the neutral faces of the same people.
    frame : Frame
    """
    seen = frame.frontal(points)[0]
    if ARMS[arm].neutral == "known":
        seen = seen - frame.frontal(zero)[0]
    seen = seen[:, INNER]
    if arm == "direction":
        seen = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
    return seen
