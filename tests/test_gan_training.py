"""What training does: it learns, follows with an average, and shares a batch among processes."""

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan import training
from gan.config import Config
from gan.frame import Frame, write_frame
from gan.model_file import load_generator
from gan.networks import build_networks
from gan.pairs import read_index, split_persons
from gan.sample_grid import sample_grid
from gan.store import load_pairs
from gan.train import main
from gan.training import Options, train
from gan.watch import LossWatch
from landmarks.runs import devices
from landmarks.runs.options import TrainingError
from landmarks.runs.tensor_file import read_tensors
from tests.pair_folders import make_pairs

ROOT = Path(__file__).parent.parent
QUICK = Options(device="cpu", save_every=1000, log_every=1)


@pytest.fixture
def pairs(tmp_path):
    return make_pairs(tmp_path / "pairs", persons=4, images=2)


def distances(modeldir: Path, name: str) -> list[float]:
    lines = (modeldir / "metrics.jsonl").read_text().splitlines()
    return [told[name] for told in map(json.loads, lines) if name in told]


def distance(generator: torch.nn.Module, pairs) -> float:
    landmarks, faces = load_pairs(pairs, 64)[0].some(64, torch.device("cpu"))
    with torch.no_grad():
        return (generator.eval()(landmarks) - faces).abs().mean().item()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_better_recipe_learns(tmp_path, pairs, precision):
    config = Config(size=64, base_filters=4, batch=8, held_out=0, precision=precision, seed=1)
    options = dataclasses.replace(QUICK, sample_every=40)
    outcome = train(pairs, 40, tmp_path / "run", config, options, report=lambda _: None)
    assert outcome.step == outcome.steps == 40
    before = distance(build_networks(config)["generator"], read_index(pairs).pairs)
    assert distances(tmp_path / "run", "train_l1")[-1] < 0.6 * before


def test_the_figure_of_held_out_persons_is_theirs_alone(tmp_path, pairs):
    config = Config(size=64, base_filters=2, batch=4, held_out=0.5, seed=2)
    train(pairs, 1, tmp_path / "run", config, QUICK, report=lambda _: None)
    (told,) = distances(tmp_path / "run", "held_out_l1")
    generator, _ = load_generator(tmp_path / "run")
    trained, held = (distance(generator, side) for side in split_persons(read_index(pairs), 0.5, 2))
    assert abs(told - held) < 0.05 * abs(trained - held)


def test_python_takes_what_the_folder_tells_as_the_command_does(tmp_path, pairs, monkeypatch):
    write_frame(pairs, Frame(128, 0.4, "both", 2), photographs=8)
    config = Config(base_filters=2, batch=8, held_out=0)
    train(pairs, 1, tmp_path / "run", config, QUICK, report=lambda _: None)
    told = load_generator(tmp_path / "run")[1]
    assert told.size == 128
    assert told.drawing["frame"]["margin"] == 0.4
    assert told.drawing["photographs"] == 8
    taken = []

    def planned(plan, *, report):
        taken.append(plan.settled())
        return training.Outcome(1, 1, False, ())

    monkeypatch.setattr(training, "carry_out", planned)
    monkeypatch.setattr(devices, "fast_precision", lambda device: "bf16")
    assert main([str(pairs), "1", str(tmp_path / "asked"), "--device", "cpu"]) == 0
    for config in (None, Config(size=64)):
        train(pairs, 1, tmp_path / "python", config, QUICK)
    by_command, by_python, smaller = taken
    assert (by_command.size, by_command.precision) == (128, "bf16")
    assert by_python == by_command
    assert (smaller.size, smaller.precision) == (64, "fp32")


def test_the_average_follows_the_weights(tmp_path, pairs):
    config = Config(recipe="better", size=64, base_filters=2, batch=8, held_out=0)
    weights, averages = [], []
    for epochs in (1, 2):  # one step each
        train(pairs, epochs, tmp_path / "run", config, QUICK, report=lambda _: None)
        tensors, _ = read_tensors(tmp_path / "run" / "checkpoint.safetensors")
        weights.append(tensors["networks.generator.leave.weight"])
        averages.append(tensors["average.leave.weight"])
        kept, _ = read_tensors(tmp_path / "run" / "generator.safetensors")
        assert torch.equal(kept["leave.weight"], averages[-1])
    # The decay begins at (1 + step) / (10 + step): 1/10, then 2/11.
    begun = build_networks(config)["generator"].leave.weight.detach()
    torch.testing.assert_close(averages[0], 0.1 * begun + 0.9 * weights[0])
    torch.testing.assert_close(averages[1], 2 / 11 * averages[0] + 9 / 11 * weights[1])


def test_a_grid_shows_each_face_in_a_row():
    def numbered(first: int) -> torch.Tensor:
        shades = torch.arange(first, first + 20).float() / 127.5 - 1
        return shades[:, None, None, None].expand(20, 3, 4, 5)

    grid = sample_grid(numbered(0), numbered(100), numbered(200))
    assert grid.shape == (7 * 4, 3 * 5, 3)  # every third of twenty
    rows = [[3 * k, 100 + 3 * k, 200 + 3 * k] for k in range(7)]
    assert grid[::4, ::5, 0].tolist() == rows
    assert (grid == grid[::4, ::5].repeat(4, 0).repeat(5, 1)).all()
    assert sample_grid(*[numbered(0)[:8]] * 3).shape == (8 * 4, 15, 3)


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
    config = Config(recipe="better", size=64, base_filters=2, batch=4, held_out=0)
    train(pairs, 2, tmp_path / "one", config, QUICK, report=lambda _: None)
    arguments = ["--recipe", "better", "--base-filters", "2"]
    out = launch(pairs, tmp_path / "two", *arguments, processes=2)
    assert out.count("2 processes") == 1  # only one of them speaks
    begun = build_networks(config)
    one, two = (
        read_tensors(tmp_path / name / "checkpoint.safetensors", prefix="networks.")[0]
        for name in ("one", "two")
    )
    for network in ("generator", "discriminator"):
        names = [name for name, _ in begun.named_parameters() if name.startswith(network)]
        before, ours, theirs = (
            torch.cat([tensors[name].flatten() for name in names])
            for tensors in (begun.state_dict(), one, two)
        )
        # Adam divides by the gradient's size: rounding shows where a gradient is nearly zero.
        assert (ours - theirs).abs().mean() < 0.01 * (ours - before).abs().mean()


def test_the_first_loss_that_is_no_number_is_remembered_until_somebody_looks():
    watch = LossWatch(("a", "b"), torch.device("cpu"))
    watch._looks = False  # as on a GPU
    for step, values in enumerate([[1, 2], [1, math.inf], [math.nan, 3], [1, 1]], 1):
        watch.see(torch.tensor(values, dtype=torch.float32), step)
    with pytest.raises(TrainingError, match="the b loss is not a number any more at step 2"):
        watch.check()
