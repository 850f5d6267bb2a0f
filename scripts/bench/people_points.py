"""Benchmark: does dlib find the synthetic people, and agree on where their landmarks are?

python -m scripts.bench.people_points SHARDS --worst worst.png

Frontal pictures (yaw and pitch below 10 degrees) in which nothing can be seen that is worn or held
(no pixel of the mask is an occluder, as headscarves and hats are) are searched by dlib's HOG
detector on the picture enlarged by 2, as its published script does. A face counts as found when the
centre of the true inner points lies in a box between half and twice their width. Errors are NME of
the inner 51 points over the outer eye corners, of the faces found; a table names the mean offset of
each point, dlib's minus ours, in percent of that distance along the eyes' line and downwards: where
conventions differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landmarks import Face, Sample, detect, inter_ocular_distance, read_shards
from landmarks.draw import draw_points
from landmarks.errors import InputError
from landmarks.image import resize
from landmarks.samples import LABELS
from landmarks.scheme import INNER_51, REGIONS

_FRONTAL = 10.0
_DARK = 0.12  # melanin
_TRUE, _FOUND = (60, 255, 120), (255, 80, 60)


class Measured(NamedTuple):
    """One picture: dlib's points less ours, in inter-ocular distances; None when not found."""

    sample: Sample
    predicted: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None


def is_plain(sample: Sample) -> bool:
    """Whether a picture is frontal and shows nothing that could hide a part of the face."""
    pose = sample.record.get("pose")
    if pose is None:
        raise InputError(f"sample {sample.key} tells no pose: expected shards of synthetic people")
    turned = max(abs(pose["yaw"]), abs(pose["pitch"])) >= _FRONTAL
    hidden = sample.labels is not None and (sample.labels == LABELS.index("occluder")).any()
    return not (turned or bool(hidden))


def measure(sample: Sample) -> Measured:
    """Find the face as dlib does, and compare."""
    inner = sample.points[INNER_51]
    centre, width = inner.mean(0), np.ptp(inner[:, 0])

    def fits(face: Face) -> bool:
        box = face.box
        inside = box.left <= centre[0] <= box.right and box.top <= centre[1] <= box.bottom
        return bool(inside and width / 2 <= box.width <= 2 * width)

    found = [face for face in detect(sample.image, upsample=1) if fits(face)]
    if not found:
        return Measured(sample, None, None)
    points = found[0].points
    across = sample.points[45] - sample.points[36]
    across = across / np.linalg.norm(across)
    axes = np.stack([across, [-across[1], across[0]]], axis=1)  # along the eyes, downwards
    offset = (points - sample.points) @ axes / inter_ocular_distance(sample.points)
    return Measured(sample, points, offset)


