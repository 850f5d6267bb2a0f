"""What places the points in a face: dlib's predictor, or one of our networks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.keypoints.predictor import SHIPPED, SMALL
from landmarks.keypoints.predictor import load_predictor as load_network
from landmarks.predictor import check_predictor, load_predictor
from landmarks.views import Views

NETWORK_SUFFIXES = (".safetensors", ".onnx")


class Fit(NamedTuple):
    """Points of one face.

    Attributes
    ----------
    points : (68, 2) float array
        (x, y) in pixels of the picture, iBUG-68 order.
    radius : (68,) float array or None
        In pixels: the truth lies within it of its point in 90 % of all cases; None where that is
        not told.
    trust : float or None
        0…1: how sure it is that this is a face and that the points fit it.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64] | None = None
    trust: float | None = None


class Placer(Protocol):
    """Places points in the faces of one picture.

    Attributes
    ----------
    tells : bool
        Radii and trust come with the points.
    """

    tells: bool

    def __call__(self, views: Views, boxes: Sequence[Box]) -> list[Fit]:
        """One fit for each box, as dlib's detectors draw them."""
        ...


def is_network(predictor: str | None) -> bool:
    """Whether `-p` names a network and not a dlib file: 'small', a folder, .safetensors or .onnx.

    A folder called small is meant by ./small.
    """
    if predictor is None:
        return False
    known = predictor == SMALL or Path(predictor).suffix.lower() in NETWORK_SUFFIXES
    return known or os.path.isdir(predictor)


def network_hash(predictor: str | None) -> str | None:
    """SHA-256 of a network's weights, which may change below one name; None of dlib's files."""
    if predictor is None or not is_network(predictor):
        return None
    path = SHIPPED if predictor == SMALL else Path(predictor)
    if path.is_dir():
        path = path / "model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def make_placer(predictor: str | None = None, *, check: bool = True) -> Placer:
    """What places points.

    Parameters
    ----------
    predictor : str, optional
        What `is_network` knows, else a dlib shape predictor file; left out, the one in
        `face_recognition_models`.
    check : bool, optional
        False where a dlib file is known to be good.

    Returns
    -------
    placer : Placer

    Raises
    ------
    InputError
        There is no such predictor, or it cannot be used.
    """
    if predictor is not None and is_network(predictor):
        return _NetworkPlacer(predictor)
    _check_exists(predictor)
    return _DlibPlacer(predictor, check)


def check_placer(predictor: str | None) -> bool:
    """Refuse what `make_placer` cannot use; else, whether it tells radii and trust.

    Raises
    ------
    InputError
        There is no such predictor, or it cannot be used.
    """
    if predictor is not None and is_network(predictor):
        return _NetworkPlacer(predictor).tells
    _check_exists(predictor)
    if predictor is not None:
        check_predictor(predictor)
    return False


def _check_exists(predictor: str | None) -> None:
    """Say all that there might be, because what is missing may have been meant for any of it."""
    if predictor is not None and not os.path.exists(predictor):
        raise InputError(
            f"predictor {predictor} does not exist: expected {SMALL!r}, a modeldir, a .safetensors "
            "or .onnx file of a network, or a dlib .dat file"
        )


class _DlibPlacer:
    tells = False

    def __init__(self, predictor: str | None, check: bool) -> None:
        self._predictor = load_predictor(predictor, check=check)

    def __call__(self, views: Views, boxes: Sequence[Box]) -> list[Fit]:
        grey = views.grey()
        return [Fit(self._predictor(grey, box)) for box in boxes]


class _NetworkPlacer:
    def __init__(self, predictor: str) -> None:
        self._network = load_network(predictor)
        self.tells = self._network.config.network == SMALL

    def __call__(self, views: Views, boxes: Sequence[Box]) -> list[Fit]:
        image = views.grey() if self._network.config.channels == 1 else views.rgb()
        sides = [(box.left, box.top, box.right, box.bottom) for box in boxes]
        fits = self._network.predict(image, sides)
        return [
            Fit(
                points,
                None if fits.radius is None else fits.radius[row],
                None if fits.trust is None else float(fits.trust[row]),
            )
            for row, points in enumerate(fits.points)
        ]
