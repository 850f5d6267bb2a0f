"""pairs.csv: what is known of each pair of a folder: who, where from, the landmarks themselves."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan.pairs import pair_name
from landmarks import scheme
from landmarks.errors import InputError
from landmarks.files import replacing

TABLE_FILE = "pairs.csv"

_KNOWN = ("file", "person", "image", "name", "split", "source", "emotion", "intensity")
_POINTS = tuple(f"{axis}{i}" for i in range(scheme.COUNT) for axis in "xy")


@dataclass(frozen=True, eq=False)
class PairRecord:
    """One pair.

    Attributes
    ----------
    person, image : int
        The numbers in the file names, PID and IID.
    name : str
        The person's.
    split : {'train', 'validation', 'test'}
        By the person's name, as `landmarks.split_of` has it.
    source : str
        The photograph.
    emotion : str
        Empty where it is not known.
    intensity : float or None
        0 neutral, 1 full.
    points : (68, 2) float array
        Landmarks (x, y) in pixels of the pair's pictures.
    """

    person: int
    image: int
    name: str
    split: str
    source: str
    emotion: str
    intensity: float | None
    points: NDArray[np.float64]

    def file(self, kind: int) -> str:
        """Name of the landmark image (0) or the face image (1)."""
        return pair_name(str(self.person), face=kind == 1, image=self.image)


def write_pair_table(folder: str | os.PathLike[str], records: Iterable[PairRecord]) -> None:
    """Write pairs.csv; `landmarks.read_table` reads it too, with the face images as files.

    Parameters
    ----------
    folder : path-like
    records : iterable of PairRecord
    """
    with replacing(Path(folder, TABLE_FILE)) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*_KNOWN, *_POINTS])
        for record in records:
            intensity = "" if record.intensity is None else f"{record.intensity:g}"
            told = [record.person, record.image, record.name, record.split, record.source]
            points = [f"{value:.4f}" for value in record.points.ravel().tolist()]
            writer.writerow([record.file(1), *told, record.emotion, intensity, *points])


def read_pair_table(folder: str | os.PathLike[str]) -> dict[tuple[int, int], PairRecord]:
    """Read pairs.csv.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    records : dict
        (PID, IID) → record; empty where there is no pairs.csv (pairs made by others).

    Raises
    ------
    InputError
        The file is damaged; the line is told.
    """
    path = Path(folder, TABLE_FILE)
    records: dict[tuple[int, int], PairRecord] = {}
    line = 1
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
            for line, values in enumerate(csv.DictReader(handle), 2):  # noqa: B007 (told below)
                record = _record(values)
                records[record.person, record.image] = record
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}, line {line} is damaged: {error}") from None
    return records


def _record(values: dict[str, str]) -> PairRecord:
    points = np.array([float(values[name]) for name in _POINTS]).reshape(-1, 2)
    intensity = float(values["intensity"]) if values["intensity"] else None
    if not np.isfinite(points).all() or (intensity is not None and not math.isfinite(intensity)):
        raise ValueError("a number is not finite")
    return PairRecord(
        person=int(values["person"]),
        image=int(values["image"]),
        name=values["name"],
        split=values["split"],
        source=values["source"],
        emotion=values["emotion"],
        intensity=intensity,
        points=points,
    )
