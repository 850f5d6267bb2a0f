"""Command: python -m calibration.build --ict FOLDER --rated CSV [--people ZIP] -o FILE.npz

Builds the expression model that ships, from ICT-FaceKit's points and from landmarks of
photographs whose emotions observers have rated; with --people ZIP also from photographs of the
neutral faces of many more people, whose landmarks it finds itself. The same inputs give the same
bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration.console import run
from calibration.expression import ExpressionModel
from calibration.fitting import build_model, learn_surface
from calibration.gaussian import Array
from calibration.synthesis import read_face_model

_NAMES = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "neutral": "neutral",
}


class Rated(NamedTuple):
    """Rated photographs.

    Attributes
    ----------
    landmarks : (n, 68, 2) float array
    emotion : (n,) str array
        What was posed.
    person : (n,) str array
    intensity : (n,) float array
        Rated intensity of the posed emotion, 0 for neutral faces.
    ratings : (n, 6) float array
        Rated intensity of every emotion, in alphabetical order of their nouns.
    performance : (n,) str array
        How the pose was asked for.
    """

    landmarks: Array
    emotion: Array
    person: Array
    intensity: Array
    ratings: Array
    performance: Array


def read_rated(path: str | Path) -> Rated:
    """Read the table of rated photographs.

    Parameters
    ----------
    path : str or Path
        CSV with columns ``subject``, ``performance``, ``posed``, ``posed_intensity``,
        ``intensity_…`` of six emotions, and x0, y0 … x67, y67.

    Raises
    ------
    ValueError
        The file is missing, or a column is missing or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no table of rated photographs at {path}")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        points = np.array(
            [[(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(68)] for row in rows]
        )
        return Rated(
            points,
            np.array([_NAMES[row["posed"]] for row in rows]),
            np.array([row["subject"] for row in rows]),
            np.array([float(row["posed_intensity"] or 0.0) for row in rows]),
            np.array(
                [[float(row[f"intensity_{name}"]) for name in list(_NAMES)[:6]] for row in rows]
            ),
            np.array([row["performance"] for row in rows]),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} is no table of rated photographs: {error}") from None


def person_in(row: dict[str, str]) -> str:
    """Who a row of ``labels.csv`` shows; without a name, its files that differ by number alone."""
    return row["person"] or re.sub(r"_\d+\.\w+$", "", Path(row["file"]).name)


def read_people(path: str | Path) -> Array:
    """Landmarks of neutral faces in an archive of photographs, one of each person.

    Parameters
    ----------
    path : str or Path
        A .zip with ``labels.csv`` (columns ``file``, ``emotion``, ``person``) and the files.

    Returns
    -------
    landmarks : (n, 68, 2) float array
        Of the first photograph of each person in which a face is found.

    Raises
    ------
    ValueError
        The archive is missing, is none, lacks its table, or shows too few faces.
    """
    from landmarks import detect

    found: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            table = io.TextIOWrapper(archive.open("labels.csv"), encoding="utf-8")
            for row in csv.DictReader(table):
                person = person_in(row)
                if row["emotion"] != "neutral" or person in found:
                    continue
                with Image.open(io.BytesIO(archive.read(row["file"]))) as image:
                    faces = detect(np.asarray(image.convert("RGB")), faces="largest")
                if faces:
                    found[person] = faces[0].points
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no archive of labelled photographs: {error}") from None
    if len(found) < 50:
        raise ValueError(f"{path}: neutral faces of {len(found)} people; at least 50 are needed")
    return np.array(list(found.values()))


def main(argv: list[str] | None = None) -> int:
    """Build and save the model; 0 on success, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m calibration.build", description=__doc__)
    parser.add_argument("--ict", required=True, help="ict68.npz, or the folder that holds it")
    parser.add_argument("--rated", required=True, help="table of rated photographs (csv)")
    parser.add_argument("--people", help="photographs of neutral faces with labels.csv (zip)")
    parser.add_argument("-o", "--output", required=True, help="model file to write (.npz)")
    parser.add_argument("--seed", type=int, default=0, help="of the sampled faces (default 0)")
    options = parser.parse_args(argv)
    return run("python -m calibration.build", lambda: _build(options))


def _build(options: argparse.Namespace) -> None:
    # More threads add in another order, and the last bits of the file would depend on them.
    with threadpool_limits(1):
        model = _learn(options)
    model.save(options.output)
    print(f"{options.output}: {Path(options.output).stat().st_size / 1000:.0f} kB")


def _learn(options: argparse.Namespace) -> ExpressionModel:
    face_model, rated = read_face_model(options.ict), read_rated(options.rated)
    further = read_people(options.people) if options.people else None
    config = {
        "seed": options.seed,
        "rated_faces": len(rated.landmarks),
        "further_people": 0 if further is None else len(further),
        "command": "python -m calibration.build --ict FOLDER --rated CSV "
        + ("--people ZIP " if options.people else "")
        + f"-o FILE --seed {options.seed}",
    }
    frame, surface = learn_surface(face_model, options.seed)
    return build_model(
        frame,
        surface,
        rated.landmarks,
        rated.emotion,
        rated.person,
        rated.intensity,
        config,
        further,
    )


if __name__ == "__main__":
    sys.exit(main())
