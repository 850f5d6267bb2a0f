"""What is asked of a face, and the landmarks that this asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.estimate import ExpressionEstimate
from calibration.expression import ExpressionModel
from calibration.faces import FrontalFaces
from calibration.procrustes import align_similarity
from gan.editor.likely import Way, own_way, rendered_way, ways
from landmarks import scheme
from landmarks.errors import InputError, PointsError
from landmarks.metrics import inter_ocular_distance

Array = NDArray[np.float64]

LARGEST = 2.0
"""Intensity above which nothing is asked for: twice the full expression."""

MOST = 2.5
"""Request above which nothing is requested of most emotions."""

HARDLY = 0.1
"""Intensity below which a face shows too little to be turned up, or to be taken over scaled."""

_FOLLOWED = {
    "anger": 0.55,
    "disgust": 0.47,
    "fear": 0.55,
    "happiness": 0.7,
    "sadness": 0.35,
    "surprise": 0.65,
}
# How far a predictor follows what is done to a face: rise of the reading for one of the request,
# about as the median of ten validation faces; of sadness that was 0.2, and spread most.
_MOST_OF = {"disgust": 1.8, "sadness": 4.0}
# Largest requests, where they are not `MOST`. Sadness moves landmarks least, and is
# followed least; of more disgust a face is squeezed, and another person's.
_NOT_NEUTRAL = 0.5
# From which intensity on a face that is given as neutral is doubted.
_UNLIKELY, _CLEAR = 0.01, 0.3
# A face with so little of the wanted emotion and so much of another shows that other one.
_FULL = 0.95
# From which share of an expression on a face seems to show all of it.
_BELOW = 0.5
# Landmarks below neutral go on as they came down over this intensity.
_ELSEWHERE, _LARGER, _TURNED = 0.5, 1.6, 25.0
# How far wanted landmarks may be from the face: inter-ocular distances, a ratio, degrees.


@dataclass(frozen=True)
class Wish:
    """What is asked of faces.

    Attributes
    ----------
    emotion : str or None
        What to show. None, without `gold` and `landmarks`, is the face's own expression.
    intensity : float or None
        0 neutral, 1 full, at most 2; None is 1, or as strong as `gold` shows it.
    gold : (68, 2) float array or None
        Another face whose expression is taken over.
    landmarks : (68, 2) float array or None
        Wanted landmarks in pixels of the photograph.

    Raises
    ------
    InputError
        Two wishes at once, an intensity outside of 0…2, or no 68 finite points.
    """

    emotion: str | None = None
    intensity: float | None = None
    gold: Any = None
    landmarks: Any = None

    def __post_init__(self) -> None:
        asked = [n for n in ("emotion", "gold", "landmarks") if getattr(self, n) is not None]
        if len(asked) > 1:
            raise InputError(f"{' and '.join(asked)} are given: expected one of them")
        if self.intensity is not None:
            check_intensity(self.intensity)
            if self.landmarks is not None:
                raise InputError("landmarks tell the whole face: expected no intensity beside them")
        for name in ("gold", "landmarks"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, as_face(getattr(self, name), name))


def check_emotion(emotion: Any, model: ExpressionModel) -> None:
    """Refuse what is neither an emotion of the model nor neutral.

    Raises
    ------
    InputError
    """
    known = (*model.emotions, "neutral")
    if emotion is not None and emotion not in known:
        raise InputError(f"unknown emotion {emotion!r}: expected one of {', '.join(known)}")


def check_intensity(intensity: Any) -> None:
    """Refuse what is no number from 0 to 2.

    Raises
    ------
    InputError
    """
    number = isinstance(intensity, (int, float, np.integer, np.floating))
    number = number and not isinstance(intensity, bool)
    if not number or not 0 <= intensity <= LARGEST:
        shown = f"{intensity:g}" if number else repr(intensity)
        raise InputError(
            f"intensity is {shown}: expected 0 (neutral) to {LARGEST:g}; 1 is the full expression"
        )


def as_face(points: ArrayLike, name: str) -> Array:
    """Landmarks as floats.

    Raises
    ------
    PointsError
        Not 68 finite points.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise PointsError(f"{name}: expected ({scheme.COUNT}, 2) numbers") from None
    if array.shape != (scheme.COUNT, 2):
        raise PointsError(f"{name} has shape {array.shape}: expected ({scheme.COUNT}, 2)")
    if not np.isfinite(array).all():
        raise PointsError(f"{name} holds a value that is not finite")
    return array


