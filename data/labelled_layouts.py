"""How people hold the public sets of labelled expressions: one table of layouts.

A layout finds its pictures by their paths below the folder, and tells of each which emotion it
shows, who it is and how strongly. Where a set has films from rest to full expression, intensity is
the place in the film, from 0 to 1: an order, not a measurement.

References
----------
Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPRW 2010.
Lyons et al., "Coding Facial Expressions with Gabor Wavelets", FG 1998 (JAFFE).
Lundqvist, Flykt, Öhman, "The Karolinska Directed Emotional Faces", 1998.
Langner et al., "Presentation and validation of the Radboud Faces Database", 2010.
Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013 (FER2013).
Aifanti, Papachristou, Delopoulos, "The MUG Facial Expression Database", WIAMIS 2010.
Zhao et al., "Facial expression recognition from near-infrared videos", 2011 (Oulu-CASIA).
Mollahosseini et al., "AffectNet", IEEE Trans. Affective Computing 2017.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.emotions import EmotionError, emotion_of, known
from landmarks.errors import InputError
from landmarks.image import SUFFIXES

NEUTRAL = "neutral"


class Labelled(NamedTuple):
    """One picture.

    Attributes
    ----------
    file : Path
    emotion : str
        One of `classifier.emotions.ALL`.
    person : str
        Empty where the set does not tell.
    intensity : float or None
        0 at rest to 1 full; None where the set does not tell.
    """

    file: Path
    emotion: str
    person: str = ""
    intensity: float | None = None


class Layout(NamedTuple):
    """Of a set.

    Attributes
    ----------
    read : callable
        Folder, whether all views are wanted → pictures.
    expected : str
        What one looks like, for the error.
    """

    read: Callable[[Path, bool], Iterator[Labelled]]
    expected: str


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _shown(file: Path, label: str, scheme: str | None = None) -> str:
    try:
        return emotion_of(label, scheme)
    except EmotionError as error:
        raise EmotionError(f"{file}: {error}") from None


def _film(frames: list[Path], emotion: str, person: str) -> Iterator[Labelled]:
    """From rest to the full expression."""
    for place, file in enumerate(frames):
        share = place / (len(frames) - 1) if len(frames) > 1 else 1.0
        shown = NEUTRAL if place == 0 and len(frames) > 1 else emotion
        yield Labelled(file, shown, person, share)


def _ck_plus(folder: Path, _: bool) -> Iterator[Labelled]:
    """``…/S005/001/S005_001_00000011.png`` with ``…_emotion.txt``; or a folder for each emotion."""
    films: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in _pictures(folder):
        if match := re.fullmatch(r"(S\d+)_(\d+)_\d+", path.stem):
            films[match[1], match[2]].append(path)
    codes = {
        (match[1], match[2]): _code(path)
        for path in sorted(folder.rglob("*_emotion.txt"))
        if (match := re.fullmatch(r"(S\d+)_(\d+)_\d+_emotion", path.stem))
    }
    for (person, film), frames in films.items():
        if codes and (person, film) not in codes:
            continue  # a film that shows no emotion clearly has no label
        if codes:
            shown = _shown(frames[-1], codes[person, film], "ck+")
            yield from _film(frames, shown, person)
        else:
            for path in frames:
                yield Labelled(path, _shown(path, path.parent.name), person)


def _code(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        return str(int(float(text)))
    except (ValueError, OverflowError):
        raise InputError(f"{path} holds {text[:20]!r}: expected a number of 0 to 7") from None


def _jaffe(folder: Path, _: bool) -> Iterator[Labelled]:
    """``KA.AN1.39.tiff``: person, emotion and take."""
    for path in _pictures(folder):
        if match := re.fullmatch(r"([A-Z]{2})[.-]([A-Z]{2})\d?[.-]\d+", path.stem.upper()):
            yield Labelled(path, _shown(path, match[2], "jaffe"), match[1])


def _kdef(folder: Path, views: bool) -> Iterator[Labelled]:
    """``AF01ANS.JPG``: session, sex, number, emotion and view (S is straight)."""
    for path in _pictures(folder):
        match = re.fullmatch(r"[AB]([FM]\d\d)([A-Z]{2})(S|HL|HR|FL|FR)", path.stem.upper())
        if match and (views or match[3] == "S"):
            yield Labelled(path, _shown(path, match[2], "kdef"), match[1])


def _rafd(folder: Path, views: bool) -> Iterator[Labelled]:
    """``Rafd090_01_Caucasian_female_angry_frontal.jpg``: angle, person, …, emotion, gaze."""
    for path in _pictures(folder):
        match = re.fullmatch(
            r"rafd(\d+)_(\d+)_\w+?_\w+?_(\w+)_(frontal|left|right)", path.stem.lower()
        )
        if match and (views or (match[1] == "090" and match[4] == "frontal")):
            yield Labelled(path, _shown(path, match[3]), match[2])


def _mug(folder: Path, _: bool) -> Iterator[Labelled]:
    """``001/anger/take000/img_0000.jpg``: films from rest to the full expression and back."""
    films: dict[tuple[str, str, str], list[Path]] = defaultdict(list)
    for path in _pictures(folder):
        parts = path.relative_to(folder).parts
        if len(parts) >= 4 and known(parts[-3]):
            films[parts[-4], parts[-3], parts[-2]].append(path)
    for (person, emotion, _take), frames in films.items():
        shown, middle = emotion_of(emotion), len(frames) // 2
        if shown == NEUTRAL:
            yield Labelled(frames[middle], NEUTRAL, person, 0.0)
        elif len(frames) > 2:
            yield from _film(frames[: middle + 1], shown, person)


def _oulu_casia(folder: Path, views: bool) -> Iterator[Labelled]:
    """``VL_Acc/Strong/P001/Anger/000.jpeg``: films from rest; visible and strong light alone."""
    films: dict[Path, list[Path]] = defaultdict(list)
    for path in _pictures(folder):
        films[path.parent].append(path)
    for place, frames in films.items():
        inside = place.relative_to(folder).parts  # what the folder itself is called says nothing
        person, above = place.parent.name.upper(), [part.lower() for part in inside]
        dim = {"weak", "dark"} & set(above) or any(part.startswith("ni") for part in above)
        wanted = views or not dim
        if re.fullmatch(r"P\d+", person) and known(place.name) and wanted:
            yield from _film(frames, emotion_of(place.name), person)


def _affectnet(folder: Path, _: bool) -> Iterator[Labelled]:
    """Tables with ``subDirectory_filePath`` and ``expression``; ``…_exp.npy``; folders 0 to 7."""
    tables = [path for path in sorted(folder.rglob("*.csv")) if "expression" in _columns(path)]
    for table in tables:
        for _line, row in read_rows(table, ("subDirectory_filePath", "expression")):
            file = _below(folder, row["subDirectory_filePath"])
            if file is not None and known(row["expression"], "affectnet"):
                yield Labelled(file, emotion_of(row["expression"], "affectnet"))
    told = sorted(folder.rglob("*_exp.npy"))
    for note in told:
        try:
            code = str(int(str(np.load(note, allow_pickle=False))))
        except (ValueError, EOFError):
            raise InputError(f"{note} is damaged: expected one number of 0 to 10") from None
        for ending in (".jpg", ".png"):
            file = note.parent.parent / "images" / f"{note.stem.removesuffix('_exp')}{ending}"
            if file.is_file() and known(code, "affectnet"):
                yield Labelled(file, emotion_of(code, "affectnet"))
    if not tables and not told:
        for path in _pictures(folder):
            if known(path.parent.name, "affectnet"):
                yield Labelled(path, emotion_of(path.parent.name, "affectnet"))


def _columns(path: Path) -> list[str]:
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as handle:
        try:
            return next(csv.reader(handle), [])
        except csv.Error:
            return []


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table, with their lines.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        That each row must have.

    Yields
    ------
    line : int
        Its last one in the file; the first of a file is 1.
    row : dict

    Raises
    ------
    InputError
        Columns are missing, a row is too short, or the file is no CSV in UTF-8.
    """
    csv.field_size_limit(1 << 20)  # FER2013 has a whole picture in a field
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            if missing := [name for name in columns if name not in (reader.fieldnames or [])]:
                raise InputError(
                    f"{path} has no column {', '.join(missing)}: expected {', '.join(columns)}"
                )
            for row in reader:
                if any(row[name] is None for name in columns):
                    raise InputError(
                        f"{path}, line {reader.line_num} is too short: expected "
                        f"{', '.join(columns)}"
                    )
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV file in UTF-8: {error}") from None


