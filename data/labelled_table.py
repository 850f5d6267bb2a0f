"""A set of labelled expressions as a table: its pictures, found by their layout, row by row."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from classifier.emotions import EmotionError, emotion_of
from data.labelled_layouts import LAYOUTS, NEUTRAL, Labelled, read_rows
from landmarks.errors import InputError
from landmarks.files import replacing

COLUMNS = ("file", "emotion", "person", "intensity", "neutral")

_SIDE = 48  # of FER2013's pictures


def read_set(
    name: str, folder: str | os.PathLike[str], table: Path, *, all_views: bool = False
) -> list[Labelled]:
    """The pictures of a set, in a fixed order.

    Parameters
    ----------
    name : str
        One of `LAYOUTS`.
    folder : path-like
    table : Path
        That will be written; pictures without files are written beside it.
    all_views : bool, optional
        Turned heads and dim light too.

    Raises
    ------
    InputError
        Nothing is there; no picture has the layout; a label is no emotion.
    """
    path = Path(folder)
    if not path.exists():
        raise InputError(f"{path} does not exist: expected the folder of {name}")
    pixels = path if path.is_file() else path / "fer2013.csv"
    if name == "fer2013" and pixels.is_file():
        rows = _fer2013(pixels, table.with_suffix(""))
    elif path.is_dir():
        rows = list(LAYOUTS[name].read(path, all_views))
    else:
        raise InputError(f"{path} is a file: expected the folder of {name}")
    if not rows:
        expected = LAYOUTS[name].expected
        raise InputError(f"{path} holds no picture of {name}: expected files like {expected}")
    return rows


def _fer2013(table: Path, folder: Path) -> list[Labelled]:
    """Columns emotion and pixels (2,304 grey values), written as PNG files once all are read."""
    shown = []
    for line, row in read_rows(table, ("emotion", "pixels")):
        where = f"{table}, line {line}"
        try:
            values = np.array(row["pixels"].split(), dtype=np.uint8).reshape(_SIDE, _SIDE)
        except (ValueError, OverflowError):
            raise InputError(f"{where}: expected {_SIDE * _SIDE} values of 0 to 255") from None
        try:
            shown.append((values, emotion_of(row["emotion"], "fer2013")))
        except EmotionError as error:
            raise EmotionError(f"{where}: {error}") from None
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (values, emotion) in enumerate(shown):
        file = folder / f"{number:05d}.png"
        with replacing(file, "wb", durable=False) as out:
            Image.fromarray(values).save(out, format="PNG")
        rows.append(Labelled(file, emotion))
    return rows


def write_table(rows: Sequence[Labelled], table: Path) -> None:
    """Write the pictures as a table; files are named from the table's folder.

    Parameters
    ----------
    rows : sequence of Labelled
    table : Path
    """
    rest: dict[str, Path] = {}
    for row in rows:
        if row.emotion == NEUTRAL and row.person:
            rest.setdefault(row.person, row.file)
    above = table.parent.resolve()
    with replacing(table) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            still = rest.get(row.person)
            writer.writerow(
                [
                    os.path.relpath(row.file.resolve(), above),
                    row.emotion,
                    row.person,
                    "" if row.intensity is None else f"{row.intensity:.4g}",
                    "" if still is None else os.path.relpath(still.resolve(), above),
                ]
            )
