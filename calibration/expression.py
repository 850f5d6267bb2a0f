"""Identity, emotion and intensity of a face apart, from its 68 landmarks."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.checks import as_points
from calibration.gaussian import Array
from calibration.model_file import read_model, write_model
from calibration.population import Parts, Population
from calibration.pose import Frame, Pose

SHIPPED = Path(__file__).with_name("expression_model.npz")
#: Distance above which a face counts as far from the model, and above which it is refused.
FAR, TOO_FAR = 5.0, 15.0
#: With the own neutral known, a strength below this is none.
_NOTHING = 0.02
#: A wanted emotion is believed to be the shown one unless it is less probable than this …
_CONTRADICTED = 0.01
#: … while the face shows another at least this strongly.
_CLEARLY_SHOWN = 0.3
_CHUNK = 512


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
    intensity : float or (B,) float array
        0 neutral, 1 the full expression, more is possible; of the shown emotion.
    intensities : (E,) or (B, E) float array
        The ruler: intensity that the face has if it shows this emotion.
    neutral : (68, 2) or (B, 68, 2) float array
        The person's neutral face, in the same image and pose.
    distance : float or (B,) float array
        How far the face is from those that the model knows, in standard deviations (root mean
        square over directions); ordinary faces have about 1.
    yaw, pitch, roll : float or (B,) float array
        Head turn in degrees. Yaw is positive when the nose moves to larger x, pitch when it moves
        up in the image, roll when the image of the face turns clockwise.
    """

    emotions: tuple[str, ...]
    probability: NDArray[np.float64]
    intensity: Any
    intensities: NDArray[np.float64]
    neutral: NDArray[np.float64]
    distance: Any
    yaw: Any
    pitch: Any
    roll: Any

    @property
    def probabilities(self) -> dict[str, Any]:
        """Emotion → probability."""
        return {name: self.probability[..., k] for k, name in enumerate(self.emotions)}

    @property
    def emotion(self) -> Any:
        """Name of the most probable emotion, or an array of B names."""
        best = np.asarray(self.emotions)[self.probability.argmax(-1)]
        return best if self.probability.ndim == 2 else str(best)

    @property
    def far(self) -> Any:
        """Whether `distance` is above the stated limit of 5."""
        return self.distance > FAR


@dataclass(frozen=True)
class _View:
    """A batch in the frontal frame: landmarks, pose, population and own neutral of each."""

    points: Array
    frontal: Array
    pose: Pose
    population: Array
    own: Array | None


