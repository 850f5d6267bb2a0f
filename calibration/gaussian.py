"""Closed-form inference under mixtures of Gaussians whose size is unknown."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"


def observation(noise: Array, basis: Array) -> tuple[Array, Array]:
    """Least-variance coefficients of a basis, seen in noise.

    Parameters
    ----------
    noise : (N, N) float array
        Covariance of a measurement.
    basis : (N, D) float array

    Returns
    -------
    observe : (D, N) float array
        Takes a measurement to its coefficients; for d in the span of the basis it is sufficient.
    remaining : (D, D) float array
        Covariance of the coefficients.
    """
    weighted = np.linalg.solve(noise, basis)
    remaining = np.linalg.inv(basis.T @ weighted)
    return remaining @ weighted.T, (remaining + remaining.T) / 2


class DialPosterior:
    """Inference in ``y = s · d + noise`` with d from a mixture of Gaussians and unknown s.

    The strength s runs over a grid. For each component the noise and the displacement's
    covariance are brought to diagonal form together; in that basis every strength is diagonal
    too, so that densities and expectations at all strengths are a few matrix products.

    Parameters
    ----------
    weights : (K,) float array
        Prior probability of each component.
    means, covariances : (K, D), (K, D, D) float arrays
        Displacement d of each component.
    observe : (D, N) float array
        Takes a measurement of length N to y.
    noise : (D, D) float array
        Covariance of the noise in y.
    strengths, prior : (S,) float arrays
        Grid of strengths and the prior probability of each.
    """

    def __init__(
        self,
        weights: Array,
        means: Array,
        covariances: Array,
        observe: Array,
        noise: Array,
        strengths: Array,
        prior: Array,
    ) -> None:
        root = np.linalg.cholesky(noise)
        inverse = scipy.linalg.solve_triangular(root, np.eye(len(root)), lower=True)
        values, vectors = np.linalg.eigh(inverse @ covariances @ inverse.T)
        values = np.maximum(values, 0.0)[:, :, None]
        whiten = np.swapaxes(vectors, 1, 2) @ inverse
        centre = np.einsum("kij,kj->ki", whiten, means)
        s = np.asarray(strengths)[None, None, :]
        precision = 1.0 / (s**2 * values + 1.0)
        gain = s * values * precision
        shift = s * centre[:, :, None]
        constant = 0.5 * (np.log(precision) - shift**2 * precision).sum(1)
        constant += np.log(weights)[:, None] + np.log(prior)[None, :]
        self._observe = np.float32(observe.T)
        self._whiten = np.float32(np.swapaxes(whiten, 1, 2))
        self._colour = np.float32(np.swapaxes(root @ vectors, 1, 2))
        self._centre = np.float32(centre)
        self._quadratic = np.float32(np.concatenate([-0.5 * precision, shift * precision], 1))
        self._constant = np.float32(constant)
        self._gain = np.float32(np.swapaxes(gain, 1, 2))
        self._offset = np.float32(np.swapaxes(gain * shift, 1, 2))

    def evidence(self, measured: Array, components: Array) -> tuple[Array, Array, Array]:
        """Log evidence of components, and what `expected` needs.

        Parameters
        ----------
        measured : (B, N) float array
        components : (k,) int array

        Returns
        -------
        log : (k, B) float array
            Log of prior probability times density, up to one constant for all.
        white : (k, B, D) float array
        share : (k, B, S) float array
            Posterior of the strength within each component.
        """
        white = (np.float32(measured) @ self._observe) @ self._whiten[components]
        share = np.concatenate([white * white, white], 2) @ self._quadratic[components]
        share += self._constant[components, None]
        top = share.max(2, keepdims=True)
        share -= top
        # Denormal numbers would be right too, and a hundred times slower.
        np.exp(np.maximum(share, -80.0, out=share), out=share)
        total = share.sum(2, keepdims=True)
        share /= total
        return (top + np.log(total))[..., 0], white, share

    def expected(self, white: Array, share: Array, mixing: Array, components: Array) -> Array:
        """Expected d (B, D) when component j has probability `mixing[j]` (k, B)."""
        full = (share @ self._gain[components]) * white
        full -= share @ self._offset[components]
        full += self._centre[components, None]
        full *= np.float32(mixing)[..., None]
        return np.matmul(full, self._colour[components]).sum(0)


class ScaleFree:
    """Which component a displacement points to, whatever its size.

    The density of y = s · d is integrated over s with a flat prior on log s (Laplace's
    approximation in log s), so that y and any positive multiple of y get the same answer.

    Parameters
    ----------
    weights, means, covariances
        The mixture, as in `DialPosterior`; noise belongs into the covariances.
    observe : (D, N) float array
    """

    def __init__(self, weights: Array, means: Array, covariances: Array, observe: Array) -> None:
        count, size = means.shape
        root = np.linalg.cholesky(covariances)
        whiten = np.linalg.inv(root)
        centre = np.einsum("kij,kj->ki", whiten, means)
        self._size = size
        self._whiten = np.float32((whiten @ observe).reshape(count * size, -1).T)
        self._centre = np.float32(centre)
        self._constant = (
            np.log(weights)
            - 0.5 * (centre**2).sum(1)
            - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1)
        )

    def evidence(self, measured: Array) -> Array:
        """Log evidence (B, K), up to one constant per measurement."""
        white = (np.float32(measured) @ self._whiten).reshape(len(measured), -1, self._size)
        square = np.maximum(np.einsum("bkd,bkd->bk", white, white), 1e-20)
        along = np.einsum("bkd,kd->bk", white, self._centre)
        inverse = (along + np.sqrt(along**2 + 4 * square * self._size)) / (2 * square)
        bend = square * inverse**2
        return (
            self._constant
            - 0.5 * bend
            + along * inverse
            + self._size * np.log(inverse)
            - 0.5 * np.log(bend + self._size)
        )
