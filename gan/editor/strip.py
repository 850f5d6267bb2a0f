"""A dial as one labelled picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gan.editor.square import SIDE, into, inverse, square_of
from landmarks.image import crop

CELL = 256
"""Side of a cell in pixels at most; faces that are smaller in the photograph get smaller cells."""

_SMALLEST = 128
_ROOM = 1.15  # sides of the square that a cell shows: hair and chin too
_TOP, _LEFT, _GAP = 30, 92, 2
_TEXT = (40, 40, 60)


def head(
    photograph: NDArray[np.uint8], points: NDArray[np.float64], cell: int = CELL
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A face with its hair, as a cell of the strip shows it.

    Parameters
    ----------
    photograph : (H, W, 3) uint8 array
        RGB.
    points : (68, 2) float array
        Landmarks in pixels.
    cell : int, optional
        Largest side in pixels.

    Returns
    -------
    picture : (side, side, 3) uint8 array
        Where it leaves the photograph, the border is repeated.
    matrix : (2, 3) float array
        Pixels of the photograph → pixels of the picture.
    """
    back = inverse(square_of(points).matrix)
    centre = into(back, [(SIDE - 1) / 2, (SIDE - 1) / 2])
    width = _ROOM * SIDE * float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    side = int(np.clip(round(width), _SMALLEST, cell))
    box = np.concatenate([centre - width / 2, centre + width / 2]) + 0.5
    # A large photograph would be averaged whole.
    limits = np.array(photograph.shape[1::-1])
    low = np.clip(np.floor(box[:2] - width / 4), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(box[2:] + width / 4), low + 1, limits).astype(int)
    part = photograph[low[1] : high[1], low[0] : high[0]]
    left, top, right, bottom = (float(edge) for edge in box - np.tile(low, 2))
    picture, _ = crop(part, points - low, (left, top, right, bottom), (side, side))
    ratio = side / width
    shift = 0.5 * ratio - 0.5 - box[:2] * ratio
    return picture, np.concatenate([ratio * np.eye(2), shift[:, None]], axis=1)


def draw_strip(
    cells: Sequence[Sequence[NDArray[np.uint8]]], rows: Sequence[str], columns: Sequence[str]
) -> NDArray[np.uint8]:
    """Pictures in a grid, with names at the left and above.

    Parameters
    ----------
    cells : sequence of sequences of (h, w, 3) uint8 arrays
        All of one size; rows down, columns across.
    rows, columns : sequence of str
        Their names.

    Returns
    -------
    strip : (H, W, 3) uint8 array
        RGB.
    """
    height, width = cells[0][0].shape[:2]
    size = (_LEFT + len(columns) * (width + _GAP), _TOP + len(rows) * (height + _GAP))
    strip = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(15)
    for column, name in enumerate(columns):
        place = (_LEFT + column * (width + _GAP) + width / 2, _TOP / 2)
        pen.text(place, name, fill=_TEXT, font=font, anchor="mm")
    for row, name in enumerate(rows):
        top = _TOP + row * (height + _GAP)
        pen.text((10, top + height / 2), name, fill=_TEXT, font=font, anchor="lm")
        for column, picture in enumerate(cells[row]):
            strip.paste(Image.fromarray(picture), (_LEFT + column * (width + _GAP), top))
    return np.asarray(strip)
