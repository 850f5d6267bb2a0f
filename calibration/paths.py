"""Turning an expression up and down when the person's neutral face is not known.

Without the neutral, a face is split once and for all: ``x = mean + s · d + r`` with the strength
s read by a linear ruler, d the emotion's mean displacement and r whatever else makes this face.
Along a *path* s takes the wanted value and r is rescaled, mode by mode, by a fixed function of s.
Every face lies on exactly one path of an emotion, so going up and down again ends where it began.
"""

from __future__ import annotations

import numpy as np

from calibration.gaussian import Array


def fit_path(
    displacement: Array, style: Array, identity: Array, ruler: Array, modes: int
) -> tuple[Array, Array, Array, Array]:
    """Ruler and modes of the paths of one emotion.

    Parameters
    ----------
    displacement : (N,) float array
        Mean displacement at strength 1.
    style : (N, N) float array
        Covariance of the displacement between people.
    identity : (N, N) float array
        Covariance of neutral faces, noise included.
    ruler : (N,) float array
        Functional that reads the strength; it is scaled to read `displacement` as 1.
    modes : int
        How many directions of style to rescale.

    Returns
    -------
    ruler : (N,) float array
    read, write : (modes, N) float arrays
        Coefficients of the modes and the modes. The ruler reads each mode as 0 and no
        mode is seen in `displacement`.
    spread : (modes,) float array
        Variance of style in units of the variance of identity.
    """
    ruler = ruler / (ruler @ displacement)
    across = np.eye(len(ruler)) - np.outer(displacement, ruler)
    plane = np.linalg.svd(ruler[None])[2][1:].T
    values, vectors = np.linalg.eigh(plane.T @ across @ identity @ across.T @ plane)
    kept = values > 1e-7 * values[-1]
    whiten = (vectors[:, kept] / np.sqrt(values[kept])).T @ plane.T
    colour = plane @ (vectors[:, kept] * np.sqrt(values[kept]))
    spread, turn = np.linalg.eigh(whiten @ across @ style @ across.T @ whiten.T)
    order = np.argsort(spread)[::-1][:modes]
    turn = turn[:, order]
    return ruler, turn.T @ whiten @ across, (colour @ turn).T, np.maximum(spread[order], 0.0)


def settle_path(
    displacement: Array, ruler: Array, read: Array, write: Array
) -> tuple[Array, Array, Array]:
    """Ruler, `read` and `write` made exact again after rounding in a file."""
    ruler = ruler / (ruler @ displacement)
    write = write - np.outer(write @ ruler, displacement)
    read = read - np.outer(read @ displacement, ruler)
    return ruler, np.linalg.solve(read @ write.T, read), write


def stretch(strength: Array, spread: Array) -> Array:
    """How far the modes of style have opened at a strength.

    Parameters
    ----------
    strength : (B,) float array
    spread : (m,) float array
        Variance of style in units of the variance of identity.

    Returns
    -------
    opened : (B, m) float array
        Positive. From a face at strength s, ``stretch(1) / stretch(s)`` is the gain that gives
        the least expected error at strength 1, s λ (1 - s) / (1 + s² λ) + 1, down to the s at
        which that gain is largest; below it nothing more closes.

    Notes
    -----
    A ratio of one function at two strengths, so gains multiply along a path and cancel there
    and back.
    """
    lowest = (np.sqrt(1.0 + spread) - 1.0) / np.maximum(spread, 1e-9)
    s = np.clip(strength[:, None], lowest, 1.0)
    opened = (1.0 + s * s * spread) / (1.0 + s * spread)
    beyond = np.maximum(strength[:, None] - 1.0, 0.0)
    return opened * (1.0 + beyond * spread / (1.0 + spread))
