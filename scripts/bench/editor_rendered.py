"""Benchmark: how well rendered heads are told from photographs; -o writes the weights anew.

python -m scripts.bench.editor_rendered --rendered FILMS PEOPLE --photos YOUTUBE PRESS

Shards of synthetic people and of photographs, or folders of them, whose files are named by persons
(`Name_12.jpg`); of each person four pictures at most, whose head is turned by at most 35 degrees.
Every picture counts twice: as it is, and made coarser, softer, darker, grey or noisier and
compressed, so that sources are not told by their cameras. Learnt from training persons
(`landmarks.split_of`), told of validation persons. A face counts as rendered from the score that
0.5 % of the training photographs reach where their persons are left out.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from gan.editor.fine import FinePlacer
from gan.editor.rendered import features
from gan.editor.subject import Subject
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.image import read_image
from landmarks.keypoints.predictor import SMALL
from landmarks.placing import make_placer
from landmarks.samples import split_of
from landmarks.search import Search
from landmarks.shards import read_shards
from landmarks.views import Views

_TURNED, _EVERY, _EACH = 35.0, 2, 4
_DATA = (
    "synthetic people rendered from ICT-FaceKit (USC ICT, MIT); frames of YouTube Faces (MIT) and "
    "press photographs (Apache-2.0), training persons of landmarks.split_of alone"
)
_SUFFIXES = (".jpg", ".jpeg", ".png")
_EDGES_FROM, _TOLD_MORE = 167, 1.5
# From which feature on they are of gradients, and how much more those before count.
_PENALTY, _FOLDS, _TAKEN = 10.0, 4, 0.005

Array = NDArray[Any]


class Face(NamedTuple):
    """What is told of one face."""

    source: str
    person: str
    split: str
    changed: bool
    told: Array


class Looker:
    """Faces as two predictors see them."""

    def __init__(self) -> None:
        self._search, self._network = Search(), make_placer(SMALL)
        self._fine = FinePlacer(make_placer(None))

    def __call__(self, image: NDArray[np.uint8], rng: np.random.Generator) -> list[Array]:
        """Features of the surest face, as it is and changed; none where there is no face."""
        boxes = self._search(Views(image))[:1]
        told = []
        for shown in (image, changed(image, rng)) if boxes else ():
            views = Views(shown)
            [fine], [network] = self._fine(views, boxes), self._network(views, boxes)
            told.append(features(Subject(shown, fine.points, boxes[0]), network).astype(np.float32))
        return told


def changed(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as another camera, light or file would have it."""
    high, wide = image.shape[:2]
    shown: Array = image.astype(np.float32)
    if rng.random() < 0.6:
        share = rng.uniform(0.35, 1)
        size = (max(int(wide * share), 8), max(int(high * share), 8))
        coarse = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
        shown = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.3:
        shown = shown + rng.uniform(0.3, 1) * (shown - cv2.GaussianBlur(shown, (0, 0), 1))
    shown = 255 * np.clip(shown / 255, 0, 1) ** np.exp(rng.uniform(-0.4, 0.4))
    shown = 128 + (shown - 128) * rng.uniform(0.75, 1.25) + rng.uniform(-15, 15)
    if rng.random() < 0.3:
        shown = np.repeat(shown.mean(axis=2, keepdims=True), 3, axis=2)
    elif rng.random() < 0.6:
        shown = shown * rng.uniform(0.85, 1.15, 3)
    if rng.random() < 0.4:
        shown = shown + rng.normal(0, rng.uniform(1, 6), shown.shape)
    done = np.clip(shown, 0, 255).astype(np.uint8)
    if rng.random() < 0.8:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
        done = np.asarray(cv2.imdecode(cv2.imencode(".jpg", done, quality)[1], 1), np.uint8)
    return np.ascontiguousarray(done)


def faces(path: str, most: int, look: Looker) -> list[Face]:
    """Features of faces of training and validation persons."""
    found: list[Face] = []
    seen: Counter[str | int] = Counter()
    rng = np.random.default_rng(0)
    shards = bool(list(Path(path).glob("*.tar")))
    every = _EVERY if shards else 1
    pictures: Any = read_shards(path) if shards else _files(path)
    for person, turned, image in map(_as_seen, pictures):
        split = split_of(person)
        if split not in ("train", "validation") or turned > _TURNED:
            continue
        if person not in seen and len(seen) >= most:
            continue
        seen[person] += 1
        if (seen[person] - 1) % every or seen[person] > every * _EACH:
            continue
        told = look(image() if callable(image) else image, rng)
        found += [Face(path, str(person), split, k > 0, one) for k, one in enumerate(told)]
    return found


