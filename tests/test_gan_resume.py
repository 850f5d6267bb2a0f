"""A run that was killed, wherever, ends in the same bytes as one that was not."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gan.config import Config
from gan.training import Options, train
from landmarks.runs.run_folder import RunFolder
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


class Killed(BaseException):
    """Nothing catches it: what was on the disk stays as it was."""


def train_small(pairs: Path, modeldir: Path, epochs: int = EPOCHS, **options: object) -> None:
    config = Config(base_filters=2, batch=4, held_out=0.3, seed=3)
    told = Options(**{"device": "cpu", "save_every": 1000, "log_every": 1, **options})
    train(pairs, epochs, modeldir, config, told, report=lambda _: None)


@pytest.fixture
def pairs(tmp_path):
    return make_pairs(tmp_path / "pairs", persons=6, images=2)


def test_a_kill_between_the_two_files_of_the_last_save_is_mended(tmp_path, pairs, monkeypatch):
    train_small(pairs, tmp_path / "whole")
    whole = kept(tmp_path / "whole")
    replace, left = os.replace, [2]  # of the generator: before the first step, and at the end

    def killed(source: str, target: Path) -> None:
        left[0] -= Path(target).name == "generator.safetensors"
        if left[0] == 0:
            raise Killed
        replace(source, target)

    other = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(Killed):
            train_small(pairs, other)
    name = "generator.safetensors"
    assert (other / "checkpoint.safetensors").read_bytes() == whole["checkpoint.safetensors"]
    assert (other / name).read_bytes() != whole[name]
    train_small(pairs, other)
    assert kept(other) == whole
    (other / name).unlink()
    train_small(pairs, other)
    assert kept(other) == whole


def test_a_kill_before_an_old_run_is_cleared_leaves_nothing_of_it(tmp_path, pairs, monkeypatch):
    train_small(pairs, tmp_path / "whole")
    train_small(pairs, tmp_path / "anew", 3)

    def killed(self: RunFolder) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "clear", killed)
        with pytest.raises(Killed):
            train_small(pairs, tmp_path / "anew", resume=False)
    assert len(list((tmp_path / "anew" / "samples").iterdir())) == 3
    train_small(pairs, tmp_path / "anew")
    assert kept(tmp_path / "anew") == kept(tmp_path / "whole")


def test_metrics_that_are_gone_are_gone_and_later_ones_are_text(tmp_path, pairs):
    train_small(pairs, tmp_path / "run")
    done = max(steps(tmp_path / "run"))
    (tmp_path / "run" / "metrics.jsonl").unlink()
    train_small(pairs, tmp_path / "run", EPOCHS + 1)
    assert b"\0" not in (tmp_path / "run" / "metrics.jsonl").read_bytes()
    assert min(steps(tmp_path / "run")) == done + 1
