"""Aligned landmarks and a support-vector machine: often the best there is on little data.

scikit-learn trains it; what it computes is kept as arrays, because files that hold programs are
not read here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration import align_similarity
from landmarks.errors import InputError

Array = NDArray[Any]

_ROWS = 1024  # faces whose kernel with all support vectors is held at once


@dataclass(frozen=True, eq=False)
class LandmarkSvm:
    """One machine for each pair of classes, on all coordinates of aligned landmarks.

    Attributes
    ----------
    reference : (68, 2) float array
        What faces are laid over: the mean of the aligned training faces.
    mean, deviation : (136,) float array
        Of the coordinates.
    vectors : (V, 136) float array
        Support vectors.
    weights : (V, P) float array
    bias : (P,) float array
        Of the P = C (C − 1) / 2 pairs of classes, in the order of `itertools.combinations`.
    shape : (2,) float array
        C, and the γ of the kernel.
    """

    reference: Array
    mean: Array
    deviation: Array
    vectors: Array
    weights: Array
    bias: Array
    shape: Array

    @classmethod
    def fit(
        cls,
        points: ArrayLike,
        labels: ArrayLike,
        classes: int,
        *,
        penalty: float = 1.0,
        width: float = 0.005,
        balance: float = 1.0,
    ) -> LandmarkSvm:
        """Learn from labelled landmarks.

        Parameters
        ----------
        points : (n, 68, 2) array_like
            Landmarks (x, y), in pixels or aligned.
        labels : (n,) int array_like
            Some classes may have no faces; they are never said.
        classes : int
        penalty, width : float, optional
            C and γ.
        balance : float, optional
            Classes are weighed with their frequency to the power of −`balance`.

        Returns
        -------
        machine : LandmarkSvm

        Raises
        ------
        InputError
            Fewer than two classes have faces.
        ValueError
            Points are no faces.
        """
        from sklearn.svm import SVC

        values, true = np.asarray(points, dtype=np.float64), np.asarray(labels)
        shown, counts = np.unique(true, return_counts=True)
        if len(shown) < 2:
            raise InputError(f"all {len(true)} faces are of one class: expected two or more")
        reference = align_similarity(values, values[0]).apply(values).mean(axis=0)
        flat = align_similarity(values, reference).apply(values).reshape(len(values), -1)
        mean, deviation = flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-9)
        weights = counts.astype(np.float64) ** -balance
        weights *= len(true) / (weights * counts).sum()
        machine = SVC(C=penalty, gamma=width, class_weight=dict(zip(shown, weights, strict=True)))
        machine.fit((flat - mean) / deviation, true)
        pairs, bias = _pairs(machine, shown.tolist(), classes)
        shape = np.array([classes, width])
        return cls(reference, mean, deviation, machine.support_vectors_, pairs, bias, shape)

    def scores(self, points: ArrayLike) -> NDArray[np.float64]:
        """How much speaks for each class.

        Parameters
        ----------
        points : (n, 68, 2) array_like

        Returns
        -------
        scores : (n, classes) float array
            Pairs that a class wins, and less than half a one for how clearly.
        """
        values = np.asarray(points, dtype=np.float64)
        flat = align_similarity(values, self.reference).apply(values).reshape(len(values), -1)
        flat = (flat - self.mean) / self.deviation
        classes, width = int(self.shape[0]), float(self.shape[1])
        found = np.zeros((len(flat), classes))
        for at in range(0, len(flat), _ROWS):
            part = flat[at : at + _ROWS]
            distance = (
                (part**2).sum(1)[:, None]
                - 2 * part @ self.vectors.T
                + (self.vectors**2).sum(1)[None]
            )
            margins = np.exp(-width * distance) @ self.weights + self.bias
            votes, sums = np.zeros((2, len(part), classes))
            for pair, (one, other) in enumerate(itertools.combinations(range(classes), 2)):
                margin = margins[:, pair]
                votes[:, one] += margin > 0
                votes[:, other] += margin < 0
                sums[:, one] += margin
                sums[:, other] -= margin
            found[at : at + _ROWS] = votes + sums / (3 * (np.abs(sums) + 1))
        return found

    def arrays(self) -> dict[str, Array]:
        """What a file holds."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, Array], source: str) -> LandmarkSvm:
        """The machine of a file's arrays.

        Raises
        ------
        InputError
            Some are missing, or do not fit together.
        """
        try:
            machine = cls(**{entry.name: np.asarray(arrays[entry.name]) for entry in fields(cls)})
            classes = int(machine.shape[0])
            fits = (
                machine.reference.shape == (68, 2)
                and machine.vectors.shape[1] == len(machine.mean) == len(machine.deviation) == 136
                and machine.weights.shape
                == (len(machine.vectors), classes * (classes - 1) // 2)
                == (len(machine.vectors), len(machine.bias))
            )
        except (KeyError, IndexError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError(f"{source} does not hold the machine that it announces")
        return machine


def _pairs(machine: Any, shown: list[int], classes: int) -> tuple[Array, Array]:
    """Weights (V, P) and bias (P,) of all pairs; pairs with a class without faces stay 0, or lost.

    scikit-learn keeps, for the support vectors of a class, one row for each other class.
    """
    starts = np.concatenate([[0], np.cumsum(machine.n_support_)])
    order = list(itertools.combinations(range(classes), 2))
    weights = np.zeros((len(machine.support_vectors_), len(order)))
    bias = np.zeros(len(order))
    own = list(itertools.combinations(range(len(shown)), 2))
    # Of two classes alone, the sign of scikit-learn's numbers is the other way round.
    sign = -1.0 if len(shown) == 2 else 1.0
    for number, (one, other) in enumerate(own):
        pair = order.index((shown[one], shown[other]))
        first = slice(starts[one], starts[one + 1])
        second = slice(starts[other], starts[other + 1])
        weights[first, pair] = sign * machine.dual_coef_[other - 1, first]
        weights[second, pair] = sign * machine.dual_coef_[one, second]
        bias[pair] = sign * machine.intercept_[number]
    for pair, (one, other) in enumerate(order):
        if (one in shown) != (other in shown):
            bias[pair] = 1.0 if one in shown else -1.0
    return weights, bias
