"""Pictures of single faces: those that came out worst, and those that no box was found for."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from landmarks import scheme
from landmarks.keypoints.crops import square, typical_box
from landmarks.keypoints.measuring import Measured, Shown
from landmarks.keypoints.report_text import percent
from landmarks.keypoints.scores import Floats, face_errors, residuals

Array = NDArray[Any]

_SIDE = 300  # of one picture of a face
_BLOCKS = 2
_AROUND = 1.8  # side of what is shown, in sides of the typical box
_TITLE, _CAPTION, _GAP = 24, 20, 14
_TRUE, _OURS, _DLIB, _BOX = (70, 230, 90), (90, 190, 255), (255, 140, 60), (255, 215, 0)


def worst_sheet(measured: Measured) -> Array:
    """The largest errors, worst first: truth, ours with its radii, dlib's.

    Parameters
    ----------
    measured : Measured
        With at least one picture in `worst`.

    Returns
    -------
    sheet : (H, W, 3) uint8 array
        RGB; two blocks of rows, read down the first one, then the second.
    """
    errors = face_errors(residuals(measured.points, measured.truth))
    theirs = None
    if measured.dlib is not None:
        theirs = face_errors(residuals(measured.dlib, measured.truth))
    titles = ["truth", "ours" + (" and its radii" if measured.radius is not None else "")]
    titles += ["dlib"] if theirs is not None else []
    rows, captions = [], []
    for shown in measured.worst:
        row = shown.row
        radius = None if measured.radius is None else measured.radius[row]
        tiles = [
            _tile(shown, measured, measured.truth[row], _TRUE),
            _tile(shown, measured, measured.points[row], _OURS, radius),
        ]
        told = f"{_whose(measured, row)}: ours {percent(errors[row])}"
        if measured.trust is not None:
            told += f", trust {measured.trust[row]:.2f}"
        if measured.dlib is not None and theirs is not None:
            tiles.append(_tile(shown, measured, measured.dlib[row], _DLIB))
            told += f"; dlib {percent(theirs[row])}"
        rows.append(tiles)
        captions.append(told)
    return _sheet(rows, captions, titles)


def lost_sheet(measured: Measured) -> Array:
    """Faces for which no box was found, with their true points; `lost` is not empty."""
    rows = [[_tile(shown, measured, measured.truth[shown.row], _TRUE)] for shown in measured.lost]
    captions = []
    for shown in measured.lost:
        again = measured.found_by_dlib is not None and measured.found_by_dlib[shown.row]
        told = _whose(measured, shown.row)
        captions.append(told + (": dlib finds it" if again else ""))
    return _sheet(rows, captions, ["lost faces: truth"], blocks=4)


def _whose(measured: Measured, row: int) -> str:
    told = f"{measured.persons[row]} · {measured.keys[row]}"
    return told.encode(errors="backslashreplace").decode()


def _tile(
    shown: Shown,
    measured: Measured,
    points: Floats,
    color: tuple[int, int, int],
    radius: Floats | None = None,
) -> Array:
    centre, side = typical_box(measured.truth[shown.row])
    crop = square(centre, _AROUND * side, _SIDE)
    tile = np.ascontiguousarray(crop.cut(shown.image))
    scale = _SIDE / crop.pixels

    def placed(values: Any) -> Array:
        # A broken network may point anywhere.
        moved = np.nan_to_num(crop.to_crop(values) * _SIDE - 0.5, nan=-1e4)
        return np.round(16 * np.clip(moved, -1e4, 1e4)).astype(np.int32)

    left, top, right, bottom = measured.boxes[shown.row]
    if np.isfinite(left):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        cv2.polylines(tile, [placed(corners)[:, None]], True, _BOX, 1, cv2.LINE_AA, 4)
    fixed = placed(points)
    if radius is not None:
        shade = tile.copy()
        for (x, y), wide in zip(fixed.tolist(), radius, strict=True):
            around = int(16 * np.clip(wide * scale, 0.5, 2 * _SIDE)) if np.isfinite(wide) else 8
            cv2.circle(shade, (x, y), around, color, 1, cv2.LINE_AA, 4)
        tile = cv2.addWeighted(shade, 0.55, tile, 0.45, 0)
    for name, region in scheme.REGIONS.items():
        line = fixed[list(region)][:, None]
        closed = name in scheme.CLOSED_REGIONS
        cv2.polylines(tile, [line], closed, color, 1, cv2.LINE_AA, 4)
    for x, y in fixed.tolist():
        cv2.circle(tile, (x, y), 19, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return tile


def _sheet(
    rows: list[list[Array]], captions: list[str], titles: list[str], *, blocks: int = _BLOCKS
) -> Array:
    blocks = min(blocks, len(rows))
    lines, columns = -(-len(rows) // blocks), len(titles)
    width = columns * _SIDE
    size = (blocks * width + (blocks - 1) * _GAP, _TITLE + lines * (_SIDE + _CAPTION))
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for block in range(blocks):
        for column, title in enumerate(titles):
            x = block * (width + _GAP) + (column + 0.5) * _SIDE
            pen.text((x, _TITLE / 2), title, fill="black", font=font, anchor="mm")
    for place, (tiles, caption) in enumerate(zip(rows, captions, strict=True)):
        left = place // lines * (width + _GAP)
        top = _TITLE + place % lines * (_SIDE + _CAPTION)
        for column, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile), (left + column * _SIDE, top))
        while pen.textlength(caption, font) > width - 8:
            caption = caption[:-2].rstrip() + "…"
        pen.text((left + 4, top + _SIDE + _CAPTION / 2), caption, "black", font, anchor="lm")
    return np.asarray(sheet)
