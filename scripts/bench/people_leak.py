"""Command: python -m scripts.bench.people_leak FOLDER [--seed N]

Can the six emotions be told from anything but the face? Two classifiers (linear, and a forest) see
of every picture of a rendered set (a folder of shards) only

- the record of what surrounds the face: pose, camera, light, background, capture, accessories;
- the background: colours of the pixels that are labelled so, over the picture and along its rim;

no person in both training and test. What they recognise should be chance: its expected share and
the width that many pictures leave to luck are printed, and the same with the labels shuffled. As a
check of the classifiers, they also see the face itself: its landmarks.
Exit code 1: something but the face tells the emotion.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from calibration.action_units import EMOTIONS
from landmarks.samples import LABELS, Sample
from landmarks.shards import read_shards

Array = npt.NDArray[np.float64]
SURROUNDINGS = ("pose", "camera", "light", "background", "capture", "accessories")
LIMIT = 3.5  # standard deviations of chance
FOLDS = 5


class Seen(NamedTuple):
    """What is known of the pictures of the six emotions.

    Attributes
    ----------
    sources : dict
        Name → (n, k) float array.
    label : (n,) int array
        Index into `EMOTIONS`.
    person : (n,) int array
    """

    sources: dict[str, Array]
    label: npt.NDArray[np.intp]
    person: npt.NDArray[np.intp]


def flatten(value: Any, name: str = "") -> dict[str, float]:
    """Numbers of a record by name; a text becomes a name of its own with value 1."""
    if isinstance(value, Mapping):
        parts = [flatten(inner, f"{name}.{key}") for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        parts = [flatten(inner, f"{name}[{k}]") for k, inner in enumerate(value)]
    elif isinstance(value, str):
        return {f"{name}={value}": 1.0}
    else:
        return {name: 0.0 if value is None else float(value)}
    return {key: number for part in parts for key, number in part.items()}


def table(records: Iterable[Mapping[str, Any]]) -> Array:
    """Records as rows (n, k) of numbers; what a record lacks is 0."""
    rows = [flatten(record) for record in records]
    column = {name: k for k, name in enumerate(sorted({name for row in rows for name in row}))}
    out = np.zeros((len(rows), len(column)))
    for row, numbers in zip(out, rows, strict=True):
        for name, number in numbers.items():
            row[column[name]] = number
    return out


def surroundings(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a picture's record that is not about the face."""
    return {key: record[key] for key in SURROUNDINGS if key in record}


def background_colours(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Array:
    """Mean and spread of the background, and its mean in 14 places along the rim."""
    behind = labels == LABELS.index("background")
    pixels = image.astype(np.float64) / 255
    overall = pixels[behind].mean(axis=0) if behind.any() else np.full(3, 0.5)
    spread = pixels[behind].std(axis=0) if behind.any() else np.zeros(3)
    size = len(image)
    edge, cells = size // 8, np.linspace(0, size, 6).astype(int)
    places = [(slice(0, edge), slice(a, b)) for a, b in itertools.pairwise(cells)]
    for a, b in itertools.pairwise(cells):
        places += [(slice(a, b), slice(0, edge)), (slice(a, b), slice(size - edge, size))]
    rim = [pixels[p][behind[p]].mean(axis=0) if behind[p].any() else overall for p in places]
    return np.concatenate([overall, spread, *rim])


def recognised(
    features: Array, label: npt.NDArray[np.intp], person: npt.NDArray[np.intp], seed: int
) -> float:
    """Share of labels that the better of two classifiers names for persons it has not seen."""
    machines = (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        RandomForestClassifier(60, min_samples_leaf=5, random_state=seed),
    )
    return max(
        float(
            (
                cross_val_predict(m, features, label, groups=person, cv=GroupKFold(FOLDS)) == label
            ).mean()
        )
        for m in machines
    )


def chance(label: npt.NDArray[np.intp]) -> tuple[float, float]:
    """Best share that guessing reaches on average, and its standard deviation."""
    share = float(np.bincount(label).max() / len(label))
    return share, float(np.sqrt(share * (1 - share) / len(label)))


def look(samples: Iterable[Sample]) -> Seen:
    """Read what is needed of a set; of a sequence, whose pictures share all but the face, the end.

    Raises
    ------
    ValueError
        Too few people, or an emotion is missing.
    """
    kept: dict[tuple[Any, ...], tuple[dict[str, Any], Array, Array, int, int]] = {}
    for sample in samples:
        record = sample.record
        if record.get("emotion") not in EMOTIONS or sample.labels is None:
            continue
        inner = sample.points[17:] - sample.points[27:36].mean(axis=0)
        inner /= np.linalg.norm(inner)
        alone = record.get("sequence") is None
        key = (record["person"], sample.key if alone else f"sequence {record['sequence']}")
        kept[key] = (
            surroundings(record),
            background_colours(sample.image, sample.labels),
            inner.ravel(),
            EMOTIONS.index(record["emotion"]),
            int(record["person"]),
        )
    records, colours, faces, label, person = zip(*kept.values(), strict=True) if kept else ([],) * 5
    if len(set(label)) < len(EMOTIONS) or len(set(person)) < 2 * FOLDS:
        raise ValueError(
            f"{len(set(person))} people with {len(set(label))} emotions and masks: expected at "
            f"least {2 * FOLDS} people and all {len(EMOTIONS)} emotions"
        )
    sources = {
        "record of the surroundings": table(records),
        "background pixels": np.array(colours),
        "the face itself (landmarks)": np.array(faces),
    }
    return Seen(sources, np.array(label), np.array(person))


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="rendered set: a folder of shards, or a shard")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        seen = look(read_shards(options.folder))
    except ValueError as problem:
        print(f"people_leak: {problem}", file=sys.stderr)
        return 2
    share, spread = chance(seen.label)
    print(
        f"{len(seen.label)} pictures of {len(np.unique(seen.person))} people; chance {share:.3f}, "
        f"by luck up to {share + LIMIT * spread:.3f}"
    )
    shuffled = np.random.default_rng(options.seed).permutation(seen.label)
    leaks = False
    for name, features in seen.sources.items():
        right = recognised(features, seen.label, seen.person, options.seed)
        luck = recognised(features, shuffled, seen.person, options.seed)
        is_face = name.startswith("the face")
        leaks |= not is_face and right > share + LIMIT * spread
        print(f"  {name:30s} {right:.3f}   labels shuffled {luck:.3f}")
    print(
        "something but the face tells the emotion" if leaks else "only the face tells the emotion"
    )
    return int(leaks)


if __name__ == "__main__":
    sys.exit(main())
