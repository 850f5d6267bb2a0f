"""Faces with exact truth, sampled from ICT-FaceKit's landmarks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.action_units import EMOTIONS, STYLES, shape_weights, stray_weights
from calibration.model_file import read_arrays

POINTS_FILE = "ict68.npz"
_KEYS = ("neutral68", "expressions68", "identities68", "expression_names")


class FaceModel(NamedTuple):
    """ICT-FaceKit at the iBUG-68 vertices: x right, y down, z toward the viewer.

    Attributes
    ----------
    neutral : (68, 3) float array
        Outer eye corners 1 apart; so are all lengths below.
    expressions : (53, 68, 3) float array
        Offset of each expression shape at weight 1.
    identities : (100, 68, 3) float array
        Offset of one standard deviation of each identity component.
    names : list of str
        Names of the expression shapes.
    """

    neutral: npt.NDArray
    expressions: npt.NDArray
    identities: npt.NDArray
    names: list[str]

    @classmethod
    def of(
        cls,
        neutral: npt.NDArray,
        expressions: npt.NDArray,
        identities: npt.NDArray,
        names: Iterable[str],
    ) -> FaceModel:
        """From arrays of the same shapes as ICT-FaceKit has them: y up, in any length."""
        axes = np.array([1.0, -1.0, 1.0]) / np.linalg.norm(neutral[36] - neutral[45])
        points = (neutral * axes, expressions * axes, identities * axes)
        return cls(*points, [str(name) for name in names])


def read_face_model(path: str | Path) -> FaceModel:
    """Read ``ict68.npz``, or the folder that holds it.

    Raises
    ------
    ValueError
        The file is missing, damaged or lacks one of its arrays.
    """
    path = Path(path)
    path = path / POINTS_FILE if path.is_dir() else path
    arrays = read_arrays(path, f"face model ({POINTS_FILE})")
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: not a file of ICT-FaceKit points")
    neutral, expressions, identities, names = (arrays[key] for key in _KEYS)
    points = (neutral, expressions, identities)
    if any(a.dtype.kind != "f" or a.shape[-2:] != (68, 3) for a in points):
        shapes = ", ".join(f"{a.dtype} {a.shape}" for a in points)
        raise ValueError(f"{path}: expected 68 points (x, y, z) in each array, got {shapes}")
    return FaceModel.of(neutral, expressions, identities, names)


def sample_identities(
    model: FaceModel, count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Neutral faces (count, 68, 3) of new people."""
    coefficients = rng.standard_normal((count, len(model.identities)))
    return model.neutral + np.tensordot(coefficients, model.identities, 1)


def sample_displacements(
    model: FaceModel, emotion: str, count: int, rng: np.random.Generator, *, stray: float = 2.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Full-intensity displacements of an emotion and the style of each.

    Parameters
    ----------
    model : FaceModel
    emotion : str
        One of `EMOTIONS`, or ``"other"`` for random combinations without a name.
    count : int
    rng : numpy.random.Generator
    stray : float, optional
        Average number of unrelated shapes.

    Returns
    -------
    displacements : (count, 68, 3) float array
    style : (count,) int array
        Index into `STYLES`; -1 for ``"other"``.
    """
    if emotion == "other":
        weights = stray_weights(model.names, count, rng, shapes=6.0, strongest=1.0)
        chosen = np.full(count, -1)
    else:
        options = [k for k, style in enumerate(STYLES) if style.emotion == emotion]
        chosen = rng.choice(options, count)
        weights = np.zeros((count, len(model.names)))
        for k in options:
            mine = chosen == k
            weights[mine] = shape_weights(STYLES[k], model.names, int(mine.sum()), rng)
        weights += stray_weights(model.names, count, rng, shapes=stray)
    return np.tensordot(weights, model.expressions, 1), chosen


def photograph(
    faces: npt.NDArray,
    rng: np.random.Generator,
    *,
    turn: float = 10.0,
) -> npt.NDArray[np.float64]:
    """Orthographic images (n, 68, 2) of faces (n, 68, 3) under random turns.

    Parameters
    ----------
    faces : (n, 68, 3) float array
    rng : numpy.random.Generator
    turn : float, optional
        Yaw, pitch and roll are uniform in ± this many degrees.
    """
    angles = np.deg2rad(rng.uniform(-turn, turn, (len(faces), 3)))
    turned = faces @ rotations(angles).swapaxes(1, 2)
    return turned[..., :2]


def rotations(angles: npt.NDArray) -> npt.NDArray[np.float64]:
    """Rotation matrices (n, 3, 3) = roll · pitch · yaw for angles (n, 3) in radians."""
    (yaw, pitch, roll) = angles.T
    one, zero = np.ones(len(angles)), np.zeros(len(angles))

    def stack(rows: list) -> npt.NDArray:
        return np.moveaxis(np.array(rows), 2, 0)

    about_y = stack(
        [[np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)]]
    )
    about_x = stack(
        [
            [one, zero, zero],
            [zero, np.cos(pitch), -np.sin(pitch)],
            [zero, np.sin(pitch), np.cos(pitch)],
        ]
    )
    about_z = stack(
        [[np.cos(roll), -np.sin(roll), zero], [np.sin(roll), np.cos(roll), zero], [zero, zero, one]]
    )
    return about_z @ about_x @ about_y


__all__ = [
    "EMOTIONS",
    "POINTS_FILE",
    "FaceModel",
    "photograph",
    "read_face_model",
    "rotations",
    "sample_displacements",
    "sample_identities",
]
