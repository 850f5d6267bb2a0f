"""What the commands of this package share: how a face is given, and how problems are told."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.checks import Points
from landmarks.files import POINT_SUFFIXES, read_points
from landmarks.image import read_image


def run(program: str, work: Callable[[], None]) -> int:
    """Do the work of a command.

    Parameters
    ----------
    program : str
        Its name, for the sentence on stderr.
    work : callable

    Returns
    -------
    code : int
        0; or 2 after a ValueError, an OSError or Ctrl-C, with one sentence. Warnings are one
        sentence each.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work()
    except (ValueError, OSError) as error:
        print(f"{program}: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted, nothing was written", file=sys.stderr)
        return 2
    for told in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"{program}: {told}", file=sys.stderr)
    return 0


def _sentence(error: ValueError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        wanted = Path(os.fsdecode(error.filename))
        if wanted.name.startswith(".tmp-"):  # of `replacing`; nobody asked for that name
            return f"{wanted.parent}: {error.strerror}"
        return f"{error.filename}: {error.strerror}"
    return str(error)


def face_in(
    path: str,
    *,
    count: int | None = 68,
    predictor: str | None = None,
    detector: str = "hog",
) -> tuple[NDArray[np.uint8] | None, Points]:
    """The face in a photograph or in a file of points.

    Parameters
    ----------
    path : str
        A photograph, whose largest face counts, or points.
    count : int or None, optional
        How many points a file must hold; None takes any number.
    predictor, detector
        As `landmarks.detect`.

    Returns
    -------
    photograph : (H, W, 3) uint8 RGB array or None
        None for a file of points.
    points : (N, 2) float array
        Pixels.

    Raises
    ------
    ValueError
        The file cannot be read, or shows no face.
    """
    if Path(path).suffix.lower() in POINT_SUFFIXES:
        return None, read_points(path, count=count)
    # Detectors are slow to load and point files need none.
    from landmarks import detect

    photograph = read_image(path)
    found = detect(photograph, predictor=predictor, detector=detector)
    if not found:
        raise ValueError(f"{path}: no face was found; a file of its points may be given instead")
    if len(found) > 1:
        warnings.warn(f"{path} shows {len(found)} faces: the largest is used", stacklevel=2)
    return photograph, max(found, key=lambda face: face.box.width * face.box.height).points
