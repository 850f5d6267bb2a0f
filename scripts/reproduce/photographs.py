"""The faces of an experiment, from whatever holds them: landmarks, emotion, person, intensity."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.build import read_rated
from calibration.expression import ExpressionModel
from classifier.dataset import load_faces
from classifier.sources import SYNTHETIC, Entry, read_entries
from landmarks.errors import InputError
from landmarks.image import Picture

Array = NDArray[np.float64]

NEUTRAL = "neutral"
TURNED = 20.0
"""Degrees of yaw or pitch beyond which a photograph is left out."""
HIGH = 0.6
"""Intensity from which an expression counts as full."""
STRONGEST = 1.5
"""Intensity beyond which a set must mean another scale."""
WEAK = (0.15, 0.35)
"""Intensity between which one counts as weak."""


class UnfitSet(InputError):
    """A set cannot do a part of the experiment, through no fault of anybody's."""


@dataclass(frozen=True)
class Photographs:
    """Labelled faces of known persons.

    Attributes
    ----------
    name : str
        Of the set, for the report.
    landmarks : (n, 68, 2) float array
        Pixels.
    emotion, person : (n,) str arrays
    intensity : (n,) float array
        1 is the full expression, 0 neutral; 1 where the set does not tell how strong one is.
    graded : bool
        Whether the set has weak expressions of its own.
    left_out : dict
        Reason → number of photographs.
    entries : tuple of Entry or None
        Where the pictures are, where the set has any.
    """

    name: str
    landmarks: Array
    emotion: NDArray[np.str_]
    person: NDArray[np.str_]
    intensity: Array
    graded: bool
    left_out: dict[str, int] = field(default_factory=dict)
    entries: tuple[Entry, ...] | None = None

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def rendered(self) -> bool:
        """Whether some are no photographs but pictures of synthetic people."""
        return any(person.startswith(SYNTHETIC) for person in self.person.tolist())

    def take(self, rows: NDArray[np.intp]) -> Photographs:
        """Some of them."""
        return replace(
            self,
            landmarks=self.landmarks[rows],
            emotion=self.emotion[rows],
            person=self.person[rows],
            intensity=self.intensity[rows],
            entries=None if self.entries is None else tuple(self.entries[row] for row in rows),
        )

    def full(self, emotions: tuple[str, ...], persons: Collection[str]) -> NDArray[np.intp]:
        """Rows of some persons' full expressions."""
        shown = np.isin(self.emotion, emotions) & (self.intensity >= HIGH)
        return np.flatnonzero(shown & np.isin(self.person, sorted(persons)))

    def neutral(self, persons: Collection[str]) -> NDArray[np.intp]:
        """Rows of some persons' neutral faces."""
        return np.flatnonzero((self.emotion == NEUTRAL) & np.isin(self.person, sorted(persons)))


