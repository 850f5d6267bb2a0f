"""Which pairs make up which batch, and whose face is the unassociated one.

Everything that is drawn by chance is a function of (seed, epoch, index) alone, so that it is the
same in every process and after every interruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Draw:
    """Row numbers of one batch.

    Attributes
    ----------
    pair : (B,) int array
    choice : (B,) int array
        Which of the pair's landmark images.
    other : (B,) int array
        A pair of another person; its face is the unassociated one.
    """

    pair: NDArray[np.int64]
    choice: NDArray[np.int64]
    other: NDArray[np.int64]


def draw(persons: ArrayLike, choices: ArrayLike, *, seed: int, step: int, batch: int) -> Draw:
    """Which pictures make up one batch.

    Parameters
    ----------
    persons : (n,) int array_like
        Person of each pair; equal numbers side by side.
    choices : (n,) int array_like
        How many landmark images each pair may take.
    seed : int
    step : int
        Counts batches from 0. Every epoch is another order of all n pairs, one epoch after the
        other without a gap, so that all batches are equally large.
    batch : int

    Returns
    -------
    drawn : Draw

    Notes
    -----
    A pure function of its arguments: no state, the same in any process. In n consecutive draws from
    a whole epoch on, every pair occurs once.
    """
    owner, count = np.asarray(persons), np.asarray(choices, dtype=np.uint64)
    n = len(owner)
    position = np.arange(step * batch, (step + 1) * batch)
    epoch = position // n
    pair = np.empty(batch, dtype=np.int64)
    for number in np.unique(epoch):
        here = epoch == number
        pair[here] = _order(n, seed, int(number))[position[here] % n]
    first = np.searchsorted(owner, owner[pair], side="left")
    after = np.searchsorted(owner, owner[pair], side="right")
    others = (n - (after - first)).astype(np.uint64)
    other = (_hashed(seed, epoch, pair, 0) % others).astype(np.int64)
    other += np.where(other >= first, after - first, 0)  # leap over the person's own
    choice = (_hashed(seed, epoch, pair, 1) % count[pair]).astype(np.int64)
    return Draw(pair, choice, other)


@lru_cache(maxsize=2)
def _order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(n)


def _hashed(
    seed: int, epoch: NDArray[np.int64], index: NDArray[np.int64], stream: int
) -> NDArray[np.uint64]:
    """64 random bits for each index, by the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    value = np.full(index.shape, seed, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in (np.uint64(stream), epoch.astype(np.uint64), index.astype(np.uint64)):
            value = value + part + np.uint64(0x9E3779B97F4A7C15)
            value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            value = value ^ (value >> np.uint64(31))
    return value
