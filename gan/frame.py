"""Where a face lies in its picture, and how its landmark image is drawn.

Written by `data.make_pairs` as pairs.json, kept in a generator's config, used again by
`gan.generate`: what a generator is shown must look like what it was trained on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.draw import STYLES, landmark_image
from landmarks.errors import InputError, PointsError
from landmarks.files import replacing
from landmarks.image import crop

FRAME_FILE = "pairs.json"

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """The square that is cut out around 68 landmarks.

    Attributes
    ----------
    size : int
        Width and height of the picture in pixels.
    margin : float
        What is left on each side of the landmarks, as a share of the longer side of their bounding
        box; on the shorter side more.
    style : {'contours', 'points', 'both'}
        Of the landmark image, as `landmarks.landmark_image`.
    thickness : int
        Of the contours, in pixels.
    radius : float
        Of the points, in pixels.

    Raises
    ------
    InputError
        A value is out of range.
    """

    size: int = 128
    margin: float = 0.25
    style: str = "contours"
    thickness: int = 1
    radius: float = 1.0

    def __post_init__(self) -> None:
        if not (isinstance(self.size, int) and 16 <= self.size <= 1024):
            raise InputError(f"the size is {self.size!r}: expected 16 to 1024 pixels")
        if not (_is_number(self.margin) and 0 <= self.margin <= 2):
            raise InputError(f"the margin is {self.margin!r}: expected 0 to 2 (0.25 is a quarter)")
        if not (isinstance(self.style, str) and self.style in STYLES):
            raise InputError(f"the style is {self.style!r}: expected one of {', '.join(STYLES)}")
        if not (isinstance(self.thickness, int) and 1 <= self.thickness <= 32):
            raise InputError(f"the thickness is {self.thickness!r}: expected 1 to 32 pixels")
        if not (_is_number(self.radius) and 0 < self.radius <= 32):
            raise InputError(f"the radius is {self.radius!r}: expected up to 32 pixels")

    def box(self, points: ArrayLike) -> tuple[float, float, float, float]:
        """The square in the photograph, around its landmarks' bounding box.

        Parameters
        ----------
        points : (68, 2) array_like
            Landmarks (x, y) in pixels of the photograph.

        Returns
        -------
        box : (left, top, right, bottom)
            Edges in pixels, as `landmarks.image.crop` takes them.

        Raises
        ------
        PointsError
            Not 68 finite points, or all in one place.
        """
        array = np.asarray(points, dtype=np.float64)
        if array.shape != (68, 2):
            raise PointsError(f"landmarks have shape {array.shape}: expected (68, 2)")
        if not np.isfinite(array).all():
            raise PointsError("landmarks hold a value that is not finite")
        low, high = array.min(axis=0), array.max(axis=0)
        longer = float((high - low).max())
        if longer == 0:
            raise PointsError("all 68 landmarks are in one place")
        half = longer * (0.5 + self.margin)
        # A pixel's centre is a whole number, its edge a half less.
        x, y = ((low + high) / 2 + 0.5).tolist()
        return x - half, y - half, x + half, y + half

    def place(self, points: ArrayLike) -> Points:
        """Landmarks moved into the frame.

        Parameters
        ----------
        points : (68, 2) array_like
            In pixels of any picture.

        Returns
        -------
        placed : (68, 2) float array
            In pixels of the frame.

        Notes
        -----
        Moving the whole face, or scaling it, changes nothing; landmarks that lie in the frame
        already stay where they are.
        """
        left, top, right, _ = self.box(points)
        ratio = self.size / (right - left)
        array = np.asarray(points, dtype=np.float64)
        return (array + 0.5 - np.array([left, top])) * ratio - 0.5

    def cut(self, photograph: NDArray[np.uint8], points: ArrayLike) -> NDArray[np.uint8]:
        """The face image: the frame's part of a photograph.

        Parameters
        ----------
        photograph : (H, W, 3) uint8 array
            RGB.
        points : (68, 2) array_like
            Landmarks in it.

        Returns
        -------
        face : (size, size, 3) uint8 array
            RGB; what lies outside the photograph repeats its border.
        """
        return crop(photograph, points, self.box(points), (self.size, self.size))[0]

    def draw(self, placed: ArrayLike) -> NDArray[np.uint8]:
        """The landmark image.

        Parameters
        ----------
        placed : (68, 2) array_like
            Landmarks in pixels of the frame, as `place` gives them.

        Returns
        -------
        image : (size, size, 3) uint8 array
            RGB.
        """
        return landmark_image(
            placed,
            (self.size, self.size),
            style=self.style,
            thickness=self.thickness,
            radius=self.radius,
        )

    def record(self) -> dict[str, Any]:
        """The frame as JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, record: Any) -> Frame:
        """The frame in a record; names that a frame does not have are passed over.

        Parameters
        ----------
        record : mapping
            As `record` gives it, or whatever else a file held in its place.

        Raises
        ------
        InputError
            It is no mapping, or a value is not what a frame has.
        """
        if not isinstance(record, Mapping):
            raise InputError(f"the frame is {record!r}: expected size, margin, style and so on")
        return cls(**{f.name: record[f.name] for f in fields(cls) if f.name in record})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def read_drawing(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """All that the maker of a folder of pairs told of them, the frame among it.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    told : dict
        What pairs.json holds, with a `frame` that can be used; empty where the folder has no
        pairs.json (pairs made by others).

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = Path(folder, FRAME_FILE)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict) or "frame" not in told:
            raise InputError("it tells no frame")
        Frame.of(told["frame"])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} is damaged ({reason}): expected what data.make_pairs wrote"
        ) from None
    return told


def read_frame(folder: str | os.PathLike[str]) -> Frame | None:
    """The frame of a folder of pairs.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    frame : Frame or None
        None where the folder has no pairs.json (pairs made by others).

    Raises
    ------
    InputError
        The file is damaged.
    """
    told = read_drawing(folder)
    return Frame.of(told["frame"]) if told else None


def write_frame(folder: str | os.PathLike[str], frame: Frame, **others: Any) -> None:
    """Write pairs.json.

    Parameters
    ----------
    folder : path-like
    frame : Frame
    **others
        What else is to be told of the pairs, as JSON can hold it.
    """
    with replacing(Path(folder, FRAME_FILE)) as handle:
        handle.write(json.dumps({"frame": frame.record(), **others}, indent=2) + "\n")
