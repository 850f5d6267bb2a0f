"""Landmarks of dlib's predictor in fractions of a pixel, and steadier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.detector import Box
from landmarks.placing import Fit, Placer
from landmarks.views import Views

_WIDTH = 300.0
# Pixels to which a narrower face's box is enlarged: dlib answers in whole pixels.
_AROUND = 0.5
# Of the box, on each side: what the predictor looks at, and some.
_LOOKS = ((0.0, 0.0, 1.0), (0.02, 0.01, 0.98), (-0.02, 0.01, 1.02), (0.01, -0.02, 1.03), (-0.01, -0.02, 0.97))  # fmt: skip  # noqa: E501
# Shifts of the box, in its sides, and factors of its size.


class FinePlacer:
    """Asks a predictor of whole pixels several times, in an enlarged picture.

    dlib's points jump by about a hundredth of the inter-ocular distance when a grey level changes;
    the mean of five boxes that differ a little jumps less, and a dial that is set by what is read
    from the points needs that.

    Parameters
    ----------
    place : Placer
    """

    tells = False

    def __init__(self, place: Placer) -> None:
        self._place = place

    def __call__(self, views: Views, boxes: Sequence[Box]) -> list[Fit]:
        """One fit for each box, as dlib's detectors draw them."""
        return [Fit(self._one(views.rgb(), box)) for box in boxes]

    def _one(self, image: NDArray[np.uint8], box: Box) -> NDArray[np.float64]:
        corner = np.array([box.left, box.top])
        sides = np.array([box.width, box.height])
        limits = np.array(image.shape[1::-1])
        low = np.clip(np.floor(corner - _AROUND * sides), 0, limits - 1).astype(int)
        high = np.clip(np.ceil(corner + (1 + _AROUND) * sides), low + 1, limits).astype(int)
        part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        scale = max(1.0, _WIDTH / box.width)
        if scale > 1:
            size = np.ceil((high - low) * scale).astype(int)
            scale_x, scale_y = size / (high - low)
            part = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_CUBIC)
        else:
            scale_x = scale_y = 1.0
        ratio = np.array([scale_x, scale_y])
        looks = []
        for across, down, factor in _LOOKS:
            centre = (corner + sides * (0.5 + np.array([across, down])) - low) * ratio
            half = sides * ratio * factor / 2
            left, top, right, bottom = (float(v) for v in (*(centre - half), *(centre + half)))
            looks.append(replace(box, left=left, top=top, right=right, bottom=bottom))
        found = np.mean([fit.points for fit in self._place(Views(part), looks)], axis=0)
        points: NDArray[np.float64] = (found + 0.5) / ratio - 0.5 + low
        return points
