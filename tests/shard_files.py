"""Samples that follow from their numbers, sets of them, and shards that are changed afterwards."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from landmarks import LABELS, Sample
from landmarks.samples import encode_sample
from landmarks.shard_set import writing_set


def sample(number: int, size: int = 32) -> Sample:
    rng = np.random.default_rng(number)
    shades = np.linspace(0, 255, size).astype(np.uint8)
    image = np.stack([np.tile(shades, (size, 1)), np.tile(shades[:, None], (1, size))] * 2, 2)
    return Sample(
        f"{number:06d}",
        np.roll(image[..., :3], number, 0),
        rng.uniform(-3, size, (68, 2)).round(2),
        rng.random(68) < 0.8,
        rng.integers(0, len(LABELS), (size, size), np.uint8),
        {"person": number // 4, "emotion": "fear", "intensity": 0.25, "weights": {"jawOpen": 0.5}},
    )


def write(target: Path, count: int = 10, start: int = 0, settings=None, **options) -> str:
    with writing_set(target, settings or {"seed": 0}, per_shard=4, **options) as shards:
        for number in range(max(start, shards.done), count):
            shards.add(f"{number:06d}", encode_sample(sample(number)))
    told = f"{target}.json" if target.suffix == ".tar" else target / "set.json"
    return json.loads(Path(told).read_text())["sha256"]


def rewrite(shard: Path, change) -> None:
    """Write a shard again with each file's bytes as `change(name, bytes)` gives them."""
    with tarfile.open(shard) as archive:
        files = [(m.name, archive.extractfile(m).read()) for m in archive.getmembers()]
    with tarfile.open(shard, "w") as archive:
        for name, data in files:
            changed = change(name, data)
            if changed is not None:
                member = tarfile.TarInfo(name)
                member.size = len(changed)
                archive.addfile(member, io.BytesIO(changed))
