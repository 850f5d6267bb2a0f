"""Expression models from a face model, from rated photographs, and from people's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.action_units import EMOTIONS
from calibration.checks import as_faces
from calibration.estimate import TOO_FAR, FaceTooFarError
from calibration.expression import ExpressionModel
from calibration.gaussian import Array
from calibration.learning import Component, Lesson, assemble, membership_beside, memberships
from calibration.population import Parts, Population
from calibration.pose import Frame
from calibration.procrustes import generalized_procrustes
from calibration.synthesis import FaceModel
from calibration.teachers import frame_of, from_face_model, from_photographs
from landmarks.scheme import REGIONS

_SHIPPED = ("surface", "predictor")  # populations; a model file's arrays are named after them
_RESERVED = (*_SHIPPED, "frame")


def learn_surface(face_model: FaceModel, seed: int) -> tuple[Frame, Lesson]:
    """Frontal frame and lesson of a face model, the same for the same seed."""
    rng = np.random.default_rng(seed)
    frame = frame_of(face_model, rng)
    return frame, from_face_model(face_model, frame, rng)


def build_model(
    frame: Frame,
    surface: Lesson,
    landmarks: Array,
    emotion: Array,
    person: Array,
    intensity: Array,
    config: dict[str, Any],
    further: Array | None = None,
) -> ExpressionModel:
    """The model that ships: a face model's surface points, and a predictor's on photographs.

    Parameters
    ----------
    frame, surface
        From `learn_surface`.
    landmarks, emotion, person, intensity
        Rated photographs, as for `ExpressionModel.fit`.
    config : dict
        Kept in the model.
    further : (m, 68, 2) float array, optional
        Photographed neutral faces of other people.
    """
    if further is not None:
        further = frame.frontal(np.asarray(further, float))[0]
    frontal = frame.frontal(np.asarray(landmarks, float))[0]
    index = _indices(emotion, EMOTIONS)
    predictor = from_photographs(
        frontal, index, person, intensity, EMOTIONS, surface, further=further
    )
    lessons = [surface, predictor]
    parts = memberships(lessons, [assemble(lesson) for lesson in lessons])
    populations = [Population(name, part) for name, part in zip(_SHIPPED, parts, strict=True)]
    return ExpressionModel(EMOTIONS, frame, populations, config)


def fit_model(
    landmarks: ArrayLike,
    emotion: ArrayLike,
    person: ArrayLike,
    intensity: ArrayLike | None,
    prior: ExpressionModel | None,
    name: str,
) -> ExpressionModel:
    """See `ExpressionModel.fit`."""
    if prior is not None and not isinstance(prior, ExpressionModel):
        raise ValueError(
            f"prior: expected a model, such as ExpressionModel.load(path) gives, got {prior!r}"
        )
    if name in _RESERVED:
        raise ValueError(f"name: {name!r} is taken by the shipped model; choose another")
    points, single = as_faces(landmarks, "landmarks")
    if single:
        raise ValueError("landmarks: expected (n, 68, 2), got one face (68, 2)")
    count = len(points)
    label, who = np.asarray(emotion).astype(str), np.asarray(person)
    strength = None if intensity is None else np.asarray(intensity, np.float64)
    for what, array in (("emotion", label), ("person", who), ("intensity", strength)):
        if array is not None and array.shape != (count,):
            raise ValueError(f"{what}: expected {count}, one per face, got shape {array.shape}")
    if strength is not None:
        wrong = ~np.isfinite(strength) | (strength < 0)
        wrong &= label != "neutral"
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"intensity: row {row} is {strength[row]:g}; expected 0 or more")
    older = [] if prior is None else [p for p in prior.populations if p.name != name]
    found = tuple(sorted(set(label.tolist()) - {"neutral"}))
    if not found:
        raise ValueError("emotion: every face is neutral; nothing to learn an expression from")
    if prior is None:
        names, frame, known = found, _flat_frame(points[label == "neutral"]), None
    else:
        names, frame = prior.emotions, prior.frame
        unknown = sorted(set(found) - set(names))
        if unknown:
            raise ValueError(
                f"unknown emotion {unknown[0]!r}: the prior knows "
                f"{', '.join(names)}; fit without prior to learn others"
            )
        distance = prior.estimate(points).distance
        if distance.max() > TOO_FAR:
            raise FaceTooFarError(
                f"landmarks: face {int(distance.argmax())} is {distance.max():.1f} standard "
                f"deviations from anything that the prior knows (limit {TOO_FAR:g})"
            )
        known = _lesson_of(next((p for p in older if p.name == _SHIPPED[0]), prior.populations[0]))
    frontal = frame.frontal(points)[0]
    lesson = from_photographs(frontal, _indices(label, names), who, strength, names, known)
    part = assemble(lesson)
    if older:
        # The new people are told from the known ones by typical faces drawn from those.
        parts = [part, *(population.parts for population in older)]
        lessons = [_lesson_of(population) for population in older]
        part = part._replace(membership=membership_beside(lesson, lessons, parts))
    return ExpressionModel(names, frame, [*older, Population(name, part)], {"fitted_faces": count})


def _indices(emotion: ArrayLike, names: tuple[str, ...]) -> Array:
    known = {name: k for k, name in enumerate(names)} | {"neutral": -1}
    return np.array([known[str(label)] for label in np.asarray(emotion)])


def _flat_frame(neutral: Array) -> Frame:
    """A frame without depth, for faces of which nothing is known but their neutral images."""
    if len(neutral) < 2:
        raise ValueError(f"{len(neutral)} neutral faces: at least four persons need one")
    mean, aligned = generalized_procrustes(neutral, tangent=True)
    unit = np.linalg.norm(mean[36] - mean[45])
    spread = np.cov((aligned / unit).reshape(len(aligned), 136).T)
    # Eyes and nose hold still; where expressions move points, these must not steer the frame.
    moves = np.full(68, 0.01)
    for region, size in (
        ("jaw", 0.1),
        ("outer_lips", 0.1),
        ("inner_lips", 0.1),
        ("right_brow", 0.05),
        ("left_brow", 0.05),
    ):
        moves[REGIONS[region]] = size
    covariance = 0.1 * spread + np.diag(np.repeat(moves**2, 2))
    face = np.concatenate([mean / unit, np.zeros((68, 1))], 1)
    return Frame.fit(face, np.zeros((136, 68)), covariance)


def _lesson_of(population: Population) -> Lesson:
    """A lesson that a population could have been made from, for fitting beside it."""
    parts = Parts(*(np.asarray(part, np.float64) for part in population.parts))
    basis = parts.basis
    back = np.linalg.pinv(parts.typical)
    rng = np.random.default_rng(0)
    faces = rng.standard_normal((2000, 136)) * float(parts.remainder)
    faces -= faces @ (back @ parts.typical).T
    faces += parts.mean + rng.standard_normal((2000, len(parts.typical))) @ back.T
    identity = np.linalg.pinv(parts.observe) @ parts.noise @ np.linalg.pinv(parts.observe).T
    repeats = np.linalg.pinv(parts.own_observe) @ parts.own_noise
    repeats = repeats @ np.linalg.pinv(parts.own_observe).T
    level = float(parts.remainder) ** 2 * np.eye(136)
    components = [
        Component(int(e), float(w), basis @ m, basis @ c @ basis.T)
        for e, w, m, c in zip(
            population.emotion, parts.weights, parts.centres, parts.covariances, strict=True
        )
    ]
    return Lesson(
        faces,
        parts.mean,
        identity + level,
        repeats + 0.1 * level,
        components,
        parts.own_ruler,
        parts.ruler,
        float(parts.rest_bias),
        1.0,
    )
