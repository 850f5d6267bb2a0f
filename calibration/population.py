"""What is known of one kind of faces: the people, and the way their landmarks were placed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calibration.gaussian import Array, DialPosterior, ScaleFree
from calibration.paths import settle_path, stretch

_STRENGTHS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3, 1.5])
#: A displacement is recognised at any size; its noise counts as at this strength.
_RECOGNISED_AT = 0.5
#: A neutral face resembles an emotion by no more than this strength.
_LARGEST_BIAS = 0.5
_POSE = 6  # directions that the frontal frame has taken off


def _strength_prior() -> Array:
    """Flat up to full strength, then falling: few faces show more than the full emotion."""
    prior = np.gradient(_STRENGTHS) * np.where(
        _STRENGTHS <= 1, 1.0, np.exp(-2.0 * (_STRENGTHS - 1))
    )
    return prior / prior.sum()


class Parts(NamedTuple):
    """Arrays of a population, as stored in a model file. E emotions, one more for no name.

    Attributes
    ----------
    mean : (136,) float array
        Mean neutral face in the frontal frame.
    basis : (136, D) float array
        Directions of displacement that matter.
    weights, emotion : (K,) float, int arrays
        Components of the displacement's distribution and the emotion of each; E: no name.
    centres, covariances : (K, D), (K, D, D) float arrays
    own_observe, own_noise : (D, 136), (D, D) float arrays
        Coefficients of a displacement from the person's own neutral, and their noise.
    observe, noise : (D, 136), (D, D) float arrays
        The same from the mean face, when the own neutral is not known.
    own_ruler : (E + 1, 136) float array
        Reads the strength off a displacement from the own neutral.
    rest_bias : () float array
        How much stronger a displacement looks on a face that resembles the emotion at rest.
    displacement, ruler : (E + 1, 136) float arrays
        Mean displacement at strength 1, and the functional that reads strength without neutral.
    read, write : (E + 1, m, 136) float arrays
    spread : (E + 1, m) float array
        Modes of the paths, see `calibration.paths`.
    membership : (137,) float array
        Linear score of belonging here, read off what no expression changes; the last is added.
    typical : (r, 136) float array
        Whitening of faces of any expression: rows read coefficients of variance 1.
    remainder : () float array
        Standard deviation of what `typical` leaves.
    """

    mean: Array
    basis: Array
    weights: Array
    emotion: Array
    centres: Array
    covariances: Array
    own_observe: Array
    own_noise: Array
    observe: Array
    noise: Array
    own_ruler: Array
    rest_bias: Array
    displacement: Array
    ruler: Array
    read: Array
    write: Array
    spread: Array
    membership: Array
    typical: Array
    remainder: Array


class Population:
    """Inference for the faces of one population; see `Parts` for what it holds."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.parts = parts
        p = Parts(*(np.asarray(a, np.float64) for a in parts))
        self.mean = p.mean
        self.emotion = parts.emotion.astype(int)
        self.count = len(p.displacement) - 1
        self._basis_back = np.float32(p.basis.T)
        self._own_ruler = p.own_ruler
        self._rest_bias = float(p.rest_bias)
        self._displacement = p.displacement
        settled = [
            settle_path(*rows)
            for rows in zip(p.displacement, p.ruler, p.read, p.write, strict=True)
        ]
        self._ruler, self._read, self._write = (np.stack(a) for a in zip(*settled, strict=True))
        self._spread = p.spread
        self._crossed = self._ruler @ self._displacement.T
        self._typical, self._remainder = np.float32(p.typical.T), float(p.remainder)
        self._typical_size = 1.0 / (self._typical**2).sum(0)
        mixture = (p.weights, p.centres, p.covariances)
        grid = (_STRENGTHS, _strength_prior())
        self._own = DialPosterior(*mixture, p.own_observe, p.own_noise, *grid)
        self._without = DialPosterior(*mixture, p.observe, p.noise, *grid)
        self._named = np.flatnonzero(self.emotion < self.count)
        self._all = np.arange(len(self.emotion))
        noisy = p.covariances + p.own_noise / _RECOGNISED_AT**2
        self._direction = ScaleFree(
            p.weights[self._named], p.centres[self._named], noisy[self._named], p.own_observe
        )
        self._member = np.zeros((self.count + 1, len(self.emotion)), np.float32)
        self._member[self.emotion, self._all] = 1.0

    def distance(self, frontal: Array) -> Array:
        """Root mean square, in standard deviations, of how a face differs from known ones."""
        off = np.float32(frontal - self.mean)
        read = (off @ self._typical) ** 2
        rest = np.maximum((off * off).sum(1) - read @ self._typical_size, 0.0)
        left = off.shape[1] - _POSE - read.shape[1]
        total = read.sum(1) + rest / self._remainder**2
        return np.sqrt(total / (read.shape[1] + left)).astype(np.float64)

    def recognise(self, frontal: Array, own: Array | None) -> tuple[Array, Array]:
        """Probability of each named emotion (B, E), and of none of them (B,)."""
        if own is None:
            log = self._without.evidence(frontal - self.mean, self._all)[0].T
            share = _softmax(log) @ self._member.T
            named = share[:, : self.count] + 1e-12
            return named / named.sum(1, keepdims=True), share[:, self.count]
        share = _softmax(self._direction.evidence(frontal - own))
        log = self._own.evidence(frontal - own, self._all)[0].T
        unnamed = _softmax(log) @ self._member[self.count]
        return share @ self._member[: self.count, self._named].T, unnamed

    def strengths(self, frontal: Array, own: Array | None) -> Array:
        """Strength (B, E + 1) that the face would have if it showed each emotion."""
        if own is None:
            return (frontal - self.mean) @ self._ruler.T
        return ((frontal - own) @ self._own_ruler.T) * self.rest_factor(own)

    def rest_factor(self, own: Array) -> Array:
        """How much stronger (B, E + 1) a displacement counts on this neutral face."""
        bias = (own - self.mean) @ self._ruler.T
        return 1.0 + self._rest_bias * np.clip(bias, -_LARGEST_BIAS, _LARGEST_BIAS)

    def along_path(self, frontal: Array, emotion: int, strength: Array) -> Array:
        """Frontal faces moved along the emotion's paths to the wanted strengths (B,)."""
        off = frontal - self.mean
        now = off @ self._ruler[emotion]
        gain = stretch(strength, self._spread[emotion]) / stretch(now, self._spread[emotion])
        style = (gain - 1.0) * (off @ self._read[emotion].T)
        moved = frontal + np.outer(strength - now, self._displacement[emotion])
        return moved + style @ self._write[emotion]

    def readings(self, frontal: Array) -> Array:
        """What all rulers read together: the displacements (B, 136) that explain every reading.

        Taking it off leaves a face at which each emotion's path starts.
        """
        read = (frontal - self.mean) @ self._ruler.T
        return np.linalg.solve(self._crossed, read.T).T @ self._displacement

    def full_displacement(
        self, shown: Array, probability: Array | None, emotion: int | None
    ) -> Array:
        """Expected displacement (B, 136) at strength 1 behind displacements from own neutrals.

        Parameters
        ----------
        shown : (B, 136) float array
        probability : (B, E) float array or None
            Of the named emotions, where the emotion is not given.
        emotion : int or None
        """
        pool = self._all if emotion is None else np.flatnonzero(self.emotion == emotion)
        log, white, share = self._own.evidence(shown, pool)
        if probability is None:
            mixing = _softmax(log.T)
        else:
            member = self._member[:, pool]
            within = np.zeros_like(log.T)
            for e in range(self.count + 1):
                mine = member[e] > 0
                within[:, mine] = _softmax(log[mine].T)
            unnamed = (_softmax(log.T) @ member[self.count])[:, None]
            weight = np.concatenate([probability * (1.0 - unnamed), unnamed], 1)
            mixing = within * (np.float32(weight) @ member)
        return self._own.expected(white, share, mixing.T, pool) @ self._basis_back


def _softmax(log: Array) -> Array:
    """Rows of probabilities from rows of logs."""
    share = np.exp(log - log.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    return share
