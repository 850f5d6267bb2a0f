"""Benchmark: which faces `landmarks` finds, against the published way.

python -m scripts.bench.recall --groups FOLDER --expressions ZIP --large 40 --no-face FILE

Groups: photographs with the boxes of their faces in XML files; a face is found where a box overlaps
its box by 40 % or more (intersection over union), every other box is a false one. Expressions:
photographs cut around one face; the face is found where a box covers the middle of the picture and
is at least a quarter of it wide. Only persons never trained on are drawn. Large: the same faces as
4,000×3,000 portraits. Points: mean distance of the 68 points from those of the published way, in
percent of its inter-ocular distance, over the faces that both find.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landmarks.detector import DETECTORS, Box
from landmarks.faces import FaceFinder, Settings
from landmarks.image import Picture
from landmarks.metrics import inter_ocular_distance
from scripts.bench.portraits import Published, make_portraits, pictures_in

Found = list[tuple[Box, NDArray[np.float64]]]
IsTrue = Callable[[Box, int], bool]

_ENOUGH = 0.4


class Tally:
    """Counts over one set of pictures."""

    def __init__(self) -> None:
        self.images = self.truths = self.both_found = 0
        self.found = {"published": 0, "landmarks": 0}
        self.false = {"published": 0, "landmarks": 0}
        self.differences: list[float] = []

    def add(self, published: Found, ours: Found, truths: int, is_true: IsTrue) -> None:
        """Count one picture; `is_true(box, i)` says whether a box shows its true face `i`."""
        self.images += 1
        self.truths += truths
        for name, faces in (("published", published), ("landmarks", ours)):
            boxes = [box for box, _ in faces]
            self.found[name] += sum(any(is_true(b, i) for b in boxes) for i in range(truths))
            self.false[name] += sum(not any(is_true(b, i) for i in range(truths)) for b in boxes)
        for box, points in published:
            same = [p for other, p in ours if overlap(box, other) >= _ENOUGH]
            if same:
                distance = np.linalg.norm(same[0] - points, axis=1).mean()
                self.differences.append(float(distance / inter_ocular_distance(points)))

    def print(self, title: str) -> None:
        """Two lines."""
        print(f"{title}: {self.images} images, {self.truths} true faces")
        for name in self.found:
            print(f"  {name}: {self.found[name]} found, {self.false[name]} false")
        if self.differences:
            median, ninety = np.percentile(self.differences, [50, 90]) * 100
            print(
                f"  points: median difference {median:.2f} %, 90th percentile {ninety:.2f} %"
                f" inter-ocular ({len(self.differences)} faces)",
                flush=True,
            )


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left) + 1
    height = min(a.bottom, b.bottom) - max(a.top, b.top) + 1
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.width * a.height + b.width * b.height - width * height)


def boxes_of(folder: Path) -> dict[str, list[Box]]:
    """True boxes from the XML files (dlib's format) of a folder, by file name."""
    boxes: dict[str, list[Box]] = {}
    for xml in sorted(folder.glob("*.xml")):
        for image in ElementTree.parse(xml).getroot().iter("image"):
            listed = []
            for box in image.iter("box"):
                left, top, width, height = (
                    int(box.attrib[key]) for key in ("left", "top", "width", "height")
                )
                listed.append(Box(left, top, left + width - 1, top + height - 1, 0.0))
            boxes.setdefault(image.attrib["file"], listed)
    return boxes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.recall")
    parser.add_argument("--groups", metavar="FOLDER", help="photographs and XML files of boxes")
    parser.add_argument("--expressions", metavar="ZIP", help="photographs cut around a face")
    parser.add_argument("--images", type=int, default=1000, help="how many of ZIP (1000)")
    parser.add_argument("--large", type=int, default=0, help="4,000×3,000 portraits of ZIP (0)")
    parser.add_argument("--no-face", metavar="FILE", action="append", default=[])
    parser.add_argument("--detector", choices=DETECTORS, default="hog")
    parser.add_argument("--upsample", type=int, help="search whole pictures, as the published way")
    args = parser.parse_args(argv)
    finder = FaceFinder(Settings(detector=args.detector, upsample=args.upsample))
    published = Published()

    def both(path: Path) -> tuple[Found, Found]:
        return published(path), [(face.box, face.points) for face in finder(Picture(path))]

    if args.groups:
        tally = Tally()
        for name, truths in sorted(boxes_of(Path(args.groups)).items()):
            theirs, ours = both(Path(args.groups, name))
            tally.add(theirs, ours, len(truths), _overlaps(truths))
        tally.print("groups")
    if args.no_face:
        _without_faces(args.no_face, both).print("no face")
    with tempfile.TemporaryDirectory() as temporary:
        if args.expressions:
            tally = Tally()
            path = Path(temporary, "photograph.jpg")
            for _, data in pictures_in(args.expressions, args.images):
                path.write_bytes(data)
                tally.add(*both(path), 1, _in_the_middle(Picture(path).size))
            tally.print("expressions")
        if args.expressions and args.large:
            tally = Tally()
            folder = Path(temporary)
            for path in make_portraits(
                args.expressions, args.no_face, (4000, 3000), args.large, folder
            ):
                theirs, ours = both(path)
                truths = [box for box, _ in theirs]
                tally.add(theirs, ours, len(truths), _overlaps(truths))
            tally.print("portraits 4000×3000 (the published way's boxes count as true)")
    return 0


def _without_faces(names: Iterable[str], both: Callable[[Path], tuple[Found, Found]]) -> Tally:
    tally = Tally()
    for name in names:
        tally.add(*both(Path(name)), 0, lambda *_: False)
    return tally


def _overlaps(truths: list[Box]) -> IsTrue:
    return lambda box, index: overlap(box, truths[index]) >= _ENOUGH


def _in_the_middle(size: tuple[int, int]) -> IsTrue:
    x, y = size[0] / 2, size[1] / 2

    def is_true(box: Box, _: int) -> bool:
        inside = box.left <= x <= box.right and box.top <= y <= box.bottom
        return inside and box.width >= size[0] / 4

    return is_true


if __name__ == "__main__":
    sys.exit(main())
