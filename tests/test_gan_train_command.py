"""python -m gan.train: what it leaves, and one sentence for each kind of bad input."""

import json
import os
import signal
import threading
import time

import pytest
import torch

from gan import recipes, training
from gan.model_file import load_generator
from gan.run_folder import shutil as folder_shutil
from gan.train import main
from tests.pair_folders import make_pairs, write_pair

SMALL = ["--recipe", "published", "--base-filters", "2", "--batch", "4", "--device", "cpu"]
SMALL += ["--log-every", "1", "--save-every", "0", "--precision", "fp32"]


@pytest.fixture
def pairs(tmp_path):
    return make_pairs(tmp_path / "pairs", persons=4, images=2)


@pytest.fixture
def run(tmp_path, pairs, capsys):
    def call(*arguments, epochs=1, folder=pairs, modeldir=tmp_path / "run", code=0):
        argv = [str(folder), str(epochs), str(modeldir), *SMALL, *map(str, arguments)]
        assert main(argv) == code
        told = capsys.readouterr()
        if code:
            assert len(told.err.strip().splitlines()) == 1
        return told.err if code else told.out

    return call


def test_a_run_explains_itself(run, tmp_path, pairs):
    (pairs / "pairs.json").write_text('{"frame": {"size": 64, "margin": 0.25}}')
    out = run("--held-out", "0.5", "--seed", "2", epochs=2)
    assert "8 pairs of 4 persons (equal image numbers), 0 pictures left over" in out
    modeldir = tmp_path / "run"
    told = json.loads((modeldir / "config.json").read_text())
    assert told["drawing"]["frame"]["margin"] == 0.25
    assert told["settings"]["learning_rate"] == 0.002
    lines = [json.loads(line) for line in (modeldir / "metrics.jsonl").read_text().splitlines()]
    assert {"step", "epoch", "generator", "face_discriminator", "pair_discriminator"} == set(
        lines[0]
    )
    assert "held_out_l1" in lines[-1]
    assert list((modeldir / "events").iterdir())
    assert (modeldir / "samples" / "epoch_00002.png").exists()
    generator, config = load_generator(modeldir)
    assert config.held_out == 0.5
    last, _ = load_generator(modeldir, ema=False)
    assert torch.equal(last(torch.zeros(1, 3, 64, 64)), generator(torch.zeros(1, 3, 64, 64)))


def test_more_epochs_go_on_where_fewer_ended(run, tmp_path):
    run(epochs=3, modeldir=tmp_path / "whole")
    run(epochs=1)
    assert "has done all 2 steps" in run(epochs=1)
    run(epochs=3)
    names = "checkpoint.safetensors", "generator.safetensors", "metrics.jsonl"
    for name in names[:2]:
        assert (tmp_path / "run" / name).stat().st_size == (
            tmp_path / "whole" / name
        ).stat().st_size
    ours, theirs = (load_generator(tmp_path / name)[0] for name in ("run", "whole"))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_the_gate_keeps_weights_as_they_are_while_it_is_closed(run, tmp_path):
    gate = tmp_path / "gate.csv"
    gate.write_text("9,0,0\n0,9,0\n0,0,9\n")  # 9 e·e is more than e·e: always closed
    run("--gate", gate)
    run("--gate", gate, modeldir=tmp_path / "longer", epochs=3)
    ours, theirs = (load_generator(tmp_path / name)[0] for name in ("run", "longer"))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    gate.write_text("0,0,0\n0,0,0\n0,0,0\n")  # always open
    run("--gate", gate, modeldir=tmp_path / "open")
    run(modeldir=tmp_path / "none")
    ours, theirs = (load_generator(tmp_path / name)[0] for name in ("open", "none"))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "does not exist"), ("1,2\n3,4\n", "expected 3×3"), ("a,b", "is not a 3×3 matrix")],
)
def test_gates_that_are_none(run, tmp_path, text, told):
    gate = tmp_path / "gate.csv"
    if text:
        gate.write_text(text)
    assert told in run("--gate", gate, code=2)


@pytest.mark.parametrize("epochs", [0, -1])
def test_less_than_one_epoch(run, epochs, tmp_path):
    assert f"epochs is {epochs}: expected 1 or more" in run(epochs=epochs, code=2)
    assert not (tmp_path / "run").exists()


