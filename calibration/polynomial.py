"""The published calibration: one quadratic map of the plane, by least squares.

Each gold coordinate is written as a quadratic polynomial of the sample's coordinates,

    gold_x = par_x . [y^2, x^2, x y, y, x, 1]        gold_y = par_y . [y^2, x^2, x y, y, x, 1]

and the six coefficients of each are the least squares solution over all landmarks.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.checks import FaceSource, Points, as_points

Coefficients = NDArray[np.float64]
PointSource: TypeAlias = "str | os.PathLike[str] | ArrayLike"

# Singular values below this share of the largest count as zero. The 68 points of a face, centred
# and scaled, stay above 0.1; at 1e-5 a thousandth of a pixel would decide the coefficients.
_RANK_TOLERANCE = 1e-5


def calibrate(
    goldface: FaceSource,
    goldland: PointSource,
    targetface: FaceSource,
    targetland: PointSource,
    *,
    figure: str | os.PathLike[str] | None = None,
) -> tuple[Coefficients, Coefficients]:
    """Fit the quadratic map that carries the low-intensity points to the gold points.

    Parameters
    ----------
    goldface, targetface : path, (H, W, 3) uint8 RGB array or None
        The photographs. Used only to draw; not opened unless `figure` is given.
    goldland, targetland : path or (N, 2) array_like
        Landmarks (x, y) in pixels of the high-intensity (gold) and of the low-intensity
        (target) face, N >= 6, the same scheme on both sides. A path is read by
        `landmarks.files.read_points`.
    figure : path, optional
        Write the three panels (gold; sample, red; calibrated, green) as this picture (``.png``).

    Returns
    -------
    par_x, par_y : (6,) float arrays
        Coefficients of [y^2, x^2, x y, y, x, 1] for the gold x and the gold y.

    Raises
    ------
    ValueError
        A file cannot be read as points, different numbers of points, fewer than six, a value
        that is not finite, or target points that do not determine the map: repeated, on one
        line or on one conic, so that the design matrix has a rank below 6 (the rank is told).
    OSError
        A file cannot be opened.

    Notes
    -----
    It removes the quadratic part of the difference between two faces: position, size, rotation,
    and much of the jaw's form. It does not add an expression. The map knows where a point is
    and not which point it is, so points that coincide before coincide after: no closed mouth
    can open. What it does to a face is a compromise over all landmarks, in which the gold
    person's build has as much say as the gold expression. The calibrated points lie in the
    coordinates of the gold photograph.

    For an invertible affine map M, calibrating M(target) and applying to M(target) gives the
    same calibrated points as before; an affine map of the gold points maps the result likewise.

    The design is centred and scaled and solved by SVD; the coefficients are then expanded in
    exact rational arithmetic and rounded once, so that the constant terms keep their digits for
    a small face in the corner of a large photograph.

    References
    ----------
    Hartley, "In defense of the eight-point algorithm", PAMI 1997 (why to centre and scale).
    """
    gold = _read(goldland, "goldland")
    target = _read(targetland, "targetland")
    if len(gold) != len(target):
        raise ValueError(
            f"goldland has {len(gold)} points and targetland {len(target)}: "
            "expected the same landmarks, of one scheme, on both faces"
        )
    if len(target) < 6:
        raise ValueError(f"a quadratic map needs at least 6 points, got {len(target)}")

    centre, scale = _frame(target)
    design = quadratic_terms((target - centre) / scale)
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    rank = int((singular > _RANK_TOLERANCE * singular[0]).sum())
    if rank < 6:
        raise ValueError(
            f"targetland does not determine a quadratic map: its design matrix has rank {rank} "
            "of 6; the points are repeated, on one line or on one conic"
        )
    gold_centre = gold.mean(axis=0)
    solution = right.T @ ((left.T @ (gold - gold_centre)) / singular[:, None])
    par_x, par_y = (_expand(solution[:, axis], centre, scale, gold_centre[axis]) for axis in (0, 1))
    if figure is not None:
        from calibration.figure import draw_calibration, write_png

        calibrated = apply_calibration(par_x, par_y, target)
        write_png(figure, draw_calibration(goldface, gold, targetface, target, calibrated))
    return par_x, par_y


def apply_calibration(par_x: ArrayLike, par_y: ArrayLike, points: PointSource) -> Points:
    """Carry points over by the map that `calibrate` found.

    Parameters
    ----------
    par_x, par_y : (6,) array_like
        Coefficients of [y^2, x^2, x y, y, x, 1].
    points : path, (N, 2) or (B, N, 2) array_like
        Points (x, y) in pixels of the low-intensity photograph; any number of them.

    Returns
    -------
    calibrated : (N, 2) or (B, N, 2) float array
        In pixels of the gold photograph.

    Raises
    ------
    ValueError
        Not six finite coefficients, points of another shape or not finite.
    """
    pars = []
    for name, par in (("par_x", par_x), ("par_y", par_y)):
        values = np.asarray(par, dtype=np.float64)
        if values.shape != (6,) or not np.isfinite(values).all():
            raise ValueError(f"{name}: expected 6 finite coefficients, got {values}")
        pars.append(values)
    return quadratic_terms(_read(points, "points", batch=True)) @ np.stack(pars, axis=-1)


def quadratic_terms(points: Points) -> NDArray[np.float64]:
    """The six monomials of every point, in the published order.

    Parameters
    ----------
    points : (..., 2) float array

    Returns
    -------
    terms : (..., 6) float array
        [y^2, x^2, x y, y, x, 1].
    """
    x, y = points[..., 0], points[..., 1]
    return np.stack([y * y, x * x, x * y, y, x, np.ones_like(x)], axis=-1)


def _read(source: PointSource, name: str, *, batch: bool = False) -> Points:
    if isinstance(source, (str, os.PathLike)):
        from landmarks.files import read_points

        return as_points(
            read_points(source, count=None), f"{name} ({os.fspath(source)})", batch=batch
        )
    return as_points(source, name, batch=batch)


def _frame(points: Points) -> tuple[Points, Points]:
    """Centre and scale of each axis; scales are powers of two, by which division is exact."""
    centre = points.mean(axis=0)
    spread = points.std(axis=0)
    # On a horizontal or vertical line the spread is rounding alone; blown up to size 1 it would
    # look like a face.
    flat = spread <= 1e-12 * np.abs(points).max(axis=0)
    if flat.any():
        spread = np.where(flat, spread.max() or 1.0, spread)
    return centre, np.exp2(np.round(np.log2(spread)))


def _expand(
    solution: NDArray[np.float64], centre: Points, scale: Points, offset: np.float64
) -> Coefficients:
    """Coefficients in pixels from those for centred and scaled points."""
    cx, cy = (Fraction(float(value)) for value in centre)
    sx, sy = (Fraction(float(value)) for value in scale)
    yy, xx, xy, y, x, one = (Fraction(float(value)) for value in solution)
    yy, xx, xy, y, x = yy / sy**2, xx / sx**2, xy / (sx * sy), y / sy, x / sx
    pixels = (
        yy,
        xx,
        xy,
        y - 2 * yy * cy - xy * cx,
        x - 2 * xx * cx - xy * cy,
        one + yy * cy**2 + xx * cx**2 + xy * cx * cy - y * cy - x * cx + Fraction(float(offset)),
    )
    return np.array([float(value) for value in pixels])
