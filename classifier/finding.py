"""Landmarks of pictures that come without, found once and kept by content."""

from __future__ import annotations

import functools
import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier.sources import Entry
from landmarks.detector import Box
from landmarks.faces import Face, FaceFinder, Settings, shared_finder
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.keypoints.predictor import SMALL
from landmarks.placing import Placer, make_placer, network_hash
from landmarks.views import Views

Array = NDArray[Any]

FINDER = Settings(predictor=SMALL, faces="largest")
"""How faces are found."""

CLOSE = 300
"""In pictures up to so many pixels on their longer side, where the detector finds nothing, the
face may fill the picture."""

TRUST = 0.5
"""Trust from which it does."""

_INSET = 0.06  # of the picture's sides: a detector's box leaves out chins and foreheads


class Found(NamedTuple):
    """What was found in one picture.

    Attributes
    ----------
    key : str
        SHA-256 of the picture's bytes.
    points : (68, 2) float array or None
        (x, y) in pixels; None where no face is.
    """

    key: str
    points: NDArray[np.float64] | None


def find_points(picture: Picture, entry: Entry) -> Found:
    """Landmarks of the largest face of a picture.

    Parameters
    ----------
    picture : Picture
    entry : Entry
        Tells the bytes.

    Returns
    -------
    found : Found

    Raises
    ------
    ImageError
        The picture is damaged.
    """
    faces = faces_in(picture)
    return Found(key_of(entry), faces[0].points if faces else None)


def faces_in(picture: Picture, finder: FaceFinder | None = None) -> list[Face]:
    """Faces of a picture; of a small one in which nothing is found, perhaps the whole.

    Parameters
    ----------
    picture : Picture
    finder : FaceFinder, optional
        Left out, one for the largest face of each picture.
    """
    views = Views(picture)
    faces = (finder or shared_finder(FINDER, check=False))(picture)
    if faces:
        return faces
    width, height = views.size
    if max(width, height) > CLOSE:
        return []
    x, y = width * _INSET, height * _INSET
    whole = Box(x, y, width - 1 - x, height - 1 - y, 0.0)
    fit = _placer()(views, [whole])[0]
    return [Face(whole, *fit)] if (fit.trust or 0.0) >= TRUST else []


@functools.lru_cache(maxsize=1)
def _placer() -> Placer:
    return make_placer(SMALL, check=False)


def key_of(entry: Entry) -> str:
    """SHA-256 of an entry's picture; empty where it cannot be read, which decoding tells."""
    try:
        data = entry.data if entry.data is not None else Path(entry.path or "").read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest()


def picture_hash(key: str, points: NDArray[np.float64]) -> int:
    """What is kept of a picture: 63 bits of its SHA-256.

    Parameters
    ----------
    key : str
        As `key_of`; where it is empty, since a table may tell points of pictures that are not
        there, the points stand for the picture.
    points : (68, 2) float array
    """
    told = bytes.fromhex(key) or hashlib.sha256(np.float64(points).tobytes()).digest()
    return int.from_bytes(told[:8], "big") >> 1


class Landmarks:
    """Landmarks found before.

    Parameters
    ----------
    path : path-like or None
        A file that `save` wrote; one that is not there, is damaged, or comes from another landmark
        network holds nothing. None keeps nothing.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else Path(path)
        self._network = network_hash(SMALL) or ""
        self._known: dict[str, NDArray[np.float64] | None] = {}
        self._more = False
        if self._path is not None and self._path.is_file():
            self._read(self._path)

    def _read(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["network"]) != self._network:
                    return
                for key, points in zip(file["keys"], file["points"], strict=True):
                    self._known[str(key)] = points if np.isfinite(points).all() else None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            self._known.clear()

    def of(self, entry: Entry) -> Found | None:
        """What is known of a picture; None where nobody has looked."""
        if self._path is None or entry.points is not None or not self._known:
            return None
        key = key_of(entry)
        return Found(key, self._known[key]) if key in self._known else None

    def add(self, found: Found) -> None:
        """Remember."""
        self._more = self._more or found.key not in self._known
        self._known[found.key] = found.points

    def save(self) -> None:
        """Write what is known, if anything is new.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        if self._path is None or not self._more:
            return
        missing = np.full((68, 2), np.nan)
        rows = [missing if points is None else points for points in self._known.values()]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path, "wb") as handle:
            np.savez_compressed(
                handle,
                keys=np.array(list(self._known)),
                points=np.array(rows),
                network=np.array(self._network),
            )
        self._more = False
