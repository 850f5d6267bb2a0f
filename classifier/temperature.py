"""Probabilities that mean what they say: one number, learnt on held-out persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

_RANGE = (0.05, 20.0)


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities of (n, C) logits, divided by a temperature first."""
    from scipy.special import softmax as of

    shares: NDArray[np.float64] = of(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return shares


def fit_temperature(
    logits: ArrayLike, labels: ArrayLike, persons: Sequence[Hashable] | None = None
) -> float:
    """The temperature under which the labels are most probable.

    Parameters
    ----------
    logits : (n, C) float array_like
        Of faces that were not learnt from.
    labels : (n,) int array_like
    persons : sequence of n hashable, optional
        Each person then counts alike, however many faces there are: what is wanted is honest on
        the next person, and one with many hard faces would speak for all. None is nobody known,
        who stands for a person.

    Returns
    -------
    temperature : float
        Above 1 where the classifier is too sure; between 0.05 and 20.

    Notes
    -----
    Predicted classes stay what they are.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    shares = np.full(len(true), 1 / len(true))
    if persons is not None:
        faces = Counter(persons)
        shares = np.array([1.0 if one is None else 1 / faces[one] for one in persons])
        shares /= shares.sum()

    def loss(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        return float(shares @ (logsumexp(scaled, axis=1) - scaled[np.arange(len(true)), true]))

    found = minimize_scalar(loss, bounds=np.log(_RANGE), method="bounded")
    return float(np.exp(found.x))
