"""Similarity alignment of point sets: scale, rotation and translation, never a mirror.

In the plane a similarity without mirror is a complex number: with points written as x + iy
and centred, `target = a * source`, where |a| is the scale and arg(a) the angle. The least
squares solution is one quotient, so a batch of a million faces needs no decomposition.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.checks import Points, as_points

# Spread, as a share of the largest coordinate, at which points differ by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Similarity:
    """`scale * rotation @ point + translation`, one or a batch of B.

    Attributes
    ----------
    scale : () or (B,) float array
        Positive, target units per source unit.
    rotation : (2, 2) or (B, 2, 2) float array
        Proper rotation (determinant +1).
    translation : (2,) or (B, 2) float array
        In target units.
    """

    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def apply(self, points: ArrayLike) -> Points:
        """Carry (N, 2) or (B, N, 2) points over.

        Parameters
        ----------
        points : (N, 2) or (B, N, 2) array_like
            In source units.

        Returns
        -------
        moved : (N, 2) or (B, N, 2) float array
            In target units.
        """
        source = np.asarray(points, dtype=np.float64)
        linear = self.scale[..., None, None] * np.swapaxes(self.rotation, -1, -2)
        return source @ linear + self.translation[..., None, :]

    def inverse(self) -> Similarity:
        """The similarity that undoes this one."""
        scale = 1.0 / self.scale
        rotation = np.swapaxes(self.rotation, -1, -2)
        moved = np.einsum("...ij,...j->...i", rotation, self.translation)
        return Similarity(scale, rotation, -scale[..., None] * moved)


def align_similarity(
    source: ArrayLike, target: ArrayLike, *, weights: ArrayLike | None = None
) -> Similarity:
    """Similarity without mirror that brings `source` closest to `target`.

    Minimises the sum of weights * ||scale * rotation @ source + translation - target||^2.

    Parameters
    ----------
    source, target : (N, 2) or (B, N, 2) array_like
        Corresponding points (x, y); one of them may be a single face against a batch.
    weights : (N,) or (B, N) array_like, optional
        Not negative; a point of weight 0 does not count. Default: all equal.

    Returns
    -------
    similarity : Similarity
        Of one face, or of the batch.

    Raises
    ------
    ValueError
        Shapes do not fit, a value is not finite, all (weighted) points of a face coincide, or
        no rotation is better than another.

    Notes
    -----
    If `target` is itself a similarity of `source`, that similarity is found exactly.

    References
    ----------
    Dryden and Mardia, "Statistical Shape Analysis", 1998, section 3.3 (complex form).
    """
    moving, fixed = as_points(source, "source", batch=True), as_points(target, "target", batch=True)
    if moving.shape[-2] != fixed.shape[-2]:
        raise ValueError(
            f"source has {moving.shape[-2]} points and target {fixed.shape[-2]}: "
            "alignment needs the same points on both sides"
        )
    if moving.ndim == fixed.ndim == 3 and moving.shape[0] != fixed.shape[0]:
        raise ValueError(
            f"source is a batch of {moving.shape[0]} and target of {fixed.shape[0]}: "
            "expected equal batches, or a single face on one side"
        )
    share = _shares(weights, np.broadcast_shapes(moving.shape, fixed.shape)[:-1])
    moving_centre = (share[..., None] * moving).sum(axis=-2)
    fixed_centre = (share[..., None] * fixed).sum(axis=-2)
    a = _complex(moving - moving_centre[..., None, :])
    b = _complex(fixed - fixed_centre[..., None, :])
    moving_spread = np.sqrt((share * np.abs(a) ** 2).sum(axis=-1))
    fixed_spread = np.sqrt((share * np.abs(b) ** 2).sum(axis=-1))
    _refuse_degenerate("source", moving_spread, moving)
    _refuse_degenerate("target", fixed_spread, fixed)

    product = (share * a.conj() * b).sum(axis=-1)
    undetermined = np.abs(product) <= _ROUNDING * moving_spread * fixed_spread
    if undetermined.any():
        raise ValueError(
            f"{_which(undetermined)}no rotation brings source closer to target than another "
            "(is one of them mirrored?)"
        )
    quotient = product / moving_spread**2
    scale = np.abs(quotient)
    cos, sin = quotient.real / scale, quotient.imag / scale
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    turned = np.einsum("...ij,...j->...i", rotation, moving_centre)
    return Similarity(scale, rotation, fixed_centre - scale[..., None] * turned)


def generalized_procrustes(
    shapes: ArrayLike,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    *,
    tangent: bool = False,
) -> tuple[Points, Points]:
    """Mean shape of many, and all of them aligned to it.

    Parameters
    ----------
    shapes : (n, N, 2) array_like
        Corresponding points, each shape in its own position, size and rotation.
    tolerance : float, optional
        The mean has settled when it moves by less than this share of its size.
    max_iterations : int, optional
        A `RuntimeWarning` tells when the mean has not settled by then.
    tangent : bool, optional
        How a shape is scaled to the mean. False: least squares in the mean's frame, the full
        Procrustes fit. True: by fitting the mean to the shape and undoing that, which puts the
        shapes on the plane that touches shape space at the mean; a linear model wants this.

    Returns
    -------
    mean : (N, 2) float array
        Centred, of centroid size 1 (root of the sum of squares), turned as the shapes are on
        average.
    aligned : (n, N, 2) float array
        The shapes in the mean's frame.

    Raises
    ------
    ValueError
        Fewer than one shape, another array shape, a value that is not finite, or a shape whose
        points all coincide.

    Notes
    -----
    Moving, turning or scaling the single shapes does not change the mean beyond a rotation.

    References
    ----------
    Gower, "Generalized Procrustes analysis", Psychometrika 40, 1975. Cootes et al., "Active
    shape models", 1995 (tangent).
    """
    given = as_points(shapes, "shapes", batch=True)
    if given.ndim != 3:
        raise ValueError(f"shapes: expected (n, N, 2) points, got shape {given.shape}")
    if not tolerance > 0 or max_iterations < 1:
        raise ValueError(
            "tolerance must be above 0 and max_iterations at least 1, "
            f"got {tolerance} and {max_iterations}"
        )
    spread = np.sqrt(given.var(axis=1).sum(axis=-1))
    _refuse_degenerate("shapes", spread, given)
    unit = given - given.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=(1, 2), keepdims=True)

    mean = unit[0]
    for _ in range(max_iterations):
        before = mean
        mean = _fits(unit, before, tangent).mean(axis=0)
        mean /= np.linalg.norm(mean)
        if np.linalg.norm(mean - before) < tolerance:
            break
    else:
        warnings.warn(
            f"the mean shape has not settled after {max_iterations} iterations",
            RuntimeWarning,
            stacklevel=2,
        )
    # The iteration keeps the first shape's rotation, which is as arbitrary as the order.
    turn = _complex(mean).conj() @ _complex(unit.mean(axis=0))
    if abs(turn) > _ROUNDING:
        turned = _complex(mean) * (turn / abs(turn))
        mean = np.stack([turned.real, turned.imag], axis=-1)
    return mean, _fits(unit, mean, tangent)


def _fits(shapes: Points, mean: Points, tangent: bool) -> Points:
    pose = align_similarity(mean, shapes).inverse() if tangent else align_similarity(shapes, mean)
    return pose.apply(shapes)


def _shares(weights: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights that sum to 1 over the points."""
    if weights is None:
        return np.full(shape[-1], 1.0 / shape[-1])
    given = np.asarray(weights, dtype=np.float64)
    if given.shape not in (shape[-1:], shape):
        raise ValueError(f"weights: expected one for each of {shape[-1]} points, got {given.shape}")
    if not np.isfinite(given).all() or (given < 0).any() or not (given.sum(axis=-1) > 0).all():
        raise ValueError("weights must be finite, none below 0, and not all 0")
    return given / given.sum(axis=-1, keepdims=True)


def _complex(points: Points) -> NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1]


def _refuse_degenerate(name: str, spread: NDArray[np.float64], points: Points) -> None:
    coincide = np.asarray(spread <= _ROUNDING * np.abs(points).max(axis=(-2, -1)))
    if coincide.any():
        raise ValueError(
            f"{name}: {_which(coincide)}all points coincide, so it has no size and no rotation"
        )


def _which(bad: NDArray[np.bool_]) -> str:
    return f"shape {int(np.argmax(bad))}: " if bad.ndim else ""
