"""Which mouths the editor takes for covered: rendered faces, and covers drawn on photographs.

python -m scripts.bench.covered_mouths data/people_small.tar --photos photos/
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.choice import COVERED, SMALLEST, uncertainty
from landmarks import detect
from landmarks.errors import ImageError
from landmarks.faces import Face
from landmarks.image import read_image
from landmarks.inputs import expand
from landmarks.metrics import inter_ocular_distance
from landmarks.shards import read_shards

Array = NDArray[Any]

COVERS = ("mask", "hand", "microphone")
_YAW = 40.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the share of mouths that are taken for covered.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", help="shards of python -m data.people")
    parser.add_argument("--photos", help="a folder of photographs to draw covers on")
    parser.add_argument("--limit", type=int, default=400, help="photographs (%(default)s)")
    args = parser.parse_args(argv)
    _print("rendered", _rendered(args.people))
    if args.photos is not None:
        _print("photographs", _photographed(args.photos, args.limit))
    return 0


def _print(title: str, told: dict[str, list[float]]) -> None:
    for name, values in told.items():
        share = float(np.mean(np.array(values) > COVERED))
        print(
            f"{title}, {name}: {100 * share:.1f} % of {len(values)} found faces taken for covered "
            f"(median {np.median(values):.2f}, limit {COVERED:g})"
        )


def _rendered(path: str) -> dict[str, list[float]]:
    told: dict[str, list[float]] = defaultdict(list)
    for sample in read_shards(path):
        worn = sample.record["accessories"]
        found = detect(sample.image, predictor="small", faces="largest")
        if found and abs(sample.record["pose"]["yaw"]) <= _YAW:
            covered = "mask" if worn["mask"] else "hand on the mouth"
            plain = not worn["mask"] and worn["hand"] != "mouth"
            told["plain" if plain else covered].append(_uncertainty(found[0]))
    return told


def _photographed(folder: str, limit: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    told: dict[str, list[float]] = defaultdict(list)
    sources = expand([folder], recursive=True)
    for place in rng.permutation(len(sources))[:limit]:
        try:
            image = read_image(sources[place].path)
        except ImageError:
            continue
        found = detect(image, predictor="small", faces="largest")
        if not found or inter_ocular_distance(found[0].points) < SMALLEST:
            continue
        told["as they are"].append(_uncertainty(found[0]))
        for kind in COVERS:
            again = detect(_covered(image, found[0].points, kind, rng), predictor="small")
            same = [face for face in again if _is_same(face, found[0])]
            told[f"{kind} drawn"].extend(_uncertainty(face) for face in same[:1])
    return told


def _uncertainty(face: Face) -> float:
    assert face.radius is not None
    return uncertainty(face.points, face.radius)


def _is_same(face: Face, other: Face) -> bool:
    away = np.hypot(*(face.points.mean(axis=0) - other.points.mean(axis=0)))
    return bool(away < 0.8 * inter_ocular_distance(other.points))


def _covered(image: Array, points: Array, kind: str, rng: np.random.Generator) -> Array:
    """A photograph with something drawn over a mouth."""
    eyes, mouth = inter_ocular_distance(points), points[48:68].mean(axis=0)
    shape = np.zeros(image.shape[:2], np.uint8)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    colour: Array = np.empty(image.shape, np.float32)
    if kind == "mask":
        top = points[rng.choice([28, 30, 33])]
        sides = [points[14] * 0.4 + top * 0.6, top, points[2] * 0.4 + top * 0.6]
        cv2.fillPoly(shape, [_whole([*points[2:15], *sides])], 255)
        colour[:] = rng.uniform(20, 240, 3) if rng.random() < 0.5 else rng.choice([30, 180, 235])
        round_the_face = np.clip(np.abs(columns - mouth[0]) / eyes, 0, 1) ** 2
        folds = 0.06 * np.sin((rows - mouth[1]) / eyes * rng.uniform(15, 40))
        colour *= (1 - 0.35 * round_the_face + folds)[..., None]
    elif kind == "hand":
        turn, side = rng.uniform(-0.9, 0.9), rng.choice([-1, 1])
        along = side * np.array([np.cos(turn), np.sin(turn)]) * eyes
        across = np.array([-np.sin(turn), np.cos(turn)]) * 0.17 * eyes
        gaps = np.zeros_like(shape)
        for finger in range(4):
            middle = mouth + (finger - 1.5) * across
            ends = _whole([middle - rng.uniform(0.35, 0.5) * along, middle + 1.6 * along])
            cv2.line(shape, ends[0].tolist(), ends[1].tolist(), 255, max(1, round(0.17 * eyes)))
            ends = ends + _whole([across / 2])
            cv2.line(gaps, ends[0].tolist(), ends[1].tolist(), 255, max(1, round(0.02 * eyes)))
        cheeks = _whole(np.clip(points[[2, 14, 33]], 0, np.array(gaps.shape[::-1]) - 1))
        colour[:] = image[cheeks[:, 1], cheeks[:, 0]].mean(axis=0) * rng.uniform(0.75, 1.1)
        colour *= 1 - 0.4 * cv2.GaussianBlur(gaps, (0, 0), 0.02 * eyes + 0.5)[..., None] / 255
    else:
        centre = mouth + rng.normal(0, 0.06 * eyes, 2)
        radius = rng.uniform(0.26, 0.36) * eyes
        ends = _whole([centre, centre + np.array([rng.uniform(-0.6, 0.6), 1.5]) * eyes])
        cv2.circle(shape, ends[0].tolist(), round(radius), 255, -1)
        cv2.line(shape, ends[0].tolist(), ends[1].tolist(), 255, round(radius * 0.9))
        shine = np.hypot(columns - centre[0] + radius / 3, rows - centre[1] + radius / 3)
        colour[:] = rng.uniform(15, 70) + 60 * np.exp(-((shine / (0.4 * radius)) ** 2))[..., None]
    soft = cv2.GaussianBlur(shape, (0, 0), max(0.5, 0.012 * eyes))[..., None] / np.float32(255)
    drawn = image * (1 - soft) + (colour + rng.normal(0, 3, image.shape)) * soft
    return np.asarray(np.clip(drawn, 0, 255).astype(np.uint8))


def _whole(points: Any) -> NDArray[np.int32]:
    return np.round(np.asarray(points)).astype(np.int32)


if __name__ == "__main__":
    sys.exit(main())
