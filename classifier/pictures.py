"""Pictures of a run: faces as the network sees them, and what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_CELL, _MARGIN = 56, 96
_FONT, _SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
_MOST = 36


def faces_picture(images: Any) -> NDArray[np.uint8]:
    """Up to 36 faces of a (B, C, side, side) tensor in [−1, 1], beside each other."""
    values = images[:_MOST].detach().cpu().numpy()
    pixels = ((np.moveaxis(values, 1, 3) + 1) * 127.5).clip(0, 255).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    across = math.ceil(math.sqrt(len(pixels)))
    down = math.ceil(len(pixels) / across)
    side = pixels.shape[1]
    sheet = np.zeros((down * side, across * side, 3), np.uint8)
    for number, face in enumerate(pixels):
        row, column = divmod(number, across)
        sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] = face
    return sheet


def confusion_picture(counts: Array, names: Sequence[str]) -> NDArray[np.uint8]:
    """A confusion matrix: rows are true emotions, columns predicted ones.

    Parameters
    ----------
    counts : (C, C) int array
        As `classifier.metrics.confusion_matrix`.
    names : sequence of C str

    Returns
    -------
    picture : (H, W, 3) uint8 array
        RGB. The darker a cell, the larger its share of the row; the number in it is that share in
        percent, and at the end of each row stands how many faces it has.
    """
    size = len(names)
    height, width = _MARGIN + size * _CELL + 8, _MARGIN + (size + 1) * _CELL + 8
    sheet = np.full((height, width, 3), 255, np.uint8)
    totals = counts.sum(axis=1)
    for row in range(size):
        top = _MARGIN + row * _CELL
        _write(sheet, names[row], (6, top + _CELL // 2 + 4))
        _write(sheet, str(int(totals[row])), (_MARGIN + size * _CELL + 10, top + _CELL // 2 + 4))
        for column in range(size):
            left = _MARGIN + column * _CELL
            share = counts[row, column] / totals[row] if totals[row] else 0.0
            shade = np.array([255, 255, 255]) + share * (np.array([20, 60, 120]) - 255)
            sheet[top : top + _CELL - 1, left : left + _CELL - 1] = shade.astype(np.uint8)
            if totals[row]:
                light = (255, 255, 255) if share > 0.5 else (0, 0, 0)
                _write(sheet, f"{100 * share:.0f}", (left + 16, top + _CELL // 2 + 4), light)
    for column, name in enumerate(names):
        upright = np.full((_CELL, _MARGIN - 8, 3), 255, np.uint8)
        _write(upright, name, (2, _CELL // 2 + 4))
        left = _MARGIN + column * _CELL
        sheet[4 : _MARGIN - 4, left : left + _CELL] = np.rot90(upright)
    return sheet


def _write(
    sheet: Array, text: str, place: tuple[int, int], color: tuple[int, int, int] = (0, 0, 0)
) -> None:
    cv2.putText(sheet, text, place, _FONT, _SIZE, color, 1, cv2.LINE_AA)
