"""What the expression model says about a face, and when it will say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Distance above which a face counts as far from the model, and above which it is refused.
FAR, TOO_FAR = 5.0, 10.0


class FarFaceWarning(UserWarning):
    """A face differs from everything that the model knows; the message has the distance."""


class FaceTooFarError(ValueError):
    """The points are no face that the model could say anything about."""


@dataclass(frozen=True)
class ExpressionEstimate:
    """What one face (or each of a batch of B) shows.

    Attributes
    ----------
    emotions : tuple of str
        Names in the order of the last axis of `probability` and `intensities`.
    probability : (E,) or (B, E) float array
        Of each emotion, given that one of them is shown; sums to 1.
    unnamed : float or (B,) float array
        Probability that the expression is none of these emotions.
    intensity : float or (B,) float array
        0 neutral, 1 the full expression, more is possible; of the shown emotion.
    intensities : (E,) or (B, E) float array
        The ruler: intensity that the face has if it shows this emotion.
    neutral : (68, 2) or (B, 68, 2) float array
        The person's neutral face, in the same image and pose.
    distance : float or (B,) float array
        How far the face is from those that the model knows, in standard deviations (root mean
        square over directions); ordinary faces have about 1. With a given neutral, the larger of
        the two faces' distances.
    yaw, pitch, roll : float or (B,) float array
        Head turn in degrees. Yaw is positive when the nose moves to larger x, pitch when it moves
        up in the image, roll when the image of the face turns clockwise.
    """

    emotions: tuple[str, ...]
    probability: NDArray[np.float64]
    unnamed: Any
    intensity: Any
    intensities: NDArray[np.float64]
    neutral: NDArray[np.float64]
    distance: Any
    yaw: Any
    pitch: Any
    roll: Any

    @property
    def probabilities(self) -> dict[str, Any]:
        """Emotion → probability; a float, or (B,) floats of a batch."""
        columns = self.probability.T.tolist() if self.probability.ndim == 1 else self.probability.T
        return dict(zip(self.emotions, columns, strict=True))

    @property
    def emotion(self) -> Any:
        """Name of the most probable emotion, or an array of B names."""
        best = np.asarray(self.emotions)[self.probability.argmax(-1)]
        return best if self.probability.ndim == 2 else str(best)

    @property
    def far(self) -> Any:
        """Whether `distance` is above the stated limit of 5."""
        return self.distance > FAR
