"""From faces to what is known of them: rulers, mixtures and paths of a population."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calibration.gaussian import Array, observation
from calibration.paths import fit_path
from calibration.population import Parts

#: Sizes of what is stored: directions of displacement, modes of a path, modes of any face.
DIRECTIONS, MODES, TYPICAL = 44, 12, 48
#: Least variance of a coordinate, about 0.1 % of the eye-corner distance.
_FLOOR = 1e-6


class Component(NamedTuple):
    """One Gaussian of displacements (136,) at strength 1; `emotion` E means no name."""

    emotion: int
    weight: float
    mean: Array
    covariance: Array


class Lesson(NamedTuple):
    """What one source of faces teaches, in the frontal frame.

    Attributes
    ----------
    faces : (n, 136) float array
        Faces of any expression.
    neutral : (136,) float array
        Mean neutral face.
    identity : (136, 136) float array
        Covariance of neutral faces, noise of the landmarks included.
    repeats : (136, 136) float array
        Covariance of the difference of two photographs of the same face.
    components : list of Component
    own_ruler, ruler : (E + 1, 136) float arrays
        See `calibration.population.Parts`.
    rest_bias : float
    path_style : float
        Share of the style's covariance that paths follow; less than 1 where it is known to hold
        more than style, such as differences in intensity that ratings do not tell.
    """

    faces: Array
    neutral: Array
    identity: Array
    repeats: Array
    components: list[Component]
    own_ruler: Array
    ruler: Array
    rest_bias: float
    path_style: float


def pooled(components: list[Component], emotion: int) -> tuple[Array, Array]:
    """Mean and covariance of one emotion's displacement over its components."""
    mine = [c for c in components if c.emotion == emotion]
    weight = np.array([c.weight for c in mine])
    weight = weight / weight.sum()
    mean = sum(w * c.mean for w, c in zip(weight, mine, strict=True))
    covariance = sum(
        w * (c.covariance + np.outer(c.mean - mean, c.mean - mean))
        for w, c in zip(weight, mine, strict=True)
    )
    return np.asarray(mean), np.asarray(covariance)


def strength_ruler(shown: Array, strength: Array, noise: Array | None = None) -> Array:
    """Linear functional (136,) that best reads `strength` (n,) off displacements (n, 136).

    Parameters
    ----------
    shown : (n, 136) float array
        Zero must read zero: no constant is fitted.
    strength : (n,) float array
    noise : (136, 136) float array, optional
        Covariance to add, where `shown` has too little noise of its own.
    """
    moment = shown.T @ shown / len(shown) + _FLOOR * np.eye(shown.shape[1])
    if noise is not None:
        moment = moment + noise
    return np.linalg.solve(moment, shown.T @ strength / len(shown))


def contrast_ruler(shown: Array, strength: Array, noise: Array, level: float = 0.06) -> Array:
    """Like `strength_ruler`, but led by differences between faces of one emotion.

    With ratings as `strength`, faces that all show the emotion must be ordered; that they show
    it at all, which a plain fit would mostly answer, counts only `level`.
    """
    mean, middle = shown.mean(0), strength.mean()
    off, part = shown - mean, strength - middle
    moment = off.T @ off / len(shown) + level * np.outer(mean, mean) + noise
    moment += 3e-4 * np.eye(shown.shape[1])
    ruler = np.linalg.solve(moment, off.T @ part / len(shown) + level * middle * mean)
    return ruler * middle / (ruler @ mean)


