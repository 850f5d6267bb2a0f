"""Made-up labelled faces: what is shown follows from the emotion, so that it can be learnt."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.dataset import Faces, make_faces
from landmarks.samples import split_of

SHOWN = ("anger", "happiness", "neutral")

_MOVES = np.random.default_rng(5).normal(0, 6, (len(SHOWN), 20, 2))  # of the lips, in pixels


def persons(split: str, count: int) -> list[str]:
    """Names that fall to a split."""
    names = (f"person {number}" for number in range(1000))
    return [name for name in names if split_of(name) == split][:count]


def points_of(emotion: str, base: NDArray[np.float64], rng: np.random.Generator) -> NDArray:
    """(68, 2) pixels in a picture of 128: a base face whose lips show the emotion, and noise."""
    points = base + rng.normal(0, 0.3, base.shape)
    points[48:] += _MOVES[SHOWN.index(emotion)]
    return points


def picture_of(emotion: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(128, 128) grey: bright in the half that the emotion tells."""
    image = rng.integers(0, 60, (128, 128), dtype=np.uint8)
    number = SHOWN.index(emotion)
    if number < 2:
        image[:64] += np.uint8(150 * number)
        image[64:] += np.uint8(150 * (1 - number))
    return image


def base_face() -> NDArray[np.float64]:
    """(68, 2) pixels of an upright face in the middle of 128."""
    rng = np.random.default_rng(68)
    points = rng.uniform(30, 98, (68, 2))
    points[27:36] = np.column_stack([np.full(9, 64.0), np.linspace(50, 76, 9)])
    points[[36, 39, 42, 45]] = [[40, 50], [54, 50], [74, 50], [88, 50]]
    return points


def labelled(split: str, count: int, *, side: int = 32, seed: int = 0) -> Faces:
    """Each of some persons with each emotion of `SHOWN`."""
    rng = np.random.default_rng(seed)
    shown = [(person, emotion) for person in persons(split, count) for emotion in SHOWN]
    return make_faces(
        [picture_of(emotion, rng) for _, emotion in shown],
        [points_of(emotion, base_face(), rng) for _, emotion in shown],
        [emotion for _, emotion in shown],
        [person for person, _ in shown],
        side=side,
    )


def write_table(folder: Path, *, each: int = 4, points: bool = True) -> Path:
    """The same as files with a table."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    columns = [f"{axis}{k}" for k in range(68) for axis in "xy"] if points else []
    with open(folder / "labels.csv", "w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["file", "emotion", "person", "intensity", *columns])
        for split in ("train", "validation", "test"):
            for person in persons(split, each):
                for emotion in SHOWN:
                    name = f"{person} {emotion}.png"
                    Image.fromarray(picture_of(emotion, rng)).save(folder / name)
                    places = points_of(emotion, base_face(), rng).ravel().tolist() if points else []
                    writer.writerow([name, emotion.upper(), person, "1", *places])
    return folder / "labels.csv"