def test_bad_folders_of_pairs(run, tmp_path):
    empty = tmp_path / "empty"
    assert "does not exist" in run(folder=empty, code=2)
    empty.mkdir()
    assert "holds no .jpg or .png picture" in run(folder=empty, code=2)
    (empty / "photo.jpg").touch()
    assert "1 of 1 names" in run(folder=empty, code=2)
    (empty / "photo.jpg").rename(empty / "PID1_CLEAN0_IID1.jpg")
    assert "expected PID1_CLEAN1_*" in run(folder=empty, code=2)
    alone = make_pairs(tmp_path / "alone", persons=1)
    assert "of 1 person" in run("--held-out", 0, folder=alone, code=2)
    assert not (tmp_path / "run").exists()


def test_damaged_pictures_are_named_skipped_and_counted(run, pairs):
    (pairs / "PID0_CLEAN1_IID2.png").write_bytes(b"\x89PNG\r\n")
    out = run()
    assert "skipped: " in out
    assert "PID0_CLEAN1_IID2.png" in out
    assert "1 pictures cannot be read" in out
    for path in pairs.glob("PID[123]*"):
        path.write_bytes(b"broken")
    assert "fewer than two persons" in run("--no-resume", code=2)


def test_a_run_of_other_settings_is_not_mixed_with(run, tmp_path, pairs):
    run()
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    told = run("--batch", 2, "--seed", 1, code=2)
    assert "seed is 0, not 1; batch is 4, not 2" in told
    assert "--no-resume" in told
    write_pair(pairs, 3, 8)
    assert "the pairs were others" in run(code=2)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before
    run("--no-resume", "--batch", 2)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() != before


def test_places_that_cannot_be_written_are_told_before_the_first_step(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert "is a file" in run(modeldir=tmp_path / "file", code=2)
    assert "Not a directory" in run(modeldir=tmp_path / "file" / "run", code=2)
    usage = folder_shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(folder_shutil, "disk_usage", lambda _: usage)
    assert "0 MB of disk left: a run needs" in run(code=2)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(run, tmp_path, monkeypatch):
    run(epochs=1)
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    real, left = os.fsync, [2]  # settings, metrics; the third is the checkpoint

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in run(epochs=2, code=2)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before
    monkeypatch.setattr(os, "fsync", real)
    run(epochs=2)
    assert not list((tmp_path / "run").glob(".tmp-*"))


@pytest.mark.parametrize("where", ["loss", "weights"])
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    run, tmp_path, monkeypatch, where
):
    run(epochs=1)
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    step, calls = recipes.STEPS["published"], []

    def broken(networks, batch, settings, autocast, allow):
        calls.append(1)
        if where == "loss":
            batch.faces.fill_(float("nan"))
            return step(networks, batch, settings, autocast, allow)
        told = step(networks, batch, settings, autocast, allow)
        next(networks.parameters()).grad.fill_(float("inf"))
        return told

    monkeypatch.setitem(training.STEPS, "published", broken)
    told = run(epochs=3, code=2)
    assert "step 3: stopped; the last checkpoint is kept" in told
    assert ("face_discriminator loss" in told) == (where == "loss")
    assert len(calls) == 1
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_ctrl_c_saves_and_the_same_command_goes_on(run, tmp_path):
    metrics = tmp_path / "run" / "metrics.jsonl"

    def press() -> None:
        while not metrics.exists() or not metrics.read_bytes():
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    told = run("--save-every", 1000, epochs=500, code=2)
    thread.join()
    assert "interrupted at step" in told
    assert "the same command goes on" in told
    done = len([line for line in metrics.read_text().splitlines() if "epoch" in line])
    assert f"interrupted at step {done} of 1000" in told


def test_two_runs_in_one_folder_at_once(run, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "run").mkdir()
    with open(tmp_path / "run" / ".lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run is training" in run(code=2)


def test_settings_and_files_that_are_damaged(run, tmp_path, pairs):
    (pairs / "pairs.json").write_text("{")
    assert "pairs.json is damaged" in run(code=2)
    (pairs / "pairs.json").unlink()
    assert "base_filters is 0" in run("--base-filters", 0, code=2)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"nothing")
    assert "damaged" in run(code=2)
    if not torch.cuda.is_available():
        assert "no CUDA device" in run("--no-resume", "--device", "cuda", code=2)