def assemble(lesson: Lesson) -> Parts:
    """All arrays of a population but its membership, which takes the others to compare with."""
    components = lesson.components
    total = sum(c.weight for c in components)
    moment = sum(c.weight / total * (c.covariance + np.outer(c.mean, c.mean)) for c in components)
    basis = np.linalg.eigh(moment)[1][:, ::-1][:, :DIRECTIONS]
    own_observe, own_noise = observation(lesson.repeats + _FLOOR * np.eye(136), basis)
    observe, noise = observation(lesson.identity + _FLOOR * np.eye(136), basis)
    paths, displacement = [], []
    for emotion in range(len(lesson.ruler)):
        mean, style = pooled(components, emotion)
        displacement.append(mean)
        paths.append(
            fit_path(
                mean,
                lesson.path_style * style,
                lesson.identity + 1e-7 * np.eye(136),
                lesson.ruler[emotion],
                MODES,
            )
        )
    ruler, read, write, spread = (np.stack(part) for part in zip(*paths, strict=True))
    # Few faces leave directions open in which other people will differ from them.
    known = len(lesson.faces) / (len(lesson.faces) + 200)
    seen = known * np.cov(lesson.faces.T) + (1 - known) * (lesson.identity + 0.5 * moment)
    values, vectors = np.linalg.eigh(seen + lesson.repeats)
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[TYPICAL:130]
    return Parts(
        mean=lesson.neutral,
        basis=basis,
        weights=np.array([c.weight / total for c in components]),
        emotion=np.array([c.emotion for c in components]),
        centres=np.array([c.mean @ basis for c in components]),
        covariances=np.array(
            [basis.T @ c.covariance @ basis + 1e-7 * np.eye(basis.shape[1]) for c in components]
        ),
        own_observe=own_observe,
        own_noise=own_noise,
        observe=observe,
        noise=noise,
        own_ruler=lesson.own_ruler,
        rest_bias=np.array(lesson.rest_bias),
        displacement=np.stack(displacement),
        ruler=ruler,
        read=read,
        write=write,
        spread=spread,
        membership=np.zeros(137),
        typical=(vectors[:, :TYPICAL] / np.sqrt(values[:TYPICAL])).T,
        remainder=np.sqrt(max(rest.mean(), _FLOOR)),
    )


def memberships(lessons: list[Lesson], parts: list[Parts]) -> list[Parts]:
    """Parts with the linear scores that tell the populations apart.

    Fisher's discriminant in the space that no displacement of any population reaches, so that
    turning an expression up or down never changes where a face belongs.
    """
    if len(parts) == 1:
        return parts
    unreached = _unreached(parts)
    seen = [lesson.faces @ unreached for lesson in lessons]
    within = np.mean([np.cov(s.T) for s in seen], 0) + 1e-5 * np.eye(unreached.shape[1])
    scored = []
    for one, own in zip(parts, seen, strict=True):
        direction = np.linalg.solve(within, own.mean(0))
        score = np.append(unreached @ direction, -0.5 * own.mean(0) @ direction)
        scored.append(one._replace(membership=score))
    return scored


def membership_beside(lesson: Lesson, known: list[Lesson], parts: list[Parts]) -> Array:
    """Membership of a few new people beside known populations, whose own scores stay.

    A face is theirs only when it is clearly so: no more than one in a hundred of anyone's
    typical faces, since so few people differ from a population by their identity alone.

    Parameters
    ----------
    lesson : Lesson
        What the new people taught.
    known : list of Lesson
    parts : list of Parts
        The new people's, then those of `known`.
    """
    unreached = _unreached(parts)
    older = np.stack([part.membership for part in parts[1:]])

    def scores(faces: Array) -> Array:
        return faces @ older[:, :-1].T + older[:, -1]

    nearest = int(scores(lesson.faces).mean(0).argmax())
    seen = [one.faces @ unreached for one in known]
    within = np.mean([np.cov(s.T) for s in seen], 0) + 1e-5 * np.eye(unreached.shape[1])
    apart = (lesson.faces @ unreached).mean(0) - seen[nearest].mean(0)
    score = older[nearest] + np.append(unreached @ np.linalg.solve(within, apart), 0.0)
    lead = [one.faces @ score[:-1] + score[-1] - scores(one.faces).max(1) for one in known]
    score[-1] -= max(float(np.percentile(ahead, 99)) for ahead in lead)
    return score


def _unreached(parts: list[Parts]) -> Array:
    """Directions (136, m) that no displacement of any population reaches."""
    reached = np.concatenate(
        [np.concatenate([p.basis.T, p.displacement, p.write.reshape(-1, 136)]) for p in parts]
    )
    values, vectors = np.linalg.eigh(reached.T @ reached)
    return vectors[:, values < 1e-4 * values[-1]]