class Target:
    """A wish for one face.

    Parameters
    ----------
    wish : Wish
    model : ExpressionModel
    source : (68, 2) float array
        The face's landmarks in pixels.
    neutral : (68, 2) float array, optional
        The same person without expression.
    rendered : bool, optional
        No photograph: there, what is read says little of what is shown.
    exact : bool, optional
        The result of a photograph is to show what is asked for. Otherwise a person whose neutral
        face is known goes the way that is likely.

    Attributes
    ----------
    emotion : str or None
        What is shown in the end; None where landmarks are given.
    intensity : float
        What is asked for; 1 where landmarks are given.
    faint : bool
        The gold face shows too little to be scaled; it is taken over as it is.
    note : str
        What the user should know; mostly empty.
    still : float or None
        Request that moves nothing, which is what the face reads, or what it is expected to show
        where that does not decide; None where that is not known.
    followed : float
        Rise of the reading that is to be expected for one of the request.
    most : float
        What is requested at most, where no more is asked for.

    Raises
    ------
    InputError
        An unknown emotion, or wanted landmarks of another face.
    FaceTooFarError
        Points that are no face.
    """

    def __init__(
        self,
        wish: Wish,
        model: ExpressionModel,
        source: Array,
        neutral: Array | None = None,
        rendered: bool = False,
        exact: bool = True,
    ) -> None:
        check_emotion(wish.emotion, model)
        self._wish, self._model, self._source, self._neutral = wish, model, source, neutral
        self.emotion, self.note = wish.emotion, ""
        self.intensity = 1.0 if wish.intensity is None else float(wish.intensity)
        self.faint = False
        if wish.landmarks is not None:
            _check_place(wish.landmarks, source)
        elif wish.gold is not None:
            self.emotion, strength = _shown(model.estimate(wish.gold))
            self.faint = wish.intensity is None and strength < HARDLY
            if wish.intensity is None:
                self.intensity = strength
        elif wish.emotion in (None, "neutral"):
            self.emotion, strength = _shown(model.estimate(source, neutral))
            if wish.emotion == "neutral":
                self.intensity = 0.0
            elif strength < HARDLY < self.intensity:
                self.note = (
                    f"the face shows hardly any expression to turn up (intensity {strength:.2f}): "
                    "name an emotion"
                )
        self.followed = _FOLLOWED.get(self.emotion or "", 1.0)
        self.most = _MOST_OF.get(self.emotion or "", MOST)
        self.still: float | None = None
        if wish.gold is None and wish.landmarks is None:
            self.still = float(self.read(source[None])[0])
        if neutral is not None and self.scalable:
            what, strength = _shown(model.estimate(neutral))
            if strength > _NOT_NEUTRAL:
                self.note = self.note or f"the neutral photograph shows {what} of {strength:.2f}"
        self._way = self._likely(rendered, exact)
        if self._way is not None:
            self.still = self._way.shows
            if neutral is not None and self.still > _FULL:
                self.note = self.note or (
                    f"beside its neutral the face seems to show full {self.emotion} already"
                )
            if neutral is None:
                self.note = self.note or (
                    "the face seems rendered, no photograph: its expression is not corrected by "
                    "what is read"
                )

    def _likely(self, rendered: bool, exact: bool) -> Way | None:
        """The way that true expressions go, where what is read does not decide."""
        if self.still is None or not self.scalable or self.emotion not in ways():
            return None
        source, emotion, still = self._source, ways().index(self.emotion), self.still
        if self._neutral is not None and (rendered or not exact):
            bare = self._model.intensify(source, 0.0, "neutral", self._neutral)
            return own_way(source, bare, emotion, another=self._shows_another())
        if not rendered:
            return None

        def below(part: Array) -> Array:
            # Towards neutral it goes as on photographs, where 0 is no expression; a face that
            # reads less than none stays as it is there.
            if still > 0:
                return self._points(still * part)
            return np.repeat(source[None], len(part), axis=0)

        return rendered_way(source, emotion, still, below)

    def _shows_another(self) -> bool:
        estimate = self._model.estimate(self._source, self._neutral)
        emotion = self._model.emotions.index(self.emotion)
        strongest = float(np.max(estimate.intensities))
        return bool(estimate.probability[emotion] < _UNLIKELY and strongest > _CLEAR)

    @property
    def scalable(self) -> bool:
        """Whether more or less of it can be asked for."""
        return not self.faint and self._wish.landmarks is None and self._wish.emotion != "neutral"

    @property
    def tells(self) -> bool:
        """Whether what is read from the result tells what is to be asked for."""
        return self._way is None

    def points(self, requests: ArrayLike) -> Array:
        """Wanted landmarks at intensities.

        Parameters
        ----------
        requests : (S,) array_like
            Below 0 the landmarks go on beyond neutral; where what is read does not decide, they
            stay at 0.

        Returns
        -------
        wanted : (S, 68, 2) float array
            In pixels of the photograph.
        """
        given = np.asarray(requests, dtype=np.float64)
        if self._way is not None:
            return self._way(given)
        below = np.minimum(given, 0)
        if not below.any():
            return self._points(given)
        neutral, weak = self._points(np.array([0.0, _BELOW]))
        wanted: Array = self._points(given - below)
        return wanted + below[:, None, None] / _BELOW * (weak - neutral)

    def _points(self, given: Array) -> Array:
        repeated = np.repeat(self._source[None], len(given), axis=0)
        if self._wish.landmarks is not None:
            return repeated + given[:, None, None] * (self._wish.landmarks - repeated)
        if self._wish.gold is not None:
            scaled = None if self.faint else given
            return self._model.calibrate_to_gold(
                repeated, self._wish.gold, neutral=self._neutral, intensity=scaled
            )
        if self._wish.emotion == "neutral":
            # The face's own expression turned down: as a named emotion, neutral leaves some of it.
            return self._model.intensify(repeated, np.zeros_like(given), None, self._neutral)
        return self._model.intensify(repeated, given, self._wish.emotion, self._neutral)

    def read(self, found: Array, model: ExpressionModel | None = None) -> NDArray[np.float64]:
        """Intensity that faces show, negative where they show less than the neutral face.

        Parameters
        ----------
        found : (S, 68, 2) float array
            Landmarks of the edited face.
        model : ExpressionModel, optional
            Reads it; left out, the one that asks.

        Returns
        -------
        intensity : (S,) float array
            Of `emotion`; what `ExpressionModel.estimate` tells, which stops at 0, wherever that is
            more.
        """
        model = self._model if model is None else model
        if self.emotion is None:
            return np.asarray(model.estimate(found, self._neutral).intensity)
        own = None if self._neutral is None else self._neutral[None]
        faces = FrontalFaces(model.frame, model.populations, np.asarray(found), own)
        return np.asarray(faces.strengths()[:, model.emotions.index(self.emotion)])


