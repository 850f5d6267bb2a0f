"""ICT-FaceKit's 68 points for the benchmarks: from a small file, or from the whole head."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.synthesis import POINTS_FILE, FaceModel, read_face_model
from data.people.head_model import read_head_model

HELP = f"the face model ICT-FaceKit: its public repository, or {POINTS_FILE}, or a folder with that"


def read_points_model(path: str) -> FaceModel:
    """Read the 68 points of ICT-FaceKit.

    Parameters
    ----------
    path : str
        `ict68.npz` or a folder that holds it; else a folder for `data.people`, of which the
        public repository is one.

    Returns
    -------
    model : FaceModel

    Raises
    ------
    ValueError
        Nothing of that is there, or it is damaged.
    """
    if Path(path).is_file() or Path(path, POINTS_FILE).is_file():
        return read_face_model(path)
    head = read_head_model(path)
    neutral, expressions, identities = (
        shapes[..., head.landmark_vertices, :].astype(np.float64)
        for shapes in (head.neutral, head.expressions, head.identities)
    )
    return FaceModel.of(neutral, expressions, identities, head.names)
