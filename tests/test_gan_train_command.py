"""python -m gan.train: what it leaves, and one sentence for each kind of bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from gan import recipes, training
from gan.model_file import load_generator
from gan.train import main
from gan.watch import LossWatch
from landmarks.runs import command as runs_command
from landmarks.runs import devices
from landmarks.runs.run_folder import shutil as folder_shutil
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


def test_a_run_that_was_killed_tells_where_it_goes_on(run, monkeypatch):
    assert "goes on" not in run(epochs=3)
    assert "run goes on at step 6 of 10" in run(epochs=5)
    assert "goes on" not in run(epochs=5)  # all is done


def test_that_nobody_is_held_out_is_told_before_the_first_step(run, tmp_path):
    told = run("--held-out", 0.01)
    first = told.index("nobody is held out (4 persons, a share of 0.01)")
    assert first < told.index("training on")
    share, count = re.search(r"--held-out (\S+) holds out (\d)", told).groups()
    told = run("--held-out", share, modeldir=tmp_path / "other")
    assert "nobody" not in told
    assert f"training on {8 - 2 * int(count)} pairs, {2 * int(count)} of held-out" in told


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
    assert "whose pairs were others: give the same to go on" in run(code=2)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before
    run("--no-resume", "--batch", 2)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() != before


def test_the_fast_precision_of_another_device_is_not_mixed_with(run, monkeypatch):
    run()
    monkeypatch.setattr(devices, "fast_precision", lambda device: "fp32")
    assert "has done all" in run("--precision", "auto")
    monkeypatch.setattr(devices, "fast_precision", lambda device: "bf16")
    assert "whose precision is fp32, not bf16" in run("--precision", "auto", code=2)


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
    real, left = os.fsync, [3]  # settings, generator, metrics; the fourth is the checkpoint

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
        limit = time.monotonic() + 60
        while not metrics.exists() or not metrics.read_bytes():
            if time.monotonic() > limit:
                return
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
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


@pytest.mark.parametrize(
    "text", ['{"frame": "hello"}', '{"frame": {"margin": "x"}}', '{"frame": {"style": []}}', "[1]"]
)
def test_a_frame_that_is_none_is_told_before_training(run, pairs, tmp_path, text):
    (pairs / "pairs.json").write_text(text)
    assert "pairs.json is damaged (" in run(code=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--log-every", "0", "log_every is 0: expected 1 or more"),
        ("--sample-every", "0", "sample_every is 0: expected 1 or more"),
        ("--sample-every", "-1", "sample_every is -1"),
        ("--save-every", "nan", "save_every is nan: expected 0 or more seconds"),
        ("--save-every", "-1", "save_every is -1"),
        ("--workers", "-1", "workers is -1: expected 1 or more"),
        ("--device", "abacus", "--device abacus cannot be used: Expected one of cpu"),
        ("--device", "meta", "--device meta cannot be used"),
        ("--device", "cuda:99", "--device cuda:99 cannot be used"),
    ],
)
def test_numbers_and_devices_that_cannot_be_used(run, tmp_path, option, value, told):
    assert told in run(option, value, code=2)
    assert not (tmp_path / "run").exists()


def test_the_gate_is_for_the_published_recipe(run, tmp_path):
    gate = tmp_path / "gate.csv"
    gate.write_text("0,0,0\n0,0,0\n0,0,0\n")
    told = run("--gate", gate, "--recipe", "better", code=2)
    assert "the gate weighs the three losses of the published recipe" in told


def test_missing_packages_are_told_before_the_first_step(run, tmp_path, monkeypatch):
    monkeypatch.setattr(runs_command, "PACKAGES", ("torch", "no_such_package"))
    assert "training needs no_such_package: pip install" in run(code=2)
    assert not (tmp_path / "run").exists()


def cuda_is_full(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def torch_asks_for_too_much(*_: object) -> None:
    torch.empty(2**60, dtype=torch.uint8)


def numpy_asks_for_too_much(*_: object) -> None:
    np.empty(2**60, np.uint8)


@pytest.mark.parametrize("full", [cuda_is_full, torch_asks_for_too_much, numpy_asks_for_too_much])
def test_a_device_whose_memory_is_full_is_told(run, monkeypatch, full):
    monkeypatch.setitem(training.STEPS, "published", full)
    assert "cpu has too little memory for a batch of 4 pictures of 64 pixels" in run(code=2)


def test_pictures_that_memory_does_not_hold_are_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "load_pairs", lambda *_, **__: numpy_asks_for_too_much())
    assert "too little memory for 8 pairs of pictures of 64 pixels: give" in run(code=2)
    assert not (tmp_path / "run").exists()


def test_an_error_of_ours_is_not_hidden_in_a_sentence(run, monkeypatch):
    def wrong(*_: object) -> None:
        raise ValueError("zip() argument 2 is longer")

    monkeypatch.setitem(training.STEPS, "published", wrong)
    with pytest.raises(ValueError, match="zip"):
        run()

    def shapes(*_: object) -> None:
        torch.ones(2) @ torch.ones(3)

    monkeypatch.setitem(training.STEPS, "published", shapes)
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        run()


def test_no_grid_is_drawn_of_a_loss_that_is_no_number(run, tmp_path, monkeypatch):
    step, see = recipes.STEPS["published"], LossWatch.see

    def broken(networks, batch, *others):
        batch.faces.fill_(float("nan"))
        return step(networks, batch, *others)

    def unseen(self, losses, number):
        self._looks = False  # as on a GPU
        see(self, losses, number)

    monkeypatch.setattr(LossWatch, "see", unseen)
    monkeypatch.setitem(training.STEPS, "published", broken)
    told = run("--log-every", 1000, "--save-every", 1000, epochs=40, code=2)
    assert "not a number any more at step 1: stopped" in told
    assert not (tmp_path / "run" / "samples").exists()


def test_grids_are_drawn_where_a_batch_steps_over_epochs(run, tmp_path):
    run("--batch", 20, "--held-out", 0, "--sample-every", 3, epochs=9)  # ends epochs 2, 5, 7, 10
    names = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert names == ["epoch_00005.png", "epoch_00007.png", "epoch_00010.png"]


def test_a_second_ctrl_c_is_told_truly(run, monkeypatch):
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(training.STEPS, "published", pressed)
    assert "interrupted without saving: a checkpoint that was there is kept" in run(code=2)


def test_a_run_whose_progress_nobody_reads_goes_on():
    told = "import sys; from landmarks.runs.command import report\n"
    told += "for _ in range(2): report('epoch')\nprint('went on', file=sys.stderr)"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", told], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"went on\n")
