"""From a detector's box to the square picture that a network sees, and back.

A crop is described by one affine map from the picture's pixels to the crop's. Whole numbers are
pixel centres on both sides, so a picture that is cut out at its own size comes back bit for bit.
Networks speak in fractions of the crop's side: 0 is the left edge of its first pixel, 1 the right
edge of its last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import scheme
from landmarks.errors import InputError
from landmarks.keypoints.config import Config

Array = NDArray[Any]

FACTOR = Config.factor
"""Side of the crop in sides of the detector's box: dlib's boxes leave out chins and jaws."""

_BOX_OVER_SPREAD = 3.47
# Median over 491 boxes of dlib's HOG detector on training persons of YouTube Faces; the centre of
# the boxes is the mean of the inner points (shift below 2 % of the spread on either axis), with a
# standard deviation of 4.5 % of the box's side on each axis and of 11 % for the side.

_LARGEST = 32_766
# OpenCV warps no picture with longer sides.


class Crop(NamedTuple):
    """A square part of a picture, perhaps turned or mirrored.

    Attributes
    ----------
    matrix : (2, 3) float array
        Pixels of the picture → pixels of the crop.
    side : int
        Of the crop, in pixels.
    """

    matrix: NDArray[np.float64]
    side: int

    def cut(self, image: Array) -> Array:
        """The pixels of the crop.

        Parameters
        ----------
        image : (H, W) or (H, W, C) uint8 array

        Returns
        -------
        crop : (side, side) or (side, side, C) uint8 array
            Parts outside of the picture repeat its border; where the picture is shrunk, pixels are
            averaged first.
        """
        matrix, size = self.matrix, (self.side, self.side)
        shrink = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        if shrink >= 2 or max(image.shape[:2]) > _LARGEST:
            image, matrix = _averaged(image, self, max(1, int(shrink * (1 + 1e-9))))
        return cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def to_crop(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) in pixels of the picture → fractions of the crop's side."""
        pixels = np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return (pixels + 0.5) / self.side

    def to_picture(self, fractions: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) in fractions of the crop's side → pixels of the picture."""
        pixels = np.asarray(fractions, dtype=np.float64) * self.side - 0.5
        back = np.linalg.inv(self.matrix[:, :2])
        return (pixels - self.matrix[:, 2]) @ back.T

    @property
    def pixels(self) -> float:
        """Side of the crop in pixels of the picture: what a radius of 1 is long there."""
        return self.side / float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))


def _averaged(image: Array, crop: Crop, times: int) -> tuple[Array, NDArray[np.float64]]:
    """The part of a picture that a crop needs, `times` smaller, and the map from there."""
    height, width = image.shape[:2]
    corners = crop.to_picture([(-0.1, -0.1), (1.1, -0.1), (1.1, 1.1), (-0.1, 1.1)])
    limits = np.array([width, height])
    low = np.clip(np.floor(corners.min(axis=0)), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low + 1, limits).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    small = np.maximum((high - low) // times, 1)
    ratio = small / (high - low)
    image = cv2.resize(part, (int(small[0]), int(small[1])), interpolation=cv2.INTER_AREA)
    # Pixel s of the small part lies at (s + 0.5) / ratio − 0.5 + low of the picture.
    linear = crop.matrix[:, :2] / ratio
    shift = crop.matrix[:, :2] @ (0.5 / ratio - 0.5 + low) + crop.matrix[:, 2]
    return image, np.concatenate([linear, shift[:, None]], axis=1)


def square(
    centre: ArrayLike,
    width: float,
    side: int,
    *,
    turn: float = 0.0,
    mirror: bool = False,
) -> Crop:
    """A square around a point.

    Parameters
    ----------
    centre : (2,) array_like
        (x, y) in pixels of the picture.
    width : float
        Side of the square in pixels of the picture.
    side : int
        Side of the crop in its own pixels.
    turn : float, optional
        Radians by which the content turns, clockwise as the picture is seen.
    mirror : bool, optional
        Flip the crop left to right afterwards.

    Returns
    -------
    crop : Crop
    """
    scale = side / width
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.array([[cosine, -sine], [sine, cosine]])
    if mirror:
        linear[0] *= -1
    middle = np.full(2, (side - 1) / 2)
    shift = middle - linear @ np.asarray(centre, dtype=np.float64)
    return Crop(np.concatenate([linear, shift[:, None]], axis=1), side)


def crop_around(box: ArrayLike, side: int, *, factor: float = FACTOR) -> Crop:
    """The crop that belongs to a detector's box.

    Parameters
    ----------
    box : (4,) array_like
        Left, top, right, bottom in pixels of the picture; right and bottom are inside, as
        `landmarks.detector.Box` has it. It may lie outside of the picture, in part or in whole.
    side : int
        Of the crop, in pixels.
    factor : float, optional
        Side of the crop in sides of the square with the box's area.

    Returns
    -------
    crop : Crop

    Raises
    ------
    InputError
        The box is empty, or not four finite numbers.
    """
    values = np.asarray(box, dtype=np.float64)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise InputError(f"the box is {box!r}: expected four finite numbers, left top right bottom")
    left, top, right, bottom = values.tolist()
    width, height = right - left + 1, bottom - top + 1
    if width <= 0 or height <= 0:
        raise InputError(
            f"the box {left:g} {top:g} {right:g} {bottom:g} is empty: expected left ≤ right and "
            "top ≤ bottom"
        )
    centre = ((left + right) / 2, (top + bottom) / 2)
    return square(centre, factor * float(np.sqrt(width * height)), side)


def typical_box(points: ArrayLike) -> tuple[NDArray[np.float64], float]:
    """Where dlib's frontal detector would draw its box, on average.

    Parameters
    ----------
    points : (68, 2) array_like
        (x, y) in pixels.

    Returns
    -------
    centre : (2,) float array
    side : float
        Pixels.

    Notes
    -----
    It follows every similarity of the points: the mean of the inner 51 points and their spread.
    """
    inner = np.asarray(points, dtype=np.float64)[scheme.INNER_51]
    centre = inner.mean(axis=0)
    spread = float(np.sqrt(((inner - centre) ** 2).sum(axis=1).mean()))
    return centre, _BOX_OVER_SPREAD * spread
