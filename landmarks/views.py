"""One picture in grey, whole and at a half, a quarter and an eighth, each made at most once."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.image import Picture, as_rgb

REDUCTIONS = (8, 4, 2)


class Views:
    """The sizes of one picture that have been looked at.

    Parameters
    ----------
    picture : Picture, (H, W, 3) or (H, W) uint8 array
        A file's picture, or pixels.

    Notes
    -----
    Smaller views are averaged from larger ones. A JPEG could be decoded small at once, but the
    points are placed in the whole picture, and decoding twice costs more than averaging.
    """

    def __init__(self, picture: Picture | ArrayLike) -> None:
        self._picture = picture if isinstance(picture, Picture) else None
        self._greys: dict[int, NDArray[Any]] = {}
        if not isinstance(picture, Picture):
            self._rgb = as_rgb(picture)
            self._greys[1] = np.asarray(cv2.cvtColor(self._rgb, cv2.COLOR_RGB2GRAY))
        height, width = self.grey().shape
        self.size: tuple[int, int] = (width, height)

    def rgb(self) -> NDArray[np.uint8]:
        """The whole picture, (H, W, 3) RGB."""
        if self._picture is not None:
            return self._picture.rgb()
        return self._rgb

    def grey(self, reduce: int = 1) -> NDArray[np.uint8]:
        """The picture in grey.

        Parameters
        ----------
        reduce : {1, 2, 4, 8}, optional
            Divide both sides by this (rounded down). Pixel (x, y) then has its centre at
            ((x + ½) reduce - ½, (y + ½) reduce - ½) of the picture.

        Returns
        -------
        grey : (h, w) uint8 array
        """
        if reduce not in self._greys:
            if reduce > 1:
                self._greys[reduce] = _half(self.grey(reduce // 2))
            else:
                assert self._picture is not None
                self._greys[1] = np.ascontiguousarray(self._picture.grey())
        return self._greys[reduce]

    def at_least(self, scale: float) -> tuple[NDArray[np.uint8], int]:
        """The smallest view that is no smaller than `scale` times the picture, and its `reduce`."""
        reduce = next((r for r in REDUCTIONS if 1 / r >= scale), 1)
        return self.grey(reduce), reduce


def _half(grey: NDArray[Any]) -> NDArray[Any]:
    height, width = grey.shape
    # Without the last row or column, should it be odd: each pixel is then exactly four.
    even = grey[: height // 2 * 2 or 1, : width // 2 * 2 or 1]
    size = (max(1, width // 2), max(1, height // 2))
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA))