def _errors(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(offsets, axis=-1)


def report(measured: list[Measured]) -> None:
    """Print what was found, the errors, and the offsets."""
    offsets = np.stack([item.offset for item in measured if item.offset is not None])
    rate = len(offsets) / len(measured)
    print(f"found {len(offsets)} of {len(measured)} faces: {100 * rate:.1f} % (aim: at least 97 %)")
    errors = _errors(offsets[:, INNER_51])
    mean_offset = offsets.mean(0)
    left = _errors((offsets - mean_offset)[:, INNER_51])
    print(
        f"NME, inner 51, inter-ocular: mean {100 * errors.mean():.2f} %, median of faces"
        f" {100 * np.median(errors.mean(1)):.2f} % (aim: at most 4 %); without the mean offset of"
        f" each point {100 * left.mean():.2f} %"
    )
    print("region             NME %   without offset %")
    for name, region in REGIONS.items():
        own = list(region)
        whole = _errors(offsets[:, own]).mean()
        rest = _errors((offsets - mean_offset)[:, own]).mean()
        print(f"{name:<18} {100 * whole:5.2f}   {100 * rest:5.2f}")
    print("point: mean offset of dlib from ours, % along the eyes' line and % downwards")
    cells = [f"{k:2d}: {100 * x:+5.1f} {100 * y:+5.1f}" for k, (x, y) in enumerate(mean_offset)]
    for first in range(0, len(cells), 5):
        print("   ".join(cells[first : first + 5]))


def by_emotion(measured: list[Measured]) -> None:
    """Print rate and error of each emotion, weak and strong."""
    print("emotion            pictures   found %   NME %")
    groups: dict[str, list[Measured]] = {}
    for item in measured:
        record = item.sample.record
        strength = " strong" if record["intensity"] > 0.6 else ""
        groups.setdefault(f"{record['emotion']}{strength}", []).append(item)
    for name, items in sorted(groups.items()):
        found = [item.offset for item in items if item.offset is not None]
        error = 100 * _errors(np.stack(found)[:, INNER_51]).mean() if found else np.nan
        print(f"{name:<18} {len(items):8d}   {100 * len(found) / len(items):7.1f}   {error:5.2f}")


def _lit_by(kind: str, record: dict[str, Any]) -> bool:
    return bool(record["light"]["kind"] == kind)


def by_circumstance(measured: list[Measured]) -> None:
    """Print who is found less often: pictures of one film are alike and count once here."""
    single = [item for item in measured if item.sample.record.get("frame") in (None, 0)]
    rules: dict[str, Callable[[dict[str, Any]], bool]] = {
        "one of each film": lambda record: True,
        "  roll below 10 degrees": lambda record: abs(record["pose"]["roll"]) < _FRONTAL,
        "  skin: melanin < 0.12": lambda record: record["look"]["melanin"] < _DARK,
        "  skin: melanin >= 0.12": lambda record: record["look"]["melanin"] >= _DARK,
    }
    for kind in sorted({item.sample.record["light"]["kind"] for item in single}):
        rules[f"  light: {kind}"] = partial(_lit_by, kind)
    print("circumstance               pictures   found %")
    for name, rule in rules.items():
        items = [item for item in single if rule(item.sample.record)]
        if items:
            found = sum(item.offset is not None for item in items)
            print(f"{name:<26} {len(items):8d}   {100 * found / len(items):7.1f}")


def draw_worst(measured: list[Measured], path: Path, count: int = 20, size: int = 240) -> None:
    """Write a picture of the faces that were not found and those with the largest errors."""

    def badness(item: Measured) -> float:
        return np.inf if item.offset is None else float(_errors(item.offset[INNER_51]).mean())

    tiles = []
    for item in sorted(measured, key=badness, reverse=True)[:count]:
        image, truth = resize(item.sample.image, item.sample.points, (size, size))
        image = np.ascontiguousarray(image)
        draw_points(image, truth[INNER_51], _TRUE, 1.2)
        if item.predicted is not None:
            moved = (item.predicted + 0.5) * (size / item.sample.image.shape[0]) - 0.5
            draw_points(image, moved[INNER_51], _FOUND, 1.2)
        record = item.sample.record
        error = "missed" if item.offset is None else f"{100 * badness(item):.1f} %"
        told = f"{item.sample.key} {record['emotion']} {record['intensity']:.2f}: {error}"
        cv2.rectangle(image, (0, size - 16), (size, size), (0, 0, 0), -1)
        cv2.putText(image, told, (4, size - 5), 0, 0.35, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(image)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 5)
    rows = [np.hstack(tiles[first : first + 5]) for first in range(0, len(tiles), 5)]
    Image.fromarray(np.vstack(rows)).save(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.people_points")
    parser.add_argument("shards", nargs="+", help="a folder of shards, or .tar files")
    parser.add_argument("--most", type=int, default=2000, help="pictures at most (2000)")
    parser.add_argument("--worst", metavar="FILE", help="draw the worst twenty")
    args = parser.parse_args(argv)
    try:
        return _run(args)
    except (InputError, OSError) as error:
        print(f"people_points: {error}", file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    measured: list[Measured] = []
    for sample in read_shards(args.shards):
        if is_plain(sample):
            measured.append(measure(sample))
            if len(measured) == args.most:
                break
    if not any(item.offset is not None for item in measured):
        print(f"dlib finds none of {len(measured)} faces")
        return 0
    report(measured)
    by_emotion(measured)
    by_circumstance(measured)
    if args.worst:
        draw_worst(measured, Path(args.worst))
    return 0


if __name__ == "__main__":
    sys.exit(main())
