"""Command: the main job on a real photograph, from nothing to pictures.

python -m scripts.demo -o out/demo
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calibration import dial
from data.people import sheet
from gan import edit
from landmarks import extract
from landmarks.draw import overlay
from landmarks.files import read_points, replacing
from landmarks.image import crop
from scripts import demo_faces
from scripts.reproduce import __main__ as reproduce

_SIDE = 460
_DIAL = "0,0.5,1,1.5"
_REPORT = ["--classifier-steps", "40"]


def main(argv: Sequence[str] | None = None) -> int:
    """Give the portrait in scikit-image's wheel six expressions, and show its landmarks and dial.

    Then a small translator learns from synthetic people to draw faces, and draws the dial; and the
    experiment tells what calibration is worth on those people.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("-o", "--output", default="out/demo", help="folder for the results")
    folder = Path(parser.parse_args(argv).output)
    photo, points = folder / "astronaut.png", folder / "astronaut.txt"
    strip, picture = folder / "dial.png", folder / "demo.png"
    edited = folder / "edited.png"
    people, drawn = folder / "people.png", folder / "generated.png"
    report = folder / "report"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        portrait = _portrait()
        _save(photo, portrait)
        code = edit.main([str(photo), "--emotion", "all", "--dial", _DIAL, "-o", str(edited)])
        if code:
            return code
        code = extract.main(["-i", str(photo), "-o", str(points), "--draw", str(folder / "drawn")])
        code = code or dial.main([str(points), "-o", str(strip)])
        if code:
            return code
        _save(picture, _side_by_side(portrait, read_points(points), strip))
        code = sheet.main([str(demo_faces.PEOPLE), "-o", str(people), "--rows", "6"])
        learnt = demo_faces.workshop(folder)
        code = code or demo_faces.learn(learnt)
        if code:
            return code
        _save(drawn, demo_faces.draw(read_points(points), learnt / "model"))
        if code := reproduce.main(["-o", str(report), *_REPORT, "--resume", "anew"]):
            return code
    except OSError as error:
        sys.stderr.write(f"{folder} cannot be written: {error.strerror or error}\n")
        return 2
    for name, path in {
        "photograph": photo,
        "edited": edited,
        "landmarks": points,
        "drawn": folder / "drawn" / photo.name,
        "the dial": strip,
        "all in one": picture,
        "synthetic": people,
        "generated": drawn,
        "experiment": report / "index.html",
    }.items():
        print(f"{name:<11} {path}")
    return 0


def _portrait() -> NDArray[np.uint8]:
    """Eileen Collins, NASA, public domain."""
    from skimage import data

    image: NDArray[np.uint8] = data.astronaut()
    return image


def _side_by_side(
    portrait: NDArray[np.uint8], points: NDArray[np.float64], strip: Path
) -> Image.Image:
    """The face with its landmarks, and the dial."""
    middle, half = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0).max() * 0.8
    box = (*(middle - half), *(middle + half))
    face, moved = crop(portrait, points, box, (_SIDE, _SIDE))
    with Image.open(strip) as opened:
        faces = opened.convert("RGB")
    faces = faces.resize(
        (round(faces.width * _SIDE / faces.height), _SIDE), Image.Resampling.LANCZOS
    )
    picture = Image.new("RGB", (_SIDE + 12 + faces.width, _SIDE), "white")
    picture.paste(Image.fromarray(overlay(face, [moved])), (0, 0))
    picture.paste(faces, (_SIDE + 12, 0))
    return picture


def _save(path: Path, image: NDArray[np.uint8] | Image.Image) -> None:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    with replacing(path, "wb") as handle:
        picture.save(handle, format="PNG")


if __name__ == "__main__":
    sys.exit(main())
