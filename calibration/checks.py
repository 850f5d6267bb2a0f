"""What every function of this package asks of the points it is given."""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points: TypeAlias = NDArray[np.float64]
FaceSource: TypeAlias = "str | os.PathLike[str] | NDArray[np.uint8] | None"


def as_points(value: ArrayLike, name: str, *, batch: bool = False) -> Points:
    """Check points and give them back as float64.

    Parameters
    ----------
    value : (N, 2) array_like, or (B, N, 2) with `batch`
        Points (x, y) in any unit.
    name : str
        What the caller calls them, for the error.
    batch : bool, optional
        Allow a leading axis.

    Returns
    -------
    points : (N, 2) or (B, N, 2) float array

    Raises
    ------
    ValueError
        Not numbers, another shape, or a value that is not finite (the row is told).
    """
    wanted = "(N, 2) or (B, N, 2)" if batch else "(N, 2)"
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected {wanted} numbers, got rows of unequal length") from None
    if raw.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected {wanted} real numbers, got type {raw.dtype}")
    if raw.ndim == 3 and batch and len(raw) == 0:
        raise ValueError(f"{name}: no face was given, got shape {raw.shape}")
    if raw.ndim not in ((2, 3) if batch else (2,)) or raw.shape[-1] != 2 or raw.size == 0:
        raise ValueError(f"{name}: expected {wanted} points, got shape {raw.shape}")
    points = raw.astype(np.float64)
    finite = np.isfinite(points).all(axis=-1)
    if not finite.all():
        where = np.argwhere(~finite)[0]
        place = f"row {where[-1]}" if raw.ndim == 2 else f"shape {where[0]}, row {where[1]}"
        got = "({:g}, {:g})".format(*points[tuple(where)])
        raise ValueError(f"{name}: {place} is {got}; every coordinate must be a finite number")
    return points


def as_faces(value: ArrayLike, name: str) -> tuple[Points, bool]:
    """Check faces and give them back as a batch.

    Parameters
    ----------
    value : (68, 2) or (B, 68, 2) array_like
        Landmarks in pixels.
    name : str
        What the caller calls them, for the error.

    Returns
    -------
    faces : (B, 68, 2) float array
    single : bool
        Whether one face was given, without a batch axis.

    Raises
    ------
    ValueError
        As `as_points`; not 68 points; or all points of a face in one place.
    """
    points = as_points(value, name, batch=True)
    if points.shape[-2:] != (68, 2):
        raise ValueError(
            f"{name}: expected (68, 2) or (B, 68, 2) landmarks in iBUG-68 order, "
            f"got shape {points.shape}"
        )
    single = points.ndim == 2
    points = points[None] if single else points
    size = np.abs(points - points[:, :1]).max((1, 2))
    flat = size <= 1e-9 * np.maximum(np.abs(points[:, 0]).max(1), 1.0)
    if flat.any():
        which = "" if single else f"face {int(flat.argmax())}: "
        raise ValueError(f"{name}: {which}all 68 points are in one place")
    return points, single
