"""The drawing of a contact sheet: rows of people, columns of emotions at intensities."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from landmarks.draw import draw_points
from landmarks.image import resize
from landmarks.samples import LABEL_COLORS, LABELS, Sample, split_of

_PAPER, _INK, _FAINT, _EMPTY = "white", (40, 40, 40), (120, 120, 120), (236, 236, 236)
_SEEN, _HIDDEN = (255, 230, 0), (255, 0, 255)  # far from every colour of a mask
_GAP, _GROUP_GAP, _MARGIN = 4, 14, 16
_COVER = 0.4  # of the masks


class Column(NamedTuple):
    """What a column shows."""

    emotion: str
    intensity: float


_Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"
Cell: TypeAlias = "tuple[Sample, float] | None"
"""A sample and its intensity; None where there is none."""


def draw_cell(sample: Sample, size: int, *, points: bool, labels: bool) -> NDArray[np.uint8]:
    """One picture of a sheet.

    Parameters
    ----------
    sample : Sample
    size : int
        Of the longer side, in pixels.
    points : bool
        Draw the landmarks: yellow where the camera sees them, magenta where it does not.
    labels : bool
        Lay the masks over the picture.

    Returns
    -------
    drawn : (H, W, 3) uint8 array
        RGB.
    """
    height, width = sample.image.shape[:2]
    scale = size / max(height, width)
    wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    image, moved = resize(sample.image, sample.points, wanted)
    if labels and sample.labels is not None:
        mask = cv2.resize(sample.labels, wanted, interpolation=cv2.INTER_NEAREST)
        colors = np.array(LABEL_COLORS, dtype=np.float64)[mask]
        # What is nothing or plain skin is left as it is, so that the face can be judged.
        cover = np.where(mask >= LABELS.index("lips"), _COVER, 0.0)[..., None]
        image = np.round(image * (1 - cover) + colors * cover).astype(np.uint8)
    image = np.ascontiguousarray(image)
    if points:
        seen = np.ones(len(moved), bool) if sample.visible is None else sample.visible
        radius = max(0.7, float(np.ptp(moved[:, 0])) / 75)
        draw_points(image, moved[~seen], _HIDDEN, radius)
        draw_points(image, moved[seen], _SEEN, radius)
    return image


def _text(cell: int) -> tuple[_Font, int]:
    """Letters of the titles, and the height of a line."""
    height = max(11, cell // 11)
    return ImageFont.load_default(height), round(1.5 * height)


class _Entry(NamedTuple):
    """A colour and what it means, at a place in the legend."""

    x: int
    line: int
    name: str
    color: tuple[int, int, int]


class _Layout(NamedTuple):
    """Left edges of the columns, top of the first row, step to the next, and what else is where."""

    lefts: list[int]
    top: int
    step: int
    size: tuple[int, int]
    legend: list[_Entry]


def _legend(points: bool, labels: bool, room: int, font: _Font) -> list[_Entry]:
    """What the colours of points and masks mean, in as many lines as it takes."""
    meant = {"visible point": _SEEN, "hidden point": _HIDDEN} if points else {}
    if labels:
        first = LABELS.index("lips")
        names = (name.replace("_", " ") for name in LABELS[first:])
        meant |= dict(zip(names, LABEL_COLORS[first:], strict=True))
    entries: list[_Entry] = []
    x = line = 0
    for name, color in meant.items():
        width = 15 + int(font.getlength(name))
        if x and x + width > room:
            x, line = 0, line + 1
        entries.append(_Entry(x, line, name, color))
        x += width + 18
    return entries


def _small(cell: int) -> _Font:
    """Letters of the numbers and of the legend."""
    return ImageFont.load_default(max(10, cell // 13))


def _layout(
    persons: Collection[str], columns: Sequence[Column], cell: int, points: bool, labels: bool
) -> _Layout:
    text, line = _text(cell)
    name_width = int(max(text.getlength(f"person {person}") for person in persons)) + _MARGIN
    lefts, left = [], _MARGIN + name_width
    for number, column in enumerate(columns):
        if number and column.emotion != columns[number - 1].emotion:
            left += _GROUP_GAP - _GAP
        lefts.append(left)
        left += cell + _GAP
    top, step = _MARGIN + 2 * line, cell + line + _GAP
    legend = _legend(points, labels, left - _GAP - lefts[0], _small(cell))
    lines = legend[-1].line + 1 if legend else 0
    height = top + step * len(persons) + lines * line + _MARGIN
    return _Layout(lefts, top, step, (left - _GAP + _MARGIN, height), legend)


def sheet_size(
    persons: Collection[str], columns: Sequence[Column], *, cell: int, points: bool, labels: bool
) -> tuple[int, int]:
    """Width and height in pixels that `draw_sheet` will give a sheet of these persons."""
    return _layout(persons, columns, cell, points, labels).size


def draw_sheet(
    rows: Mapping[str, Sequence[Cell]],
    columns: Sequence[Column],
    *,
    cell: int,
    points: bool,
    labels: bool,
) -> Image.Image:
    """The whole sheet.

    Parameters
    ----------
    rows : mapping
        Person → a cell for each column.
    columns : sequence of Column
        Those of one emotion side by side.
    cell : int
        Width and height of a picture in pixels.
    points, labels : bool
        As `draw_cell`.

    Returns
    -------
    sheet : PIL.Image
        RGB.
    """
    text, line = _text(cell)
    small = _small(cell)
    lefts, top, step, size, legend = _layout(rows, columns, cell, points, labels)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    _draw_head(pen, columns, lefts, cell, text)
    for number, (person, cells) in enumerate(rows.items()):
        y = top + number * step
        pen.text((_MARGIN, y + cell // 2), f"person {person}", _INK, text, anchor="ls")
        pen.text((_MARGIN, y + cell // 2 + line), split_of(person), _FAINT, small, anchor="ls")
        for x, item in zip(lefts, cells, strict=True):
            if item is None:
                pen.rectangle((x, y, x + cell - 1, y + cell - 1), fill=_EMPTY)
                continue
            sample, intensity = item
            drawn = draw_cell(sample, cell, points=points, labels=labels)
            sheet.paste(Image.fromarray(drawn), (x, y))
            place = (x + cell // 2, y + cell + line // 2)
            pen.text(place, f"{intensity:.2f}", _FAINT, small, anchor="mm")
    bottom = top + step * len(rows) + line // 2
    for entry in legend:
        x, y = lefts[0] + entry.x, bottom + entry.line * line
        pen.rectangle((x, y - 5, x + 10, y + 5), fill=entry.color, outline=_FAINT)
        pen.text((x + 15, y), entry.name, _FAINT, small, anchor="lm")
    return sheet


def _draw_head(
    pen: ImageDraw.ImageDraw,
    columns: Sequence[Column],
    lefts: Sequence[int],
    cell: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Each emotion's name above its columns, with a rule below it."""
    for emotion in dict.fromkeys(column.emotion for column in columns):
        own = [x for x, column in zip(lefts, columns, strict=True) if column.emotion == emotion]
        first, last = own[0], own[-1] + cell - 1
        pen.text(((first + last) // 2, _MARGIN + 8), emotion, _INK, font, anchor="mm")
        y = _MARGIN + round(1.2 * font.getbbox("Ag")[3])
        pen.line((first, y, last, y), _FAINT)
