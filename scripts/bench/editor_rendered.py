"""Benchmark: how well rendered heads are told from photographs; -o writes the weights anew.

python -m scripts.bench.editor_rendered --rendered FILMS PEOPLE --photos YOUTUBE

Shards of synthetic people and of photographs, or folders of them; of each person every third
picture, three at most, whose head is turned by at most 35 degrees. Learnt from training persons
(`landmarks.split_of`), told of validation persons.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from gan.editor.fine import FinePlacer
from gan.editor.rendered import SURE, features
from gan.editor.subject import Subject
from landmarks.errors import InputError
from landmarks.image import read_image
from landmarks.keypoints.predictor import SMALL
from landmarks.placing import make_placer
from landmarks.samples import split_of
from landmarks.search import Search
from landmarks.shards import read_shards
from landmarks.views import Views

_TURNED, _EVERY, _EACH = 35.0, 3, 3
_SUFFIXES = (".jpg", ".jpeg", ".png")


class Looker:
    """Faces as two predictors see them."""

    def __init__(self) -> None:
        self._search, self._network = Search(), make_placer(SMALL)
        self._fine = FinePlacer(make_placer(None))

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[Any] | None:
        """Features of the surest face; None where there is none."""
        views = Views(image)
        boxes = self._search(views)[:1]
        if not boxes:
            return None
        [fine], [network] = self._fine(views, boxes), self._network(views, boxes)
        return features(Subject(image, fine.points, boxes[0]), network)


def faces(sets: Sequence[str], most: int) -> dict[str, list[NDArray[Any]]]:
    """Features of faces, by split; files of a folder are persons each."""
    look = Looker()
    found: dict[str, list[NDArray[Any]]] = {"train": [], "validation": []}
    for path in sets:
        seen: Counter[str] = Counter()
        pictures: Any = read_shards(path) if list(Path(path).glob("*.tar")) else _files(path)
        for person, turned, image in map(_as_seen, pictures):
            split = split_of(person)
            if split not in found or turned > _TURNED or (person not in seen and len(seen) >= most):
                continue
            seen[person] += 1
            if seen[person] % _EVERY != 1 or seen[person] > _EVERY * _EACH:
                continue
            told = look(image() if callable(image) else image)
            if told is not None:
                found[split].append(told)
    return found


def _files(folder: str) -> list[Path]:
    paths = [p for p in sorted(Path(folder).rglob("*")) if p.suffix.lower() in _SUFFIXES]
    return [paths[k] for k in np.random.default_rng(0).permutation(len(paths))]


def _as_seen(picture: Any) -> tuple[str, float, Any]:
    if isinstance(picture, Path):
        return picture.stem, 0.0, lambda: read_image(picture)
    return (
        str(picture.record["person"]),
        abs(picture.record.get("pose", {}).get("yaw", 0.0)),
        picture.image,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.editor_rendered",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rendered", nargs="+", required=True, help="shards of data.people")
    parser.add_argument("--photos", nargs="+", required=True, help="shards or folders")
    parser.add_argument("--most", type=int, default=150, help="persons of each (default: 150)")
    parser.add_argument("-o", "--output", help="write the weights")
    args = parser.parse_args(argv)
    try:
        rendered, photos = faces(args.rendered, args.most), faces(args.photos, args.most)
    except (InputError, OSError) as problem:
        print(f"{parser.prog}: {problem}", file=sys.stderr)
        return 2
    shown = np.array(rendered["train"] + photos["train"])
    labels = np.repeat([1, 0], [len(rendered["train"]), len(photos["train"])])
    # Shrunk as if all features spread alike.
    spread = shown.std(axis=0)
    line = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(shown / spread, labels)
    for split in ("train", "validation"):
        told = [
            line.decision_function(np.array(s[split]) / spread) > SURE for s in (rendered, photos)
        ]
        print(
            f"{split} persons: {told[0].mean():.1%} of {len(told[0])} rendered heads and "
            f"{told[1].mean():.1%} of {len(told[1])} photographs count as rendered"
        )
    if args.output:
        weights = {
            "weights": np.float32(line.coef_[0] / spread),
            "bias": np.float32(line.intercept_),
        }
        save_file(weights, args.output, {"learnt from": "synthetic people and photographs"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
