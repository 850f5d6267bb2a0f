"""Cut parts without faces out of photographs whose faces are all marked.

python -m scripts.bench.empty_parts FILE.xml … -o OUT

For `landmarks.keypoints.evaluate --non-faces OUT`: clothes, hands, trees, walls beside real faces
are harder to tell from them than pictures of something else. FILE.xml are imglab's, with a box for
each face. Every part is a square that comes no nearer to any box than a quarter of the box's side;
parts of one photograph overlap by less than half. Look at them: a face that nobody marked, on a
poster, is in them too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landmarks.errors import InputError
from landmarks.image import read_image

PROGRAM = "python -m scripts.bench.empty_parts"

SMALLEST = 48
"""Side of the smallest square, in pixels."""

_TRIES = 4000
_AWAY = 0.25  # of the box's side


def empty_squares(
    size: tuple[int, int], faces: NDArray[np.float64], count: int, rng: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Squares (left, top, side) in a picture (width, height) that touch no face.

    Parameters
    ----------
    size : (int, int)
    faces : (n, 4) float array
        Left, top, right, bottom of each.
    count : int
        At most so many.
    rng : numpy.random.Generator
    """
    away = _AWAY * (faces[:, 2] - faces[:, 0])[:, None]
    low, high = faces[:, :2] - away, faces[:, 2:] + away
    found: list[tuple[int, int, int]] = []
    if min(size) < SMALLEST:
        return found
    for _ in range(_TRIES):
        side = int(np.exp(rng.uniform(np.log(SMALLEST), np.log(min(size)))))
        left, top = (int(rng.integers(0, length - side + 1)) for length in size)
        corner = np.array([left, top])
        if ((corner < high) & (corner + side > low)).all(axis=1).any():
            continue
        if all(_shared((left, top, side), other) < 0.5 for other in found):
            found.append((left, top, side))
        if len(found) == count:
            break
    return found


def _shared(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """Overlap as a share of the smaller square."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    along = min(a[1] + a[2], b[1] + b[2]) - max(a[1], b[1])
    return max(across, 0) * max(along, 0) / min(a[2], b[2]) ** 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog=PROGRAM)
    parser.add_argument("xml", nargs="+", type=Path, metavar="FILE.xml")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT")
    parser.add_argument("--each", type=int, default=40, help="parts of a photograph, at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    rng, written, small = np.random.default_rng(args.seed), 0, 0
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for file in args.xml:
            for shown in ElementTree.parse(file).getroot().iter("image"):
                path = file.parent / shown.attrib["file"]
                sides = [[float(box.attrib[k]) for k in ("left", "top", "width", "height")]
                         for box in shown.iter("box")]  # fmt: skip
                faces = np.array(sides).reshape(-1, 4)
                faces[:, 2:] += faces[:, :2]
                image = read_image(path)
                size = (image.shape[1], image.shape[0])
                small += min(size) < SMALLEST
                for left, top, side in empty_squares(size, faces, args.each, rng):
                    part = image[top : top + side, left : left + side]
                    Image.fromarray(part).save(args.output / f"{path.stem}_{left}_{top}.png")
                    written += 1
    except (InputError, OSError, KeyError, ValueError, ElementTree.ParseError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    without = (
        f"; pictures of less than {SMALLEST} pixels, which give none: {small}" if small else ""
    )
    print(f"{args.output}: {written} parts{without}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
