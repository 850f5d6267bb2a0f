"""Folders of pairs whose pictures tell who they show."""

from pathlib import Path

import numpy as np
from PIL import Image

from gan.pairs import pair_name


def color(person: int, image: int, *, face: bool) -> tuple[int, int, int]:
    return 10 * person, 10 * image, 255 if face else 0


def write_pair(folder: Path, person: int, image: int, face_image: int | None = None) -> None:
    face_image = image if face_image is None else face_image
    for face, number in ((False, image), (True, face_image)):
        name = pair_name(str(person), face=face, image=number, suffix=".png")
        pixels = np.full((8, 8, 3), color(person, number, face=face), np.uint8)
        Image.fromarray(pixels).save(folder / name)


def make_pairs(folder: Path, persons: int = 4, images: int = 3, *, follow: int = 0) -> Path:
    """`follow`: how much higher a face's number is than its landmark image's."""
    folder.mkdir(parents=True, exist_ok=True)
    for person in range(persons):
        for image in range(1, images + 1):
            write_pair(folder, person, 2 * image, 2 * image + follow)
    return folder