def read_photographs(
    path: str | os.PathLike[str],
    emotions: tuple[str, ...],
    *,
    scheme: str | None = None,
    persons: str = "auto",
    most: int | None = None,
    cache: Path | None = None,
) -> Photographs:
    """Read a set.

    Parameters
    ----------
    path : path-like
        The table of rated photographs (columns ``subject``, ``posed``, …), or anything that
        `classifier.sources.read_entries` takes: a folder for each emotion, a table, shards.
    emotions : tuple of str
        Those that count; neutral faces are kept besides, all others are left out.
    scheme, persons : str, optional
        As `read_entries` takes them; the table of rated photographs needs neither.
    most : int, optional
        Take the first persons alone, as many.
    cache : Path, optional
        File for landmarks that are found.

    Raises
    ------
    InputError
        Nothing is there, or too little: no persons, or no expressions; intensities are on
        another scale than 0 to 1.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: expected a folder, a .csv table or shards")
    if path.suffix.lower() == ".csv" and "posed" in _columns(path):
        found = _rated(path)
    else:
        found = _labelled(path, read_entries(path, scheme=scheme, persons=persons), cache)
    wanted = np.isin(found.emotion, (*emotions, NEUTRAL))
    found = _kept(found, wanted, "of an emotion that is not asked for, or of none")
    known = found.person != ""
    found = _kept(found, known, "of unknown persons")
    if most is not None:
        first = list(dict.fromkeys(found.person.tolist()))[:most]
        found = _kept(found, np.isin(found.person, first), "of persons beyond --persons")
    if not np.isin(found.emotion, emotions).any():
        raise InputError(
            f"{path} shows no expression of a known person: who is shown must be told, by a column "
            "'person', by folders below those of the emotions, or by names (--persons-by-name)"
        )
    return found


def frontal_enough(found: Photographs, model: ExpressionModel) -> Photographs:
    """Without photographs whose head is turned by more than `TURNED` degrees."""
    frontal, pose = model.frame.frontal(found.landmarks)
    turned = np.rad2deg(np.maximum(np.abs(pose.yaw), np.abs(pose.pitch)))
    fine = np.isfinite(frontal).all(axis=1) & (turned <= TURNED)
    return _kept(found, fine, f"turned by more than {TURNED:g} degrees")


def readable(found: Photographs) -> tuple[Photographs, str]:
    """Without photographs whose picture is damaged or missing, and a digest of the others.

    Returns
    -------
    found : Photographs
        Without pictures where the set has none that can be read.
    digest : str
        SHA-256 of the files, in their order.
    """
    told = hashlib.sha256()
    if found.entries is None:
        return found, told.hexdigest()
    fine = np.zeros(len(found), dtype=bool)
    for row, entry in enumerate(found.entries):
        try:
            data = entry.data if entry.path is None else Path(entry.path).read_bytes()
            Picture(entry.name, data=data or b"").rgb()
        except (OSError, InputError):
            continue
        fine[row] = True
        told.update(hashlib.sha256(data or b"").digest())
    if not fine.any():
        return replace(found, entries=None), told.hexdigest()
    return _kept(found, fine, "whose picture cannot be read"), told.hexdigest()


def _columns(path: Path) -> list[str]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} is no table: expected a .csv file in UTF-8") from None


def _rated(path: Path) -> Photographs:
    rated = read_rated(path)
    return Photographs(
        path.name,
        rated.landmarks,
        rated.emotion.astype(str),
        rated.person.astype(str),
        np.where(rated.emotion == NEUTRAL, 0.0, 1.0),
        graded=False,
    )


def _labelled(path: Path, entries: list[Entry], cache: Path | None) -> Photographs:
    faces = load_faces(entries, pictures=False, cache=cache, jobs=os.cpu_count() or 1)
    emotion = np.array(faces.emotions, dtype=str)
    given = np.asarray(faces.intensities, dtype=np.float64)
    if len(other := np.flatnonzero((given < 0) | (given > STRONGEST))):
        raise InputError(
            f"{path}: {faces.names[other[0]]} has intensity {given[other[0]]:g}: expected 0 "
            f"(neutral) to 1 (the full expression), at most {STRONGEST:g}"
        )
    intensity = np.where(emotion == NEUTRAL, 0.0, np.where(np.isfinite(given), given, 1.0))
    shown = intensity[emotion != NEUTRAL]
    named = {entry.name: entry for entry in entries}
    return Photographs(
        path.name,
        np.asarray(faces.pixels, dtype=np.float64),
        emotion,
        np.array([person or "" for person in faces.persons], dtype=str),
        intensity,
        graded=bool((shown < HIGH).any()),
        left_out={"without a face, or unreadable": len(faces.skipped)} if faces.skipped else {},
        entries=tuple(named[name] for name in faces.names),
    )


def _kept(found: Photographs, rows: NDArray[np.bool_], reason: str) -> Photographs:
    lost = int((~rows).sum())
    if not lost:
        return found
    return replace(found.take(np.flatnonzero(rows)), left_out={**found.left_out, reason: lost})