class ExpressionModel:
    """Tells an expression's emotion and strength, and shows it at another strength.

    Use `load` for the model that ships, `fit` for one from own photographs.

    Parameters
    ----------
    emotions : tuple of str
    frame : Frame
    populations : list of Population
        Each face is treated as one of the population that it resembles most.
    config : dict, optional
        How the model was made.
    """

    def __init__(
        self, emotions: tuple[str, ...], frame: Frame, populations: list[Population],
        config: dict[str, Any] | None = None,
    ) -> None:
        self.emotions = tuple(emotions)
        self.frame = frame
        self.populations = populations
        self.config = dict(config or {})
        self._membership = np.stack([p.parts.membership for p in populations])

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> ExpressionModel:
        """The model that ships, or one that `save` wrote.

        Raises
        ------
        ValueError
            The file is missing, damaged or of a newer version.
        """
        arrays, header = read_model(SHIPPED if path is None else Path(path))
        frame = Frame(*(arrays[f"frame.{part}"] for part in ("mean", "depth", "gauge", "first")))
        populations = [
            Population(name, Parts(**{field: arrays[f"{name}.{field}"] for field in Parts._fields}))
            for name in header["populations"]
        ]
        return cls(tuple(header["emotions"]), frame, populations, header["config"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one ``.npz`` file, whole or not at all."""
        arrays = {f"frame.{part}": getattr(self.frame, part)
                  for part in ("mean", "depth", "gauge", "first")}
        for population in self.populations:
            for field, value in population.parts._asdict().items():
                arrays[f"{population.name}.{field}"] = value
        write_model(Path(path), arrays, {
            "emotions": list(self.emotions), "config": self.config,
            "populations": [population.name for population in self.populations],
        })

    @classmethod
    def fit(
        cls, landmarks: ArrayLike, emotion: ArrayLike, person: ArrayLike,
        intensity: ArrayLike | None = None, *, prior: ExpressionModel | None = None,
        name: str = "own",
    ) -> ExpressionModel:
        """Learn from labelled faces of several people.

        Parameters
        ----------
        landmarks : (n, 68, 2) array_like
            Landmarks in pixels.
        emotion : (n,) array_like of str
            ``"neutral"`` or an emotion.
        person : (n,) array_like
            Who is shown; every person counts only with a neutral face.
        intensity : (n,) array_like, optional
            How strong each expression is, on any scale whose 0 is neutral. Without it every
            expressive face counts as full.
        prior : ExpressionModel, optional
            What is known already, such as ``ExpressionModel.load()``: its frontal frame with
            depth, and its people and emotions beside the given ones. Without it only the given
            faces count, and head turns out of the image plane are not undone.
        name : str, optional
            What to call these people in the model.

        Raises
        ------
        ValueError
            Arrays do not fit together; fewer than four people have a neutral face; an emotion is
            unknown to `prior`; no emotion has eight faces.
        """
        from calibration.fitting import fit_model

        return fit_model(landmarks, emotion, person, intensity, prior, name)

    def estimate(
        self, landmarks: ArrayLike, neutral: ArrayLike | None = None
    ) -> ExpressionEstimate:
        """Emotion, intensity and neutral face.

        Parameters
        ----------
        landmarks : (68, 2) or (B, 68, 2) array_like
            Landmarks (x, y) in pixels, iBUG-68 order.
        neutral : (68, 2) or (B, 68, 2) array_like, optional
            The same person without expression, from any photograph; that face is the zero.

        Returns
        -------
        estimate : ExpressionEstimate

        Raises
        ------
        ValueError
            Wrong shapes, a value that is not finite, or all points in one place.
        """
        points, single = self._points(landmarks, "landmarks")
        given = None if neutral is None else self._neutral(neutral, len(points))
        parts = [self._estimate(points[start : start + _CHUNK],
                                None if given is None else given[start : start + _CHUNK])
                 for start in range(0, len(points), _CHUNK)]
        values: Any = [np.concatenate(part) for part in zip(*parts, strict=True)]
        if single:
            values = [v[0] if v.ndim > 1 else float(v[0]) for v in values]
        return ExpressionEstimate(self.emotions, *values)

    def _estimate(self, points: Array, neutral: Array | None) -> tuple[Array, ...]:
        """Fields of `ExpressionEstimate` for a batch."""
        view = self._view(points, neutral)
        probability, _ = self._recognise(view)
        strength = self._strengths(view)
        if view.own is None:
            shown = probability.argmax(1)
            intensity = np.take_along_axis(strength, shown[:, None], 1)[:, 0]
            zero = self._moved(view, shown, np.zeros(len(points)))
        else:
            intensity = (probability * strength[:, :-1]).sum(1)
            zero = view.own
        change = self.frame.in_image(zero - view.frontal, view.pose)
        return (
            probability, np.maximum(intensity, 0.0), np.maximum(strength[:, :-1], 0.0),
            points + change, self._distance(view), np.rad2deg(view.pose.yaw),
            np.rad2deg(view.pose.pitch), np.rad2deg(np.angle(view.pose.similarity)),
        )

    def intensify(
        self, landmarks: ArrayLike, intensity: ArrayLike = 1.0, emotion: Any = None,
        neutral: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """The same face with its expression at another intensity.

        Parameters
        ----------
        landmarks : (68, 2) or (B, 68, 2) array_like
            Landmarks (x, y) in pixels, iBUG-68 order.
        intensity : float or (B,) array_like, optional
            0 neutral, 1 full, more is a caricature.
        emotion : str or (B,) array_like of str, optional
            What to show. None keeps the face's own expression and only turns it up or down;
            ``"neutral"`` is any emotion at intensity 0. An expression that clearly shows another
            emotion is taken off first.
        neutral : (68, 2) or (B, 68, 2) array_like, optional
            The same person without expression, from any photograph; intensity 0 gives it in the
            pose of `landmarks`.

        Returns
        -------
        moved : (68, 2) or (B, 68, 2) float array
            In the same image: same pose, same person, left and right each as they were.

        Raises
        ------
        ValueError
            Wrong shapes, a value that is not finite, all points in one place, an emotion that
            the model does not know, or points too far from any face (`FaceTooFarError`).

        Notes
        -----
        Without `neutral`, raising and lowering an emotion again gives the face back.
        """
        points, single = self._points(landmarks, "landmarks")
        wanted = np.asarray(intensity, np.float64)
        if wanted.ndim > 1 or wanted.shape not in ((), (len(points),)):
            raise ValueError(f"intensity: expected a number or {len(points)} of them, "
                             f"got shape {wanted.shape}")
        if not np.isfinite(wanted).all():
            raise ValueError("intensity: expected finite numbers")
        wanted = np.broadcast_to(wanted, len(points))
        named = self._emotion(emotion, len(points))
        wanted = np.where(named == -2, 0.0, wanted)
        moved = np.empty_like(points)
        given = None if neutral is None else self._neutral(neutral, len(points))
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            view = self._view(points[part], None if given is None else given[part])
            self._refuse_far(view, start)
            target = self._target(view, wanted[part], np.maximum(named[part], -1))
            moved[part] = points[part] + self.frame.in_image(target - view.frontal, view.pose)
        return moved[0] if single else moved

    def calibrate_to_gold(
        self, landmarks: ArrayLike, gold: ArrayLike, gold_neutral: ArrayLike | None = None,
        neutral: ArrayLike | None = None, intensity: float | None = None,
    ) -> NDArray[np.float64]:
        """The face with the expression of a gold face, not with the gold person's features.

        Parameters
        ----------
        landmarks : (68, 2) or (B, 68, 2) array_like
        gold : (68, 2) array_like
            Another (or the same) person's face with the wanted expression.
        gold_neutral, neutral : array_like, optional
            Neutral faces of the two people, where known.
        intensity : float, optional
            Intensity of the result; by default that of the gold face.

        Returns
        -------
        moved : (68, 2) or (B, 68, 2) float array

        Raises
        ------
        ValueError
            As `intensify`; or the gold face shows too little to be scaled to `intensity`.
        """
        gold_points, one = self._points(gold, "gold")
        if not one:
            raise ValueError(f"gold: expected one face (68, 2), got {gold_points.shape}")
        zero = None if gold_neutral is None else self._neutral(gold_neutral, 1, "gold_neutral")
        gold_view = self._view(gold_points, zero)
        self._refuse_far(gold_view, 0)
        probability, _ = self._recognise(gold_view)
        shown = probability.argmax(1)
        strength = float(self._strengths(gold_view)[0, shown[0]])
        zero = gold_view.own
        if zero is None:
            zero = self._moved(gold_view, shown, np.zeros(1))
        displacement = gold_view.frontal - zero
        if intensity is not None:
            if strength < 0.1:
                raise ValueError(f"gold: its expression has intensity {strength:.2f}; at least "
                                 f"0.1 is needed to scale it to {intensity:g}")
            displacement = displacement * (intensity / strength)
        points, single = self._points(landmarks, "landmarks")
        own = None if neutral is None else self._neutral(neutral, len(points))
        view = self._view(points, own)
        self._refuse_far(view, 0)
        start = self._target(view, np.zeros(len(points)), np.repeat(shown, len(points)))
        change = start + displacement - view.frontal
        moved = points + self.frame.in_image(change, view.pose)
        return moved[0] if single else moved

    def _points(self, value: ArrayLike, name: str) -> tuple[Array, bool]:
        points = as_points(value, name, batch=True)
        if points.shape[-2:] != (68, 2):
            raise ValueError(f"{name}: expected (68, 2) or (B, 68, 2) landmarks in iBUG-68 order, "
                             f"got shape {points.shape}")
        single = points.ndim == 2
        points = points[None] if single else points
        size = np.abs(points - points[:, :1]).max((1, 2))
        flat = size <= 1e-9 * np.maximum(np.abs(points[:, 0]).max(1), 1.0)
        if flat.any():
            which = "" if single else f"face {int(flat.argmax())}: "
            raise ValueError(f"{name}: {which}all 68 points are in one place")
        return points, single

    def _neutral(self, value: ArrayLike, count: int, name: str = "neutral") -> Array:
        points, _ = self._points(value, name)
        if len(points) not in (1, count):
            raise ValueError(f"{name}: expected one face or {count}, got {len(points)}")
        return np.broadcast_to(points, (count, 68, 2))

    def _emotion(self, value: Any, count: int) -> Array:
        """Indices (count,) of emotions; -1 is the face's own, -2 neutral."""
        names = np.atleast_1d(np.asarray("" if value is None else value))
        known = {**{name: k for k, name in enumerate(self.emotions)}, "neutral": -2}
        if value is None:
            known[""] = -1
        if names.ndim != 1 or len(names) not in (1, count):
            raise ValueError(f"emotion: expected a name or {count} of them, "
                             f"got shape {names.shape}")
        unknown = [str(name) for name in names if str(name) not in known]
        if unknown:
            raise ValueError(f"unknown emotion {unknown[0]!r}: the model knows "
                             f"{', '.join((*self.emotions, 'neutral'))}")
        return np.broadcast_to([known[str(name)] for name in names], count)

    def _view(self, points: Array, neutral: Array | None) -> _View:
        both = points
        if neutral is not None:
            both = np.concatenate([points, neutral])
        frontal, pose = self.frame.frontal(both)
        if not np.isfinite(frontal).all():
            raise FaceTooFarError("the points are no face: their size and turn cannot be found")
        own = None if neutral is None else frontal[len(points) :]
        frontal, pose = frontal[: len(points)], Pose(*(part[: len(points)] for part in pose))
        score = (frontal if own is None else own) @ self._membership[:, :-1].T
        return _View(points, frontal, pose, (score + self._membership[:, -1]).argmax(1), own)

    def _each(self, view: _View) -> list[tuple[Population, Any]]:
        """Populations that occur, with the rows of each."""
        rows = [(p, view.population == k) for k, p in enumerate(self.populations)]
        return [(p, mine if not mine.all() else slice(None)) for p, mine in rows if mine.any()]

    def _recognise(self, view: _View) -> tuple[Array, Array]:
        probability = np.empty((len(view.points), len(self.emotions)))
        unnamed = np.empty(len(view.points))
        for population, mine in self._each(view):
            own = None if view.own is None else view.own[mine]
            probability[mine], unnamed[mine] = population.recognise(view.frontal[mine], own)
        return probability, unnamed

    def _strengths(self, view: _View) -> Array:
        strength = np.empty((len(view.points), len(self.emotions) + 1))
        for population, mine in self._each(view):
            own = None if view.own is None else view.own[mine]
            strength[mine] = population.strengths(view.frontal[mine], own)
        return strength

    def _distance(self, view: _View) -> Array:
        distance = np.empty(len(view.points))
        for population, mine in self._each(view):
            distance[mine] = population.distance(view.frontal[mine])
        return distance

    def _refuse_far(self, view: _View, first: int) -> None:
        distance = self._distance(view)
        worst = int(distance.argmax())
        message = (f"face {first + worst} is {distance[worst]:.1f} standard deviations from "
                   f"anything that the model knows (ordinary faces: 1, limit {FAR:g})")
        if distance[worst] > TOO_FAR:
            raise FaceTooFarError(message)
        if distance[worst] > FAR:
            warnings.warn(message, FarFaceWarning, stacklevel=3)

    def _moved(self, view: _View, emotion: Array, strength: Array) -> Array:
        """Frontal faces at another strength on the paths of their emotions, neutral unknown."""
        moved = np.empty_like(view.frontal)
        for k, population in enumerate(self.populations):
            for e in np.unique(emotion):
                mine = (view.population == k) & (emotion == e)
                if mine.any():
                    moved[mine] = population.along_path(view.frontal[mine], int(e), strength[mine])
        return moved

    def _target(self, view: _View, wanted: Array, named: Array) -> Array:
        """Frontal faces at the wanted intensities; `named` -1 is the face's own emotion."""
        own_choice = bool((named < 0).all())
        probability, unnamed = self._recognise(view)
        strength = self._strengths(view)
        shown = np.where(unnamed > 0.5, len(self.emotions), probability.argmax(1))
        rows = np.arange(len(named))
        clear = strength[rows, shown] > _CLEARLY_SHOWN
        asked = np.maximum(named, 0)
        against = (named >= 0) & (probability[rows, asked] < _CONTRADICTED) & clear
        against &= strength[rows, asked] < strength[rows, shown]
        if view.own is None:
            emotion = np.where(named < 0, shown, named)
            if not against.any():
                moved = self._moved(view, emotion, wanted)
                return self._common_zero(view, moved, wanted, emotion, strength[rows, emotion], named)
            bare = np.where(against[:, None], self._moved(view, shown, np.zeros(len(rows))),
                            view.frontal)
            bare_view = _View(view.points, bare, view.pose, view.population, None)
            return self._moved(bare_view, emotion, wanted)
        return self._from_own(view, wanted, named, probability, strength, against, own_choice)

    def _common_zero(
        self, view: _View, moved: Array, wanted: Array, emotion: Array, strength: Array,
        named: Array,
    ) -> Array:
        """Faces turned down without a named emotion, brought to the zero of all emotions.

        At the zero of one emotion another may still be read. Which emotion a face at zero will
        show next is anyone's guess, so it has to be the zero of all of them.
        """
        share = np.where(strength > 0, np.clip(1.0 - wanted / np.maximum(strength, 1e-9), 0, 1),
                         wanted <= 0)
        share = np.where(named < 0, share, 0.0)
        if not share.any():
            return moved
        zero = self._moved(view, emotion, np.zeros(len(wanted)))
        for population, mine in self._each(view):
            moved[mine] -= share[mine, None] * population.readings(zero[mine])
        return moved

    def _from_own(
        self, view: _View, wanted: Array, named: Array, probability: Array, strength: Array,
        against: Array, own_choice: bool,
    ) -> Array:
        assert view.own is not None
        rows = np.arange(len(named))
        mixed = (probability * strength[:, :-1]).sum(1)
        now = np.where(named < 0, mixed, strength[rows, np.maximum(named, 0)])
        shown = view.frontal - view.own
        none = against | (now < _NOTHING)
        now = np.where(none, 0.0, now)
        shown = np.where(none[:, None], 0.0, shown)
        target = np.empty_like(shown)
        for k, population in enumerate(self.populations):
            for e in ([-1] if own_choice else np.unique(named)):
                mine = (view.population == k) & (named == e)
                if not mine.any():
                    continue
                full = population.full_displacement(
                    shown[mine], probability[mine] if e < 0 else None, None if e < 0 else int(e))
                factor = population.rest_factor(view.own[mine])
                factor = ((probability[mine] * factor[:, :-1]).sum(1) if e < 0
                          else factor[:, int(e)])
                more = (wanted[mine] - now[mine]) / factor
                down = np.divide(wanted[mine], now[mine], out=np.zeros(int(mine.sum())),
                                 where=now[mine] > 0)
                target[mine] = np.where((more >= 0)[:, None], shown[mine] + more[:, None] * full,
                                        down[:, None] * shown[mine])
        return view.own + target
