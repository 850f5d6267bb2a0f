"""Lessons from a face model and from people's own photographs."""

from __future__ import annotations

from collections import Counter

import numpy as np

from calibration.action_units import EMOTIONS, STYLES
from calibration.gaussian import Array
from calibration.learning import Component, Lesson, contrast_ruler, pooled, strength_ruler
from calibration.pose import Frame
from calibration.synthesis import (
    FaceModel,
    photograph,
    sample_displacements,
    sample_identities,
)
from landmarks.scheme import MIRROR

_NOISE = 0.005  # of a landmark's coordinate, as share of the eye-corner distance
_TURN = 12.0  # degrees
_UNNAMED = 0.02  # share of faces whose expression is none of the emotions
_FULL_RATING = 50.0  # percentile of an emotion's ratings that counts as strength 1
_LEAST_PERSONS = 4
_TRUST = 0.5  # weight of photographs against a prior in an emotion that both know


def _flat(faces: Array) -> Array:
    return faces[..., :2].reshape(len(faces), 136)


def frame_of(model: FaceModel, rng: np.random.Generator, count: int = 6000) -> Frame:
    """The frontal frame of a face model."""
    neutral = sample_identities(model, count, rng)
    full = np.concatenate(
        [sample_displacements(model, e, count // len(EMOTIONS), rng)[0] for e in EMOTIONS]
    )
    faces = neutral[: len(full)] + full * rng.uniform(0.0, 1.2, (len(full), 1, 1))
    moved = _flat(full)
    # Expressions weigh more and identity less than they vary: a gauge that follows the
    # expression would spoil every displacement, one that follows the person only its scale.
    covariance = (
        4.0 * moved.T @ moved / len(moved)
        + 0.1 * np.cov(_flat(neutral).T)
        + _NOISE**2 * np.eye(136)
    )
    frame = Frame.fit(model.neutral, np.zeros((136, 68)), covariance)
    off = (_flat(faces) - _flat(model.neutral[None])) @ frame.projection.T
    depth = np.linalg.solve(
        off.T @ off + 2e-3 * len(off) * np.eye(136), off.T @ (faces[..., 2] - model.neutral[:, 2])
    )
    return Frame(frame.mean, depth, frame.gauge, frame.first)


def from_face_model(
    model: FaceModel, frame: Frame, rng: np.random.Generator, count: int = 24000
) -> Lesson:
    """What a face model teaches about people, emotions and their photographs.

    Parameters
    ----------
    model : FaceModel
    frame : Frame
    rng : numpy.random.Generator
    count : int, optional
        Number of sampled people.
    """

    def shoot(faces: Array) -> Array:
        points = photograph(faces, rng, turn=_TURN)
        return frame.frontal(points + _NOISE * rng.standard_normal(points.shape))[0]

    neutral = sample_identities(model, count, rng)
    own = shoot(neutral)
    mean = own.mean(0)
    components, own_ruler, ruler, faces = [], [], [], []
    each = count // (len(EMOTIONS) + 1)
    for index, emotion in enumerate((*EMOTIONS, "other")):
        full, style = sample_displacements(model, emotion, each, rng)
        frontal = _flat(full) @ frame.projection.T
        prior = _UNNAMED if emotion == "other" else (1 - _UNNAMED) / len(EMOTIONS)
        kinds = np.unique(style)
        for kind in kinds:
            mine = frontal[style == kind]
            components.append(Component(index, prior / len(kinds), mine.mean(0), np.cov(mine.T)))
        people = slice(index * each, (index + 1) * each)
        strength = rng.uniform(0.0, 1.2, each)
        shown = shoot(neutral[people] + strength[:, None, None] * full)
        faces.append(shown)
        own_ruler.append(strength_ruler(shown - own[people], strength))
        off = shown - mean
        ruler.append(
            np.linalg.solve(
                np.cov(off.T) + 1e-6 * np.eye(136), off.T @ (strength - strength.mean()) / each
            )
        )
    again = shoot(neutral)
    return Lesson(
        np.concatenate(faces),
        mean,
        np.cov(own.T),
        np.cov((own - again).T),
        components,
        np.stack(own_ruler),
        np.stack(ruler),
        0.0,
        1.0,
    )


def from_photographs(
    frontal: Array,
    emotion: Array,
    person: Array,
    intensity: Array | None,
    names: tuple[str, ...],
    prior: Lesson | None,
    further: Array | None = None,
) -> Lesson:
    """What labelled photographs teach, beside what is known already.

    Parameters
    ----------
    frontal : (n, 136) float array
    emotion : (n,) int array
        Index into `names`; -1 for a neutral face.
    person : (n,) array
    intensity : (n,) float array or None
        Any scale on which 0 is neutral; within an emotion only its order and ratios count.
    names : tuple of str
        The emotions.
    prior : Lesson or None
        Its components stand beside the photographs', its covariances fill up what few people
        leave open.
    further : (m, 136) float array, optional
        Neutral faces of other people, one each, whose expressions are not known.

    Raises
    ------
    ValueError
        Too few people with a neutral face, or too few faces of an intensity above 0.
    """
    person = np.asarray(person).astype(str)
    people = [p for p in np.unique(person) if ((person == p) & (emotion < 0)).any()]
    if len(people) < _LEAST_PERSONS:
        raise ValueError(
            f"{len(people)} of {len(np.unique(person))} persons have a neutral face: at least "
            f"{_LEAST_PERSONS} are needed, because one's own neutral is the zero of intensity"
        )
    if prior is not None:
        # The frame of a face model is symmetric, so a mirrored photograph is one more person.
        twins = np.char.add(person, " mirrored")
        frontal = np.concatenate([frontal, mirrored(frontal)])
        emotion, person = np.tile(emotion, 2), np.concatenate([person, twins])
        intensity = None if intensity is None else np.tile(intensity, 2)
        people += [f"{p} mirrored" for p in people]
        further = None if further is None else np.concatenate([further, mirrored(further)])
    own = {p: frontal[(person == p) & (emotion < 0)].mean(0) for p in people}
    kept = np.isin(person, people)
    frontal, emotion, person = frontal[kept], emotion[kept], person[kept]
    shown = frontal - np.stack([own[p] for p in person])
    neutral = np.stack(list(own.values()))
    repeats = _repeats(shown, emotion, person, prior)
    # So few people leave most directions of identity open; half is taken from elsewhere.
    elsewhere = prior.identity if prior is not None else _pooled_noise(neutral)
    identity = 0.5 * np.cov(neutral.T) + 0.5 * elsewhere
    mean = neutral.mean(0)
    if further is not None:
        # Both groups count the same; what tells them apart is identity, too.
        apart = 0.5 * (further.mean(0) - mean)
        mean = mean + apart
        identity = 0.5 * identity + 0.5 * np.cov(further.T) + np.outer(apart, apart)
    strength = np.ones(len(frontal)) if intensity is None else np.asarray(intensity)[kept]
    off = frontal - mean
    styles, rulers, absolute, counts = {}, {}, {}, Counter(emotion.tolist())
    for e in range(len(names)):
        mine = emotion == e
        if counts[e] < 2 * _LEAST_PERSONS * (1 if prior is None else 2):
            continue
        full = np.percentile(strength[mine], _FULL_RATING)
        if not full > 0:
            raise ValueError(f"intensity: half of the faces of {names[e]!r} or more have 0")
        s = strength[mine] / full
        styles[e] = _style(shown[mine], np.clip(s, 0.1, 1.4) ** 0.8)
        s = np.clip(s, 0.0, 1.4)
        rulers[e] = contrast_ruler(shown[mine], s, 0.5 * repeats)
        absolute[e] = contrast_ruler(off[mine], s, identity)
    if not styles:
        raise ValueError(f"no emotion has {2 * _LEAST_PERSONS} faces of persons with a neutral one")
    components = _beside(styles, repeats, prior, len(names))
    own_ruler, ruler = [], []
    for e in range(len(names) + 1):
        typical, style = pooled(components, e)
        if e in rulers:
            own_ruler.append(0.7 * rulers[e] + 0.3 * absolute[e])
            # Ratings order the faces, the least variance keeps neutral faces at zero.
            ruler.append(0.5 * absolute[e] + 0.5 * _least_variance(typical, style, identity))
            continue
        own_ruler.append(_least_variance(typical, style, repeats))
        ruler.append(_least_variance(typical, style, identity))
    faces = frontal if further is None else np.concatenate([frontal, further])
    return Lesson(
        faces,
        mean,
        identity,
        repeats,
        components,
        np.stack(own_ruler),
        np.stack(ruler),
        0.6 if intensity is not None else 0.0,
        0.3,
    )


def mirrored(frontal: Array) -> Array:
    """Frontal faces (n, 136) with left and right exchanged."""
    points = frontal.reshape(-1, 68, 2)[:, MIRROR] * [-1.0, 1.0]
    return points.reshape(-1, 136)


def _least_variance(displacement: Array, style: Array, noise: Array) -> Array:
    """Functional that reads `displacement` as 1 and varies least over strengths of 0 to 1.2."""
    moment = noise + 0.5 * (style + np.outer(displacement, displacement))
    functional = np.linalg.solve(moment + 1e-6 * np.eye(len(displacement)), displacement)
    return functional / (functional @ displacement)


def _style(shown: Array, strength: Array) -> tuple[Array, Array]:
    """Mean and covariance of displacements at strength 1, from ones at known strengths."""
    square = (strength**2).sum()
    mean = strength @ shown / square
    rest = shown - np.outer(strength, mean)
    return mean, rest.T @ rest / square


def _beside(
    styles: dict[int, tuple[Array, Array]],
    repeats: Array,
    prior: Lesson | None,
    count: int,
) -> list[Component]:
    """Components of the photographs and of the prior, weighted."""
    shared = np.mean([covariance for _, covariance in styles.values()], 0)
    components = []
    for e, (mean, covariance) in styles.items():
        # Few people: an emotion's own covariance is mostly the one that all share.
        values, vectors = np.linalg.eigh(0.2 * covariance + 0.8 * shared - 0.6 * repeats)
        clean = (vectors * np.maximum(values, 1e-6)) @ vectors.T
        weight = (1 - _UNNAMED) / count * (1.0 if prior is None else _TRUST)
        components.append(Component(e, weight, mean, clean))
    if prior is None:
        mean = np.mean([c.mean for c in components], 0)
        wide = np.mean([c.covariance + np.outer(c.mean, c.mean) for c in components], 0)
        return [*components, Component(count, _UNNAMED, mean, wide)]
    for known in prior.components:
        share = 1.0 - _TRUST if known.emotion in styles else 1.0
        components.append(known._replace(weight=known.weight * share))
    return components


def _repeats(shown: Array, emotion: Array, person: Array, prior: Lesson | None) -> Array:
    """Covariance of repeated neutral photographs against their mean."""
    rest = shown[emotion < 0]
    free = len(rest) - len(np.unique(person[emotion < 0]))
    known = prior.repeats if prior is not None else 2 * _NOISE**2 * np.eye(136)
    if free < 1:
        return known
    measured = 1.3 * rest.T @ rest / len(rest)
    share = 0.3 * min(1.0, free / 30)
    return (1.0 - share) * known + share * measured


def _pooled_noise(neutral: Array) -> Array:
    """Identity covariance that few people leave open: equal in all directions."""
    return np.eye(136) * max(float(neutral.var(0).mean()), 2 * _NOISE**2)


__all__ = ["STYLES", "frame_of", "from_face_model", "from_photographs"]
