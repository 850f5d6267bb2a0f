"""Identity, emotion and intensity of a face apart, from its 68 landmarks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.checks import as_faces
from calibration.estimate import (
    FAR,
    TOO_FAR,
    ExpressionEstimate,
    FaceTooFarError,
    FarFaceWarning,
)
from calibration.faces import FrontalFaces
from calibration.gaussian import Array
from calibration.model_file import read_model, write_model
from calibration.population import Parts, Population
from calibration.pose import Frame

SHIPPED = Path(__file__).with_name("expression_model.npz")
_CHUNK = 512  # faces whose working arrays fit into a cache


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
        self,
        emotions: tuple[str, ...],
        frame: Frame,
        populations: list[Population],
        config: dict[str, Any] | None = None,
    ) -> None:
        self.emotions = tuple(emotions)
        self.frame = frame
        self.populations = populations
        self.config = dict(config or {})

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
        arrays = {
            f"frame.{part}": getattr(self.frame, part)
            for part in ("mean", "depth", "gauge", "first")
        }
        for population in self.populations:
            for field, value in population.parts._asdict().items():
                arrays[f"{population.name}.{field}"] = value
        write_model(
            Path(path),
            arrays,
            {
                "emotions": list(self.emotions),
                "config": self.config,
                "populations": [population.name for population in self.populations],
            },
        )

    @classmethod
    def fit(
        cls,
        landmarks: ArrayLike,
        emotion: ArrayLike,
        person: ArrayLike,
        intensity: ArrayLike | None = None,
        *,
        prior: ExpressionModel | None = None,
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
            What to call these people in the model; people of that name in `prior` are replaced.

        Raises
        ------
        ValueError
            Arrays do not fit together; a face is none; fewer than four people have a neutral
            face; an emotion is unknown to `prior`; no emotion has eight faces; `name` belongs to
            the shipped model.

        Notes
        -----
        The median of an emotion's `intensity` becomes strength 1.

        With `prior`, other faces are read as they were: a face counts as one of the new people
        only where its landmarks lie where at most one in a hundred of known faces has them, in
        directions no expression reaches. That is so when the new landmarks were placed by
        another method than the known ones; new people whose landmarks were placed alike are
        mostly read as what `prior` knows.
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
        points, single = as_faces(landmarks, "landmarks")
        given = None if neutral is None else self._neutral(neutral, len(points))
        parts = [
            self._estimate(
                points[start : start + _CHUNK], _part(given, slice(start, start + _CHUNK))
            )
            for start in range(0, len(points), _CHUNK)
        ]
        values: Any = [np.concatenate(part) for part in zip(*parts, strict=True)]
        if single:
            values = [v[0] if v.ndim > 1 else float(v[0]) for v in values]
        return ExpressionEstimate(self.emotions, *values)

    def _estimate(self, points: Array, neutral: Array | None) -> tuple[Array, ...]:
        """Fields of `ExpressionEstimate` for a batch."""
        faces = FrontalFaces(self.frame, self.populations, points, neutral)
        probability, unnamed = faces.recognised()
        strength = faces.strengths()
        intensity = faces.shown_strength(probability, unnamed, strength)
        zero = faces.own
        if zero is None:
            shown = np.where(unnamed > 0.5, len(self.emotions), probability.argmax(1))
            zero = faces.along_paths(shown, np.zeros(len(points)))
        pose = faces.pose
        return (
            probability,
            unnamed.astype(np.float64),
            np.maximum(intensity, 0.0),
            np.maximum(strength[:, :-1], 0.0),
            points + faces.in_image(zero),
            faces.distances().max(0),
            np.rad2deg(pose.yaw),
            np.rad2deg(pose.pitch),
            np.rad2deg(np.angle(pose.similarity)),
        )

    def intensify(
        self,
        landmarks: ArrayLike,
        intensity: ArrayLike = 1.0,
        emotion: Any = None,
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
            the model does not know, or points or neutral too far from any face
            (`FaceTooFarError`).

        Notes
        -----
        Without `neutral`, raising and lowering an emotion again gives the face back.
        """
        points, single = as_faces(landmarks, "landmarks")
        count = len(points)
        wanted = self._intensity(intensity, count)
        named = None if emotion is None else self._emotion(emotion, count)
        if named is not None:
            wanted, named = np.where(named < 0, 0.0, wanted), np.maximum(named, 0)
        given = None if neutral is None else self._neutral(neutral, count)
        moved = np.empty_like(points)
        for part, faces in self._chunks(points, given):
            target = faces.turned(wanted[part], None if named is None else named[part])
            moved[part] = points[part] + faces.in_image(target)
        return moved[0] if single else moved

    def calibrate_to_gold(
        self,
        landmarks: ArrayLike,
        gold: ArrayLike,
        gold_neutral: ArrayLike | None = None,
        neutral: ArrayLike | None = None,
        intensity: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """The face with the expression of a gold face, not with the gold person's features.

        Parameters
        ----------
        landmarks : (68, 2) or (B, 68, 2) array_like
        gold : (68, 2) array_like
            Another (or the same) person's face with the wanted expression.
        gold_neutral, neutral : array_like, optional
            Neutral faces of the two people, where known.
        intensity : float or (B,) array_like, optional
            Intensity of the result; by default that of the gold face.

        Returns
        -------
        moved : (68, 2) or (B, 68, 2) float array

        Raises
        ------
        ValueError
            As `intensify`; or the gold face shows too little to be scaled to `intensity`.
        """
        gold_points, one = as_faces(gold, "gold")
        if not one:
            raise ValueError(f"gold: expected one face (68, 2), got {gold_points.shape}")
        points, single = as_faces(landmarks, "landmarks")
        count = len(points)
        wanted = None if intensity is None else self._intensity(intensity, count)
        given = None if gold_neutral is None else self._neutral(gold_neutral, 1, "gold_neutral")
        own = None if neutral is None else self._neutral(neutral, count)
        [(_, shower)] = self._chunks(gold_points, given, ("gold", "gold_neutral"))
        shown = shower.recognised()[0].argmax(1)
        strength = float(shower.strengths()[0, shown[0]])
        zero = shower.along_paths(shown, np.zeros(1)) if shower.own is None else shower.own
        displacement = np.broadcast_to(shower.frontal - zero, (count, 136))
        if wanted is not None:
            if strength < 0.1:
                raise ValueError(
                    f"gold: its expression has intensity {strength:.2f}; at least "
                    f"0.1 is needed to scale it to {wanted.max():g}"
                )
            displacement = displacement * (wanted / strength)[:, None]
        moved = np.empty_like(points)
        for part, faces in self._chunks(points, own):
            size = len(faces.frontal)
            bare = faces.turned(np.zeros(size), np.repeat(shown, size))
            moved[part] = points[part] + faces.in_image(bare + displacement[part])
        return moved[0] if single else moved

    def _chunks(
        self,
        points: Array,
        neutral: Array | None,
        roles: tuple[str, str] = ("landmarks", "neutral"),
    ) -> Iterator[tuple[slice, FrontalFaces]]:
        """Rows and their faces; after the last, a warning of the farthest face."""
        farthest = (0.0, "")
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            faces = FrontalFaces(
                self.frame, self.populations, points[part], _part(neutral, part), roles
            )
            farthest = max(farthest, faces.farthest(start if len(points) > 1 else None))
            if farthest[0] > TOO_FAR:
                raise FaceTooFarError(farthest[1])
            yield part, faces
        if farthest[0] > FAR:
            warnings.warn(farthest[1], FarFaceWarning, stacklevel=3)

    def _neutral(self, value: ArrayLike, count: int, name: str = "neutral") -> Array:
        points, _ = as_faces(value, name)
        if len(points) not in (1, count):
            raise ValueError(f"{name}: expected one face or {count}, got {len(points)}")
        return points

    def _intensity(self, value: ArrayLike, count: int) -> Array:
        given = np.asarray(value)
        if given.dtype.kind not in "fiu" or given.shape not in ((), (count,)):
            raise ValueError(
                f"intensity: expected a number or {count} of them, got {given.dtype} "
                f"of shape {given.shape}"
            )
        wanted = given.astype(np.float64)
        if not (np.isfinite(wanted) & (wanted >= 0)).all():
            raise ValueError(f"intensity: expected finite numbers of 0 or more, got {wanted}")
        return np.broadcast_to(wanted, count)

    def _emotion(self, value: Any, count: int) -> Array:
        """Indices (count,) of emotions; -1 is neutral."""
        names = np.atleast_1d(np.asarray(value))
        known = {**{name: k for k, name in enumerate(self.emotions)}, "neutral": -1}
        if names.ndim != 1 or len(names) not in (1, count):
            raise ValueError(
                f"emotion: expected a name or {count} of them, got shape {names.shape}"
            )
        unknown = [str(name) for name in names if str(name) not in known]
        if unknown:
            raise ValueError(f"unknown emotion {unknown[0]!r}: the model knows {', '.join(known)}")
        return np.broadcast_to([known[str(name)] for name in names], count)


def _part(neutral: Array | None, rows: slice) -> Array | None:
    """Neutral faces of some rows; a single one is everyone's."""
    return neutral if neutral is None or len(neutral) == 1 else neutral[rows]
