"""The model files that the package `face_recognition_models` brings along."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from landmarks.errors import InputError

CNN_DETECTOR = "mmod_human_face_detector.dat"
SHAPE_PREDICTOR = "shape_predictor_68_face_landmarks.dat"


def model_file(name: str) -> Path:
    """Path of a file in `face_recognition_models`.

    The package is found, not imported: its import needs `pkg_resources`, which newer versions of
    setuptools no longer have.

    Parameters
    ----------
    name : str
        File name.

    Raises
    ------
    ValueError
        The package is not installed, or has no such file.
    """
    found = importlib.util.find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise InputError(
            f"{name} was not found: the package face_recognition_models, which brings it, is not"
            " installed (pip install face_recognition_models)"
        )
    path = Path(next(iter(found.submodule_search_locations))) / "models" / name
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected it in face_recognition_models")
    return path
