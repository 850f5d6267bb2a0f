"""What training does: it learns, follows with an average, and shares a batch among processes."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan.config import Config
from gan.model_file import load_generator, read_tensors
from gan.networks import build_networks
from gan.training import Options, train
from gan.watch import LossWatch, TrainingError
from tests.pair_folders import make_pairs

ROOT = Path(__file__).parent.parent
QUICK = Options(device="cpu", save_every=1000, log_every=1)


@pytest.fixture
def pairs(tmp_path):
    return make_pairs(tmp_path / "pairs", persons=4, images=2)


def held_out_l1(modeldir: Path) -> list[float]:
    lines = (modeldir / "metrics.jsonl").read_text().splitlines()
    return [float(line.split(": ")[-1][:-1]) for line in lines if "train_l1" in line]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_better_recipe_learns(tmp_path, pairs, precision):
    config = Config(
        recipe="better", base_filters=4, batch=8, held_out=0, precision=precision, seed=1
    )
    options = dataclasses.replace(QUICK, sample_every=40)
    outcome = train(pairs, 40, tmp_path / "run", config, options, report=lambda _: None)
    assert outcome.step == outcome.steps == 40
    first = torch.tensor(0.8)  # of faces that are guessed blindly: measured at step 1
    assert held_out_l1(tmp_path / "run")[-1] < 0.6 * first


def test_the_average_follows_the_weights(tmp_path, pairs):
    config = Config(recipe="better", base_filters=2, batch=8, held_out=0)
    weights, averages = [], []
    for epochs in (1, 2):  # one step each
        train(pairs, epochs, tmp_path / "run", config, QUICK, report=lambda _: None)
        tensors, _ = read_tensors(tmp_path / "run" / "checkpoint.safetensors")
        weights.append(tensors["networks.generator.leave.weight"])
        averages.append(tensors["average.leave.weight"])
    # The decay begins at (1 + step) / (10 + step): 1/10, then 2/11.
    begun = build_networks(config)["generator"].leave.weight.detach()
    torch.testing.assert_close(averages[0], 0.1 * begun + 0.9 * weights[0])
    torch.testing.assert_close(averages[1], 2 / 11 * averages[0] + 9 / 11 * weights[1])


def launch(pairs: Path, modeldir: Path, *arguments: str, processes: int) -> str:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    command += [str(processes), "-m", "gan.train", str(pairs), "2", str(modeldir)]
    command += ["--device", "cpu", "--batch", "4", "--held-out", "0", "--precision", "fp32"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_compute_what_one_does(tmp_path, pairs):
    config = Config(recipe="better", base_filters=2, batch=4, held_out=0)
    train(pairs, 2, tmp_path / "one", config, QUICK, report=lambda _: None)
    arguments = ["--recipe", "better", "--base-filters", "2"]
    out = launch(pairs, tmp_path / "two", *arguments, processes=2)
    assert out.count("2 processes") == 1  # only one of them speaks
    begun = build_networks(config)["generator"]
    models = begun, *(load_generator(tmp_path / name)[0] for name in ("one", "two"))
    start, one, two = (torch.cat([p.flatten() for p in m.parameters()]) for m in models)
    # Adam divides by the gradient's size, so that rounding shows where a gradient is nearly zero.
    assert (one - two).abs().mean() < 0.01 * (one - start).abs().mean()


def test_the_first_loss_that_is_no_number_is_remembered_until_somebody_looks():
    watch = LossWatch(("a", "b"), torch.device("cpu"))
    watch._looks = False  # as on a GPU
    for step, values in enumerate([[1, 2], [1, math.inf], [math.nan, 3], [1, 1]], 1):
        watch.see(torch.tensor(values, dtype=torch.float32), step)
    with pytest.raises(TrainingError, match="the b loss is not a number any more at step 2"):
        watch.check()