def _files(folder: str) -> list[Path]:
    paths = [p for p in sorted(Path(folder).rglob("*")) if p.suffix.lower() in _SUFFIXES]
    return [paths[k] for k in np.random.default_rng(0).permutation(len(paths))]


def _as_seen(picture: Any) -> tuple[str | int, float, Any]:
    if isinstance(picture, Path):
        return re.sub(r"_\d+$", "", picture.stem), 0.0, lambda: read_image(picture)
    turned = abs(picture.record.get("pose", {}).get("yaw", 0.0))
    return picture.record["person"], turned, picture.image


def learn(told: Array, labels: Array, persons: Array) -> tuple[Array, float]:
    """Weights and bias of a score that is above 0 for rendered heads."""
    spread = told.std(axis=0) + 1e-6
    scale = np.full(told.shape[1], 1 / np.sqrt(told.shape[1] - _EDGES_FROM))
    scale[:_EDGES_FROM] = _TOLD_MORE / np.sqrt(_EDGES_FROM)
    middle, scale = told.mean(axis=0), scale / spread
    given = (told - middle) * scale
    line = LogisticRegression(C=_PENALTY, max_iter=300)
    left_out = np.zeros(len(given))
    for known, others in GroupKFold(_FOLDS).split(given, labels, persons):
        left_out[others] = line.fit(given[known], labels[known]).decision_function(given[others])
    sure = np.quantile(left_out[labels == 0], 1 - _TAKEN)
    print(
        f"training persons, left out: {(left_out[labels == 1] > sure).mean():.1%} of "
        f"{(labels == 1).sum()} rendered and {_TAKEN:.1%} of {(labels == 0).sum()} photographs"
    )
    weights = line.fit(given, labels).coef_[0] * scale
    return weights, float(line.intercept_[0] - weights @ middle - sure)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.editor_rendered",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rendered", nargs="+", required=True, help="shards of data.people")
    parser.add_argument("--photos", nargs="+", required=True, help="shards or folders")
    parser.add_argument("--most", type=int, default=800, help="persons of each (default: 800)")
    parser.add_argument("-o", "--output", help="write the weights")
    args = parser.parse_args(argv)
    look = Looker()
    try:
        shown = [(f, 1) for path in args.rendered for f in faces(path, args.most, look)]
        shown += [(f, 0) for path in args.photos for f in faces(path, args.most, look)]
        taught = [(f, label) for f, label in shown if f.split == "train"]
        for label, which in ((1, args.rendered), (0, args.photos)):
            if len({f.person for f, known in taught if known == label}) < _FOLDS:
                raise InputError(
                    f"{', '.join(which)}: fewer than {_FOLDS} training persons whose face is found"
                )
    except (InputError, OSError) as problem:
        print(f"{parser.prog}: {problem}", file=sys.stderr)
        return 2
    weights, bias = learn(
        np.array([f.told for f, _ in taught]),
        np.array([label for _, label in taught]),
        np.array([f"{label} {f.person}" for f, label in taught]),
    )
    for path in (*args.rendered, *args.photos):
        for is_changed, how in ((False, "as they are"), (True, "changed")):
            mine = [
                f.told @ weights + bias > 0
                for f, _ in shown
                if f.source == path and f.split == "validation" and f.changed == is_changed
            ]
            print(
                f"{path}, validation persons, {how}: {sum(mine)} of {len(mine)} faces "
                f"({sum(mine) / max(len(mine), 1):.1%}) count as rendered"
            )
    if args.output:
        stored = {"weights": np.float32(weights), "bias": np.array([bias], np.float32)}
        told = {
            "learnt from": _DATA,
            "command": f"{parser.prog} --rendered FILMS PEOPLE --photos …",
        }
        with replacing(Path(args.output), "wb") as file:
            file.write(save(stored, told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