def _below(folder: Path, name: str) -> Path | None:
    """A table's picture: below the folder, or below its folders of pictures."""
    parts = Path(name.strip().replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        raise InputError(f"{name!r} leads out of {folder}: expected a path below it")
    above = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return next((place / parts for place in above if (place / parts).is_file()), None)


def _folders(folder: Path, _: bool) -> Iterator[Labelled]:
    """``train/angry/im0.png``: a folder for each emotion, at any depth; nobody is known."""
    for path in _pictures(folder):
        if known(path.parent.name):
            yield Labelled(path, emotion_of(path.parent.name))


LAYOUTS = {
    "ck+": Layout(_ck_plus, "S005/001/S005_001_00000011.png with S005_001_00000011_emotion.txt"),
    "jaffe": Layout(_jaffe, "KA.AN1.39.tiff"),
    "kdef": Layout(_kdef, "AF01/AF01ANS.JPG"),
    "rafd": Layout(_rafd, "Rafd090_01_Caucasian_female_angry_frontal.jpg"),
    "fer2013": Layout(_folders, "train/angry/….png, or fer2013.csv"),
    "mug": Layout(_mug, "001/anger/take000/img_0000.jpg"),
    "oulu-casia": Layout(_oulu_casia, "VL_Acc/Strong/P001/Anger/000.jpeg"),
    "affectnet": Layout(_affectnet, "training.csv, annotations/0_exp.npy, or train/0/….jpg"),
    "folders": Layout(_folders, "anger/….jpg"),
}
"""Name of the set → its layout."""
