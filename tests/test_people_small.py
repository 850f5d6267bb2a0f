"""The synthetic people that ship are whole, small, and what their card says."""

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from calibration.action_units import EMOTIONS
from landmarks import read_shards, split_of
from landmarks.samples import LABELS

DATA = Path(__file__).parent.parent / "data"
SET = DATA / "people_small.tar"


@pytest.fixture(scope="module")
def samples():
    return list(read_shards(SET))


def test_it_is_small_and_comes_with_its_licence_and_hash():
    assert SET.stat().st_size <= 6_000_000
    licence = (DATA / "LICENSE.ict-facekit.txt").read_text(encoding="utf-8")
    assert "MIT" in licence
    assert "Institute for Creative Technologies" in licence
    told = json.loads((DATA / "people_small.tar.json").read_bytes())
    assert "ICT-FaceKit" in told["settings"]["attribution"]
    (shard,) = told["shards"]
    assert hashlib.sha256(SET.read_bytes()).hexdigest() == shard["sha256"]
    assert told["sha256"] in (DATA / "README.md").read_text(encoding="utf-8")


def test_it_shows_all_emotions_of_each_person_at_several_intensities(samples):
    people = Counter(sample.record["person"] for sample in samples)
    assert len(people) == 24
    assert {split_of(person) for person in people} == {"train", "validation", "test"}
    seen = defaultdict(list)
    for sample in samples:
        seen[sample.record["emotion"]].append(sample.record["intensity"])
    assert set(EMOTIONS) | {"neutral", "speech"} == set(seen)
    assert max(seen["neutral"]) == 0
    for emotion in EMOTIONS:
        share, _ = np.histogram(seen[emotion], bins=4, range=(0, 1.2))
        assert share.min() >= 8


def test_points_and_masks_fit_together(samples):
    """A visible landmark of the mouth or an eye lies on that, give or take a pixel."""
    near = {"mouth": [], "eyes": []}
    for sample in samples:
        assert sample.image.shape == (128, 128, 3)
        assert sample.labels.shape == (128, 128)
        padded = np.pad(sample.labels, 1, mode="edge")
        for name, points, wanted in (
            ("mouth", range(48, 60), ("lips", "mouth_interior", "teeth")),
            ("eyes", range(36, 48), ("eyes",)),
        ):
            values = [LABELS.index(label) for label in wanted]
            for point in points:
                x, y = np.rint(sample.points[point]).astype(int)
                if sample.visible[point] and 0 <= x < 128 and 0 <= y < 128:
                    near[name].append(np.isin(padded[y : y + 3, x : x + 3], values).any())
    assert np.mean(near["mouth"]) > 0.97
    assert np.mean(near["eyes"]) > 0.9