def as_found(model: ExpressionModel) -> ExpressionModel:
    """The model without people whose landmarks were never found in a picture.

    Now and then a found face resembles those: its expression is then misread, and moved several
    times too far.
    """
    found = [p for p in model.populations if p.name == "predictor"] or model.populations
    return ExpressionModel(model.emotions, model.frame, found, model.config)


def _shown(estimate: ExpressionEstimate) -> tuple[str, float]:
    """The most probable emotion of one face, and its intensity."""
    best = int(estimate.probability.argmax())
    return estimate.emotions[best], float(estimate.intensities[best])


def _check_place(wanted: Array, source: Array) -> None:
    """Refuse landmarks that are of another face or another picture."""
    fit = align_similarity(source[scheme.INNER_51], wanted[scheme.INNER_51])
    move = wanted[scheme.INNER_51].mean(axis=0) - source[scheme.INNER_51].mean(axis=0)
    eyes = inter_ocular_distance(source)
    rotation = np.asarray(fit.rotation)
    turn = abs(float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))))
    ratio = max(fit.scale, 1 / fit.scale)
    away = float(np.hypot(*move))
    if away > _ELSEWHERE * eyes or ratio > _LARGER or turn > _TURNED:
        raise InputError(
            f"the wanted landmarks are of another face: {away:.0f} pixels away, {fit.scale:.2f} "
            f"times as large and turned by {turn:.0f}°; expected landmarks of this face in pixels "
            "of the photograph"
        )
