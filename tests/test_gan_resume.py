"""A run that was killed, wherever, ends in the same bytes as one that was not."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.pair_folders import make_pairs

ROOT = Path(__file__).parent.parent
EPOCHS = 2


def kept(modeldir: Path) -> dict[str, bytes]:
    names = ["checkpoint.safetensors", "generator.safetensors", "metrics.jsonl", "config.json"]
    names += [f"samples/{path.name}" for path in (modeldir / "samples").iterdir()]
    return {name: (modeldir / name).read_bytes() for name in names}


def steps(modeldir: Path) -> list[int]:
    lines = (modeldir / "metrics.jsonl").read_text().splitlines()
    return [told["step"] for told in map(json.loads, lines) if "epoch" in told]


def some_kills(seed: str) -> list[object]:
    """Inside of saves, where what is written is not whole yet; and at any moment."""
    rng = random.Random(seed)
    calls = [[rng.choice(["fsync", "replace"]), rng.randrange(1, 14)] for _ in range(6)]
    return [["fsync", 1], ["replace", 2], *calls, *(rng.uniform(0.02, 0.4) for _ in range(3))]


def test_a_run_killed_anywhere_ends_in_the_same_bytes(tmp_path):
    pairs = make_pairs(tmp_path / "pairs", persons=6, images=2)
    recipes = ["published", "better"]
    jobs: list[list[object]] = []
    for recipe in recipes:
        jobs.append([recipe, str(tmp_path / recipe / "whole"), []])
        jobs.append([recipe, str(tmp_path / recipe / "killed"), some_kills(recipe)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.train_and_kill", str(pairs), str(EPOCHS)],
        input=json.dumps(jobs),
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    killed = json.loads(done.stdout)
    assert killed[::2] == [0, 0]
    assert min(killed[1::2]) >= 4
    for recipe in recipes:
        whole, other = tmp_path / recipe / "whole", tmp_path / recipe / "killed"
        assert kept(other) == kept(whole)
        assert steps(other) == list(range(1, max(steps(whole)) + 1))
        assert not [name for name in os.listdir(other) if name.startswith(".tmp-")]
