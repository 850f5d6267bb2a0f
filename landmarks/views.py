"""One picture in grey at several sizes, each made at most once."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.image import as_rgb

REDUCTIONS = (8, 4, 2, 1)

_SMALL = 1_000_000
"""Pictures with fewer pixels are decoded once, whole: decoding twice costs more than it saves."""


class GreySource(Protocol):
    """What `landmarks.image.Picture` offers: a picture that is decoded as far as it is needed."""

    size: tuple[int, int]

    def grey(self, reduce: int = 1) -> NDArray[np.uint8]: ...

    def rgb(self) -> NDArray[np.uint8]: ...


class Views:
    """The sizes of one picture that have been looked at.

    Parameters
    ----------
    picture : Picture, (H, W, 3) or (H, W) uint8 array
        A file's picture, or pixels.
    """

    def __init__(self, picture: GreySource | ArrayLike) -> None:
        self._picture: GreySource | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._greys: dict[int, NDArray[Any]] = {}
        if hasattr(picture, "grey"):
            source: Any = picture
            self._picture = source
            self.size: tuple[int, int] = source.size
            return
        pixels: NDArray[Any] = np.asarray(picture)
        if pixels.ndim == 2 and pixels.dtype == np.uint8 and pixels.size:
            self._greys[1] = np.ascontiguousarray(pixels)
        self._pixels = as_rgb(pixels)
        self.size = (pixels.shape[1], pixels.shape[0])

    def rgb(self) -> NDArray[np.uint8]:
        """The whole picture, (H, W, 3) RGB."""
        if self._pixels is None:
            assert self._picture is not None
            self._pixels = self._picture.rgb()
        return self._pixels

    def grey(self, reduce: int = 1) -> NDArray[np.uint8]:
        """The picture in grey, both sides divided by `reduce` (1, 2, 4 or 8; rounded up)."""
        if reduce not in self._greys:
            self._greys[reduce] = self._make(reduce)
        return self._greys[reduce]

    def at_least(self, scale: float) -> tuple[NDArray[np.uint8], int]:
        """The smallest view that is no smaller than `scale` times the picture.

        Parameters
        ----------
        scale : float
            Wanted size as a fraction of the picture's; more than 1 gets the whole picture.

        Returns
        -------
        grey : (h, w) uint8 array
        reduce : int
            Pixel (x, y) of `grey` has its centre at ((x + ½) reduce - ½, (y + ½) reduce - ½) of the
            picture.
        """
        reduce = next((r for r in REDUCTIONS if 1 / r >= scale), 1)
        if self.size[0] * self.size[1] < _SMALL:
            self.grey(1)  # decoded once; smaller views are made from it
        return self.grey(reduce), reduce

    def _make(self, reduce: int) -> NDArray[Any]:
        finer = max((have for have in self._greys if have < reduce), default=None)
        if finer is not None:
            grey, ratio = self._greys[finer], reduce // finer
            size = (-(-grey.shape[1] // ratio), -(-grey.shape[0] // ratio))
            return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        if self._picture is not None:
            return np.ascontiguousarray(self._picture.grey(reduce))
        full = cv2.cvtColor(self.rgb(), cv2.COLOR_RGB2GRAY)
        if reduce == 1:
            return full
        self._greys[1] = full
        return self._make(reduce)
