"""Where faces could be: a small convolutional network over a small picture.

The network (`face_candidates.onnx`, run by OpenCV) marks every place that might be a face between
14 and 28 pixels wide, in the picture and in copies of half the size, a quarter, and so on. The
picture is given to it so small that this takes a millisecond or two. It only says
where to look: what is a face is decided by the detector that looks there. `scripts/bench/recall.py`
counts the faces that are lost this way, `scripts/train_face_candidates.py` trains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("face_candidates.onnx")

SMALLEST = 14.0
"""Width in pixels at which the smallest face is shown to the network, which knows 11 to 26."""

_STRIDE = 4
_CELL_CENTRE = 1.5
_MEAN_SIZE = 17.0  # a predicted logarithm of 0 means this width
_WINDOW = 33
_GAP = 8  # zeros between levels that share a canvas; the network looks 15 pixels to each side


@dataclass(frozen=True)
class Candidate:
    """A place that might be a face: centre and width of the detector's box, in pixels."""

    x: float
    y: float
    size: float
    logit: float


def local_contrast(grey: NDArray[np.uint8]) -> NDArray[Any]:
    """Grey values less their local mean, in units of their local standard deviation.

    Parameters
    ----------
    grey : (h, w) uint8 array

    Returns
    -------
    normalised : (h, w) float32 array
        Almost free of brightness, contrast and slow shading.
    """
    values = grey.astype(np.float32)
    window = (_WINDOW, _WINDOW)
    border = cv2.BORDER_REPLICATE if min(grey.shape) <= _WINDOW // 2 else cv2.BORDER_REFLECT_101
    mean: NDArray[Any] = cv2.boxFilter(values, cv2.CV_32F, window, borderType=border)
    square: NDArray[Any] = cv2.sqrBoxFilter(values, cv2.CV_32F, window, borderType=border)
    # In place: these arrays are what the search spends its time on after the network.
    square -= mean * mean
    np.maximum(square, 0, out=square)
    np.sqrt(square, out=square)
    square += 8
    values -= mean
    values /= square
    return values


class CandidateNetwork:
    """Marks places that might be faces.

    Parameters
    ----------
    threshold : float
        Logit from which a place is marked: lower finds more faces and more that are none.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        # One copy for each shape of input: OpenCV plans its memory anew whenever the shape changes.
        self._networks = [cv2.dnn.readNetFromONNX(str(WEIGHTS)) for _ in range(2)]

    def __call__(self, grey: NDArray[np.uint8]) -> list[Candidate]:
        """Candidates of every size from `SMALLEST` to that of the picture.

        Parameters
        ----------
        grey : (h, w) uint8 array

        Returns
        -------
        candidates : list of Candidate
            Best first, in pixels of `grey` (0 = centre of the first pixel); of those that overlap
            only the best.
        """
        levels: list[NDArray[Any]] = [grey]
        while min(levels[-1].shape) >= 2 * SMALLEST:
            height, width = levels[-1].shape
            half = (max(1, width // 2), max(1, height // 2))
            levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
        found = [self._decode(self._forward(0, _pad(local_contrast(grey))), (1.0, 1.0))]
        if levels[1:]:
            smaller = [_pad(local_contrast(level)) for level in levels[1:]]
            corners, size = _arrange([level.shape for level in smaller])
            canvas = np.zeros(size, np.float32)
            for (top, left), level in zip(corners, smaller, strict=True):
                canvas[top : top + level.shape[0], left : left + level.shape[1]] = level
            answer = self._forward(1, canvas)
            for (top, left), padded, level in zip(corners, smaller, levels[1:], strict=True):
                rows = slice(top // _STRIDE, (top + padded.shape[0]) // _STRIDE)
                columns = slice(left // _STRIDE, (left + padded.shape[1]) // _STRIDE)
                scale = (grey.shape[1] / level.shape[1], grey.shape[0] / level.shape[0])
                found.append(self._decode(answer[:, rows, columns], scale))
        return _best_of_overlapping(np.concatenate(found))

    def _forward(self, which: int, values: NDArray[Any]) -> NDArray[Any]:
        network = self._networks[which]
        network.setInput(values[None, None])
        return network.forward()[0]

    def _decode(
        self, answer: NDArray[np.float32], scale: tuple[float, float]
    ) -> NDArray[np.float64]:
        row, column = np.nonzero(answer[0] >= self.threshold)
        logit, right, down, log_size = answer[:, row, column].astype(np.float64)
        size = _MEAN_SIZE * np.exp(np.clip(log_size, -1, 1))
        x = column * _STRIDE + _CELL_CENTRE + right * size
        y = row * _STRIDE + _CELL_CENTRE + down * size
        across, along = scale
        return np.stack(
            [(x + 0.5) * across - 0.5, (y + 0.5) * along - 0.5, size * (across + along) / 2, logit],
            axis=1,
        )


def _arrange(shapes: list[tuple[int, ...]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Places (top, left) on one canvas: the largest alone, the others in a row below it."""
    corners = [(0, 0)]
    left = 0
    for _, width in shapes[1:]:
        corners.append((shapes[0][0] + _GAP, left))
        left += width + _GAP
    below = shapes[1][0] + _GAP if len(shapes) > 1 else 0
    return corners, (shapes[0][0] + below, max(shapes[0][1], left))


def _pad(values: NDArray[Any]) -> NDArray[Any]:
    height, width = values.shape
    down, right = -height % _STRIDE, -width % _STRIDE
    return np.asarray(cv2.copyMakeBorder(values, 0, down, 0, right, cv2.BORDER_CONSTANT))


def _best_of_overlapping(found: NDArray[np.float64]) -> list[Candidate]:
    found = found[np.argsort(-found[:, 3], kind="stable")]
    kept: list[Candidate] = []
    while len(found):
        best = found[0]
        kept.append(Candidate(*map(float, best)))
        far = np.maximum(np.abs(found[:, 0] - best[0]), np.abs(found[:, 1] - best[1]))
        ratio = found[:, 2] / best[2]
        same = (far < 0.4 * np.minimum(found[:, 2], best[2])) & (ratio < 1.6) & (ratio > 1 / 1.6)
        found = found[~same]
    return kept
