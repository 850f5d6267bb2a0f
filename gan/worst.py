"""The faces that came out worst, side by side with what was wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

Images = NDArray[np.uint8]

COUNT = 20
_COLUMNS = ("landmarks", "generated", "true", "nearest copy")
_TITLE, _CAPTION, _GAP = 22, 18, 12
_BLOCKS = 2


def worst_first(errors: ArrayLike, count: int = COUNT) -> NDArray[np.int64]:
    """Which faces have the largest errors.

    Parameters
    ----------
    errors : (n,) array_like
        `inf` where no face was found.
    count : int, optional

    Returns
    -------
    which : (min(n, count),) int array
        The worst first; of equals the first.
    """
    return np.argsort(-np.asarray(errors, dtype=np.float64), kind="stable")[:count]


def draw_worst(
    drawings: Images, generated: Images, true: Images, copied: Images, errors: ArrayLike
) -> Images:
    """A sheet of the worst faces.

    Parameters
    ----------
    drawings, generated, true, copied : (n, S, S, 3) uint8 array
        RGB, n ≥ 1.
    errors : (n,) array_like
        Landmark errors of the generated faces, as fractions.

    Returns
    -------
    sheet : (H, W, 3) uint8 array
        RGB; two blocks of rows, each landmarks, generated, true, nearest copy.
    """
    which = worst_first(errors)
    errors = np.asarray(errors, dtype=np.float64)
    size = drawings.shape[1]
    rows = -(-len(which) // _BLOCKS)
    width = len(_COLUMNS) * size
    sheet = Image.new(
        "RGB",
        (_BLOCKS * width + (_BLOCKS - 1) * _GAP, _TITLE + rows * (size + _CAPTION)),
        "white",
    )
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for block in range(_BLOCKS):
        for column, title in enumerate(_COLUMNS):
            x = block * (width + _GAP) + (column + 0.5) * size
            pen.text((x, _TITLE / 2), title, fill="black", font=font, anchor="mm")
    for place, number in enumerate(which.tolist()):
        left = place // rows * (width + _GAP)
        top = _TITLE + place % rows * (size + _CAPTION)
        for column, images in enumerate((drawings, generated, true, copied)):
            sheet.paste(Image.fromarray(images[number]), (left + column * size, top))
        error = errors[number]
        told = f"error {100 * error:.1f} %" if np.isfinite(error) else "no face found"
        pen.text((left + 4, top + size + _CAPTION / 2), told, fill="black", font=font, anchor="lm")
    return np.asarray(sheet)
