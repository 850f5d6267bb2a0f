"""Benchmark: does a landmark network trained on synthetic people do on real ones?

python -m scripts.bench.people_gap --real ZIP --helen ZIP --shards FOLDER -o OUT

The same small network is trained with the same number of steps on
    real       the training persons of YouTube Faces,
    synthetic  as many pictures of synthetic people, drawn from the shards (all, if those hold
               fewer, which is told),
    both       those two, half and half,
    large      all pictures of the shards,
and tested on real faces in their true boxes: the test persons of YouTube Faces (never the published
split, which leaks) and HELEN's test faces (nobody trains on HELEN). The errors are NME over the
outer eye corners in percent. Before all of them the labels of YouTube Faces, of the training and of
the test persons, are moved one pixel left and up (`data.youtube_faces.YOUTUBE_SHIFT`): of pictures
and mirrored pictures no network can learn a shift to one side, and the points of the arm "real" lay
1.1 pixels left of the labels as they are published, and as far above them by HELEN's labels. Other
labelling conventions differ too, so the errors are shown three times:
    plain      as predicted,
    learned    less the mean offset of each point on other faces of that set (training and
               validation persons of YouTube Faces, training faces of HELEN),
    in test    less the mean offset of each point on the test faces themselves.
Weights are kept in OUT and trained again only when the pictures or the recipe change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from landmarks import scheme
from landmarks.draw import draw_contours
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.metrics import failure_rate
from scripts.bench.gap_faces import (
    INPUT,
    STORED,
    Faces,
    helen_faces,
    synthetic_faces,
    youtube_faces,
)
from scripts.bench.gap_network import LandmarkNetwork, Recipe, predict, train

Array = NDArray[Any]

ARMS = ("real", "synthetic", "both", "large")
AIM = 1.0  # points of NME that synthetic pictures alone may lose
_WORST = 20


class Measured(NamedTuple):
    """Errors of one network on one set.

    Attributes
    ----------
    offsets : (n, 68, 2) float array
        Predicted less true points, in inter-ocular distances.
    learned : (68, 2) float array
        Mean offset on other faces of the set.
    """

    offsets: Array
    learned: Array

    def errors(self, correction: str = "plain") -> Array:
        """(n, 68) distances after the correction 'plain', 'learned' or 'in test'."""
        mean = {"plain": 0.0, "learned": self.learned, "in test": self.offsets.mean(axis=0)}
        return np.linalg.norm(self.offsets - mean[correction], axis=2)


def offsets_of(network: LandmarkNetwork, faces: Faces) -> Array:
    """Predicted less true points, (n, 68, 2), in inter-ocular distances."""
    right = faces.points[:, scheme.RIGHT_OUTER_EYE_CORNER]
    corners = right - faces.points[:, scheme.LEFT_OUTER_EYE_CORNER]
    found = predict(network, faces.inputs()) + (STORED - INPUT) // 2
    return (found - faces.points) / np.linalg.norm(corners, axis=1)[:, None, None]


def measure(network: LandmarkNetwork, tests: dict[str, tuple[Faces, Faces]]) -> dict[str, Measured]:
    """Errors on each set: (faces, other faces for the mean offset)."""
    return {
        name: Measured(offsets_of(network, faces), offsets_of(network, others).mean(axis=0))
        for name, (faces, others) in tests.items()
    }


def worst_faces(tested: Measured, network: LandmarkNetwork, faces: Faces) -> Array:
    """The worst faces side by side: true points green, predicted ones red."""
    errors = tested.errors("learned").mean(axis=1)
    order = np.argsort(-errors)[:_WORST]
    found = predict(network, faces.take(order).inputs()) + (STORED - INPUT) // 2
    tiles = []
    for row, points in zip(order, found, strict=True):
        tile = cv2.resize(faces.images[row], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        draw_contours(tile, (faces.points[row] + 0.5) * 2 - 0.5, (60, 255, 120))
        draw_contours(tile, (points + 0.5) * 2 - 0.5, (255, 80, 60))
        cv2.putText(tile, f"{100 * errors[row]:.1f}", (4, 16), 0, 0.5, (255, 255, 0), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 5)
    return np.concatenate([np.concatenate(tiles[at : at + 5], 1) for at in range(0, len(tiles), 5)])


def table(results: dict[str, dict[str, Measured]]) -> str:
    """Errors of each arm on each set, in percent."""
    lines = [
        f"{'':24s}{'all 68 points':^39s}   {'inner 51':^39s}",
        f"{'':24s}" + "   ".join(["plain median  >8%  learned  >8%  in test"] * 2),
    ]
    for name in next(iter(results.values())):
        for arm, tested in results.items():
            cells = []
            for points in (slice(None), scheme.INNER_51):
                plain, learned, within = (
                    tested[name].errors(way)[:, points].mean(axis=1)
                    for way in ("plain", "learned", "in test")
                )
                cells.append(
                    f"{100 * plain.mean():5.2f} {100 * np.median(plain):6.2f}"
                    f" {100 * failure_rate(plain):5.1f} {100 * learned.mean():8.2f}"
                    f" {100 * failure_rate(learned):4.1f} {100 * within.mean():8.2f}"
                )
            lines.append(f"{name + ', ' + arm:24s}" + "   ".join(cells))
    return "\n".join(lines)


def regions(results: dict[str, dict[str, Measured]]) -> str:
    """Error of each region after the learned correction, and the correction itself."""
    lines = [f"{'learned':24s}" + " ".join(f"{name[:11]:>11s}" for name in scheme.REGIONS)]
    for name in next(iter(results.values())):
        for arm, tested in results.items():
            errors = 100 * tested[name].errors("learned").mean(axis=0)
            cells = [f"{errors[list(region)].mean():11.2f}" for region in scheme.REGIONS.values()]
            lines.append(f"{name + ', ' + arm:24s}" + " ".join(cells))
    lines.append(f"{'offset (right, down)':24s}")
    for name in next(iter(results.values())):
        for arm, tested in results.items():
            means = [100 * tested[name].learned[list(r)].mean(0) for r in scheme.REGIONS.values()]
            cells = [f"{x:+5.1f},{y:+5.1f}" for x, y in means]
            lines.append(f"{name + ', ' + arm:24s}" + " ".join(cells))
    return "\n".join(lines)


def gaps(results: dict[str, dict[str, Measured]]) -> str:
    """What each arm loses against real pictures, in points of NME."""
    lines = []
    for name, real in results.get("real", {}).items():
        for arm in [arm for arm in results if arm != "real"]:
            lost = [
                100 * float(results[arm][name].errors(way).mean() - real.errors(way).mean())
                for way in ("plain", "learned", "in test")
            ]
            aim = f" (aim for synthetic alone: {AIM:g})" if arm in ("synthetic", "large") else ""
            lines.append(
                f"{name}: {arm} − real = {lost[0]:+.2f} plain, {lost[1]:+.2f} learned,"
                f" {lost[2]:+.2f} in test{aim}"
            )
    return "\n".join(lines)


def _key(sources: list[Faces], recipe: Recipe) -> str:
    told = hashlib.sha256(repr(recipe).encode())
    for faces in sources:
        told.update(faces.images.tobytes() + faces.points.tobytes())
    return told.hexdigest()


def sources_of(arm: str, real: Faces, synthetic: Faces | None, seed: int) -> list[Faces]:
    """The pictures that an arm is trained on."""
    if arm == "real":
        return [real]
    assert synthetic is not None
    if arm == "large":
        return [synthetic]
    rows = np.random.default_rng(seed).permutation(len(synthetic.names))[: len(real.names)]
    drawn = synthetic.take(np.sort(rows))
    return [drawn] if arm == "synthetic" else [real, drawn]


def is_short(arm: str, sources: list[Faces], real: Faces) -> bool:
    """Whether an arm has fewer synthetic pictures than the real ones that it is compared with."""
    return arm in ("synthetic", "both") and len(sources[-1].names) < len(real.names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.people_gap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--real", required=True, metavar="ZIP", help="YouTube Faces, 68 points")
    parser.add_argument("--helen", metavar="ZIP", help="HELEN, 68 points")
    parser.add_argument("--shards", nargs="*", default=[], help="synthetic people")
    parser.add_argument("--only", default=",".join(ARMS), help="arms to train (%(default)s)")
    parser.add_argument("--steps", type=int, default=1500, help="of 64 pictures (%(default)s)")
    parser.add_argument("--limit", type=int, help="read only the first pictures of the shards")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", required=True, metavar="OUT", help="weights and pictures")
    return parser


def _run(options: argparse.Namespace) -> None:
    arms = options.only.split(",")
    if unknown := set(arms) - set(ARMS):
        raise InputError(f"--only names {sorted(unknown)[0]!r}: expected {', '.join(ARMS)}")
    for name in ("steps", "threads"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}: expected at least 1")
    if not options.shards and arms != ["real"]:
        raise InputError("--shards names no synthetic people: without them only --only real works")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    recipe = Recipe(options.steps, seed=options.seed)
    split = youtube_faces(options.real)
    if missing := [part for part in ("train", "validation", "test") if part not in split]:
        raise InputError(
            f"{options.real} shows no {missing[0]} person: expected some of each split"
        )
    others = split["train"].joined(split["validation"])
    tests = {"YouTube": (split["test"], others)}
    if options.helen:
        helen = helen_faces(options.helen)
        tests["HELEN"] = (helen["test"], helen["train"])
    synthetic = synthetic_faces(options.shards, options.limit) if options.shards else None
    os.makedirs(options.out, exist_ok=True)
    results: dict[str, dict[str, Measured]] = {}
    for arm in arms:
        sources = sources_of(arm, split["train"], synthetic, options.seed)
        weights = Path(options.out) / f"{arm}.pt"
        network = train(sources, recipe, weights, _key(sources, recipe))
        results[arm] = measure(network, tests)
        count = " + ".join(f"{len(source.names)}" for source in sources)
        print(f"{arm}: {count} pictures, {recipe.steps} steps of {recipe.batch}")
        if is_short(arm, sources, split["train"]):
            print(f"{arm}: the shards hold fewer pictures than there are real ones")
        for name, (faces, _) in tests.items():
            with replacing(Path(options.out) / f"worst_{arm}_{name}.png", "wb") as handle:
                picture = worst_faces(results[arm][name], network, faces)
                Image.fromarray(picture).save(handle, format="PNG")
    sizes = ", ".join(f"{name}: {len(faces.names)} faces" for name, (faces, _) in tests.items())
    print(f"\nNME over the outer eye corners in percent, true boxes ({sizes})")
    print(table(results) + "\n\n" + regions(results) + "\n\n" + gaps(results))
    means = {
        arm: {
            name: {way: float(t.errors(way).mean()) for way in ("plain", "learned", "in test")}
            for name, t in tested.items()
        }
        for arm, tested in results.items()
    }
    with replacing(Path(options.out) / "errors.json") as handle:
        json.dump(means, handle, indent=1)


def main(argv: list[str] | None = None) -> int:
    """Train, test, and print the tables."""
    options = _parser().parse_args(argv)
    try:
        _run(options)
    except (InputError, OSError) as error:
        print(f"people_gap: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
