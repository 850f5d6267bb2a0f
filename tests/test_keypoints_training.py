"""Recipes run, errors fall, and a run that was stopped goes on as if it had not been."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytest.importorskip("tensorboard")

from landmarks.errors import InputError  # noqa: E402
from landmarks.keypoints import losses  # noqa: E402
from landmarks.keypoints import train as command  # noqa: E402
from landmarks.keypoints.batches import fixed_crops  # noqa: E402
from landmarks.keypoints.config import Config  # noqa: E402
from landmarks.keypoints.dataset import load_faces  # noqa: E402
from landmarks.keypoints.model_file import load_model  # noqa: E402
from landmarks.keypoints.output import Output  # noqa: E402
from landmarks.keypoints.pictures import feature_maps, predictions  # noqa: E402
from landmarks.keypoints.run import Run  # noqa: E402
from landmarks.keypoints.training import Options, Outcome, train  # noqa: E402
from landmarks.keypoints.validation import STRETCHED, Standing, ask  # noqa: E402
from landmarks.runs.state import read_progress  # noqa: E402
from landmarks.runs.tensor_file import read_tensors  # noqa: E402
from tests.drawn_faces import drawn_points, write_faces  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Before the runs that several tests share, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Nothing here cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "shards", train=6, validation=2)


SMALL = {"side": 32, "batch": 4, "epochs": 3}
QUIET = {"device": "cpu", "save_every": 1000.0, "log_every": 1, "sample_every": 100}


def go(shards: Path, modeldir: Path, options: dict | None = None, **config: object) -> Outcome:
    told = Options(**{**QUIET, **(options or {})})
    return train([shards], modeldir, Config(**{**SMALL, **config}), told, report=lambda _: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, shards):
    """What came of a run of three epochs, and its folder, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return go(shards, folder), folder


def kept(modeldir: Path) -> dict[str, bytes]:
    names = ["checkpoint.safetensors", "model.safetensors", "metrics.jsonl", "config.json"]
    names += [f"samples/{path.name}" for path in (modeldir / "samples").iterdir()]
    return {name: (modeldir / name).read_bytes() for name in names}


def lines(modeldir: Path) -> list[dict]:
    return [json.loads(line) for line in (modeldir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["naimishnet", "resnet18", "efficientnet_b0"])
def test_an_epoch_of_each_published_recipe(tmp_path, shards, monkeypatch, name):
    if name != "efficientnet_b0":  # the smallest: of the others each checkpoint is 100 MB and more
        monkeypatch.setattr("landmarks.runs.network_run.save_state", lambda *given: None)
    side = 96 if name == "naimishnet" else 64
    config = {"network": name, "recipe": "published", "epochs": 1, "side": side}
    outcome = go(shards, tmp_path, **config)
    assert (outcome.step, outcome.steps, outcome.interrupted) == (2, 2, False)
    read = load_model(tmp_path)[1]
    assert read == Config(**{**SMALL, **config})
    told = lines(tmp_path)
    assert [line["step"] for line in told] == [1, 2, 2]
    assert told[-1]["validation_nme"] == pytest.approx(outcome.best, rel=1e-5)
    assert len(list((tmp_path / "samples").iterdir())) == 2


def test_some_dozen_steps_of_small_lower_loss_and_error(tmp_path, shards):
    go(shards, tmp_path, side=48, batch=6, epochs=20, settings={"learning_rate": 5e-3})
    told = lines(tmp_path)
    losses = [line["points"] for line in told if "points" in line]
    errors = [line["validation_nme"] for line in told if "validation_nme" in line]
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    assert min(errors[-5:]) < 0.75 * errors[0]


def test_the_model_is_the_best_one_and_its_radii_hold_their_share(shards, finished):
    outcome, folder = finished
    network, config = load_model(folder)
    images, truth = fixed_crops(load_faces([shards], config).validation, config)
    said = ask(network, images, torch.device("cpu"))
    distance = np.linalg.norm(said.points - truth, axis=2)
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
    assert (distance.mean(1) / eyes).mean() == pytest.approx(outcome.best, rel=1e-4)
    assert (distance <= said.radius).mean() == pytest.approx(STRETCHED, abs=0.04)
    assert outcome.best == pytest.approx(
        min(line["validation_nme"] for line in lines(folder) if "validation_nme" in line),
        rel=1e-5,
    )


class Narrow(torch.nn.Module):
    """What published networks have that is random or remembered, in few weights."""

    def __init__(self, config):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(config.channels, 8, 4, stride=4),
            torch.nn.BatchNorm2d(8),
            torchvision.ops.StochasticDepth(0.5, "row"),
            torch.nn.Flatten(),
            torch.nn.Dropout(0.5),
            torch.nn.Linear(8 * (config.side // 4) ** 2, 136),
        )

    def forward(self, images):
        return Output(self.body(images).view(-1, 68, 2) / 10 + 0.5)


@pytest.mark.parametrize(
    "config",
    [{}, {"network": "efficientnet_b0", "recipe": "published", "epochs": 4,
          "settings": {"learning_rate": 0.1, "plateau_patience": 0, "plateau_factor": 0.5}}],
    ids=["small", "dropout and plateau"],
)  # fmt: skip
def test_a_run_stopped_after_every_step_ends_in_the_same_bytes(
    tmp_path, shards, finished, monkeypatch, config
):
    whole, parts = finished[1], tmp_path / "parts"
    if config:
        monkeypatch.setattr("landmarks.keypoints.run.build_network", Narrow)
        whole = tmp_path / "whole"
        go(shards, whole, **config)
    schedule = read_progress(whole / "checkpoint.safetensors").standing["schedule"]
    assert not config or schedule["rate"] < 0.1  # it slowed down
    one, stops = Run.one, []

    def stopped(self, batch):
        os.kill(os.getpid(), signal.SIGINT)
        return one(self, batch)

    monkeypatch.setattr(Run, "one", stopped)
    while go(shards, parts, **config).interrupted:
        stops.append(len(lines(parts)))
    assert len(stops) >= 3
    assert kept(parts) == kept(whole)


class Killed(BaseException):
    """Nothing catches it: what was on the disk stays as it was."""


def test_a_kill_between_two_checkpoints_loses_only_what_was_not_saved(
    tmp_path, shards, finished, monkeypatch
):
    other, told = tmp_path / "other", []
    save, left = Run.save, [1]

    def killed(self):
        save(self)
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save", killed)
        with pytest.raises(Killed):
            go(shards, other, {"save_every": 0})
    with open(other / "metrics.jsonl", "ab") as handle:
        handle.write(b'{"step": 99, "hal')
    (other / "model.safetensors").unlink(missing_ok=True)
    train([shards], other, Config(**SMALL), Options(**QUIET), report=told.append)
    assert kept(other) == kept(finished[1])
    assert [line for line in told if "goes on" in line] == [f"{other} goes on at step 2 of 6"]


def test_a_number_of_steps_ends_between_epochs(tmp_path, shards):
    outcome = go(shards, tmp_path, steps=3)
    assert (outcome.step, outcome.steps) == (3, 3)
    assert [line["step"] for line in lines(tmp_path) if "validation_nme" in line] == [2, 3]


def test_a_finished_run_stays_as_it_is(tmp_path, shards, finished):
    again = shutil.copytree(finished[1], tmp_path / "run")
    (again / "model.safetensors").unlink()
    outcome = go(shards, again)
    assert not outcome.interrupted
    assert kept(again) == kept(finished[1])


def test_it_stops_early_where_nothing_gets_better(tmp_path, shards, monkeypatch):
    evaluate = Run.evaluate

    def worse(self):
        told = evaluate(self)
        self.standing = Standing(0.0001, 1)
        return told

    monkeypatch.setattr(Run, "evaluate", worse)
    outcome = go(shards, tmp_path, epochs=20, settings={"patience": 2})
    assert outcome.step == 3 * outcome.steps // 20
    assert not outcome.interrupted


def test_other_settings_or_faces_are_refused(tmp_path, shards):
    go(shards, tmp_path / "run", epochs=1)
    before = kept(tmp_path / "run")
    with pytest.raises(InputError, match="epochs is 1, not 2"):
        go(shards, tmp_path / "run", epochs=2)
    other = write_faces(tmp_path / "other", train=3)
    with pytest.raises(InputError, match="on other faces"):
        go(other, tmp_path / "run", epochs=1)
    assert kept(tmp_path / "run") == before
    go(other, tmp_path / "run", {"resume": False}, epochs=1)
    assert kept(tmp_path / "run") != before


def test_a_loss_that_is_no_number_keeps_the_last_checkpoint(tmp_path, shards, monkeypatch):
    wing, calls = losses.wing, []

    def fails(*given, **options):
        calls.append(given)
        return wing(*given, **options) * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr(losses, "wing", fails)
    with pytest.raises(InputError, match="not a number any more by step 3"):
        go(shards, tmp_path, {"save_every": 0})
    checkpoint = tmp_path / "checkpoint.safetensors"
    assert read_progress(checkpoint).step == 2
    state = read_tensors(checkpoint)[0]
    assert all(bool(value.isfinite().all()) for value in state.values())


def test_weights_of_an_earlier_run_begin_another(tmp_path, shards, finished):
    first = finished[1]
    arguments = [str(shards), str(tmp_path / "second"), "--side", "32", "--batch", "4"]
    arguments += ["--weights", str(first / "model.safetensors"), "--epochs", "1"]
    arguments += ["--device", "cpu", "--set", "learning_rate=0", "ema=0", "weight_decay=0"]
    assert command.main(arguments) == 0
    old, new = load_model(first)[0], load_model(tmp_path / "second")[0]
    for name, value in old.named_parameters():
        assert torch.equal(value, new.get_parameter(name)), name
    assert len(load_model(tmp_path / "second")[1].start) == 64


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{missing}", "{new}"], "does not exist"),
        (["{shards}", "{new}", "--network", "small", "--recipe", "published"], "no published"),
        (["{shards}", "{new}", "--epochs", "0"], "epochs is 0"),
        (["{shards}", "{new}", "--set", "speed=1"], "no setting 'speed'"),
        (["{shards}", "{new}", "--set", "ema"], "--set ema: expected NAME=NUMBER, like learning"),
        (["{shards}", "{new}", "--device", "tpu9"], "--device tpu9 cannot be used"),
        (["{shards}", "{new}", "--weights", "{missing}"], "do not exist"),
        (["{shards}", "{file}"], "is a file: expected a folder"),
        (["{shards}", "{others}"], "holds shards: expected the folder of a run, which comes last"),
        (["{shards}", "{new}", "--save-every", "-1"], "expected 0 or more seconds"),
    ],
)
def test_bad_input_is_told_in_one_sentence(tmp_path, shards, capsys, arguments, told):
    (tmp_path / "file").write_text("x")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "set.tar").write_text("")
    places = {"shards": shards, "missing": tmp_path / "missing", "new": tmp_path / "new",
              "file": tmp_path / "file", "others": tmp_path / "others"}  # fmt: skip
    given = [argument.format(**places) for argument in arguments]
    assert command.main([*given, "--side", "32", "--batch", "4"]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "full", [lambda: torch.empty(2**60, dtype=torch.uint8), lambda: np.empty(2**60, np.uint8)]
)
def test_memory_that_is_full_is_told(tmp_path, shards, monkeypatch, full):
    monkeypatch.setattr(Run, "one", lambda *_: full())
    with pytest.raises(InputError, match="cpu has too little memory for a batch of 4 pictures of"):
        go(shards, tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    monkeypatch.setattr("landmarks.keypoints.training.load_faces", lambda *_: full())
    with pytest.raises(InputError, match="cpu has too little memory for the faces of all shards"):
        go(shards, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_batch_that_no_memory_holds_is_refused_at_once(tmp_path, shards):
    with pytest.raises(InputError, match="batch is 1000000000: expected .* 1 to 65536"):
        go(shards, tmp_path / "new", batch=10**9)
    assert not (tmp_path / "new").exists()


def test_interrupted_the_command_says_how_to_go_on(tmp_path, shards, capsys, monkeypatch):
    one = Run.one
    monkeypatch.setattr(
        Run, "one", lambda self, batch: os.kill(os.getpid(), signal.SIGTERM) or one(self, batch)
    )
    given = [str(shards), str(tmp_path / "run"), "--side", "32", "--batch", "4", "--device", "cpu"]
    assert command.main([*given, "--epochs", "3"]) == 2
    assert "interrupted at step 1 of 6, saved: the same command goes on" in capsys.readouterr().err


def test_pictures_show_points_and_layers(tmp_path, shards):
    images = np.full((3, 32, 32), 50, np.uint8)
    truth = np.tile(drawn_points() * 0.2 + 0.5, (3, 1, 1))
    picture = predictions(images, truth, np.full_like(truth, np.nan))
    assert picture.shape == (224, 672, 3)
    x, y = (truth[0, 30] * 224 - 0.5).round().astype(int)
    assert picture[y, x].tolist() == [60, 220, 90]
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 12, 3))
    assert feature_maps(layers, torch.zeros(1, 1, 9, 9)).shape == (2 * 112, 8 * 112, 3)
    Image.new("RGB", (50, 40), "white").save(tmp_path / "face.png")
    go(shards, tmp_path / "a", epochs=1)
    go(shards, tmp_path / "b", {"feature_maps": str(tmp_path / "face.png")}, epochs=1)
    maps = [(tmp_path / run / "samples" / "feature_maps_00001.png").read_bytes() for run in "ab"]
    assert maps[0] != maps[1]


def test_what_a_second_source_does_otherwise_is_learnt_kept_and_not_shipped(tmp_path, shards):
    more = write_faces(tmp_path / "more", train=4, validation=0)
    config = Config(side=32, batch=8, epochs=2)
    train([shards, more], tmp_path / "run", config, Options(**QUIET), report=lambda _: None)
    state = read_tensors(tmp_path / "run" / "checkpoint.safetensors")[0]
    heads = [value for name, value in state.items() if name.startswith("network.conventions.")]
    assert len(heads) == 2
    assert all(bool(value.any()) for value in heads)
    shipped = read_tensors(tmp_path / "run" / "model.safetensors")[0]
    assert not [name for name in shipped if name.startswith("conventions.")]
    # A finished run is read again, with its heads.
    again = train([shards, more], tmp_path / "run", config, Options(**QUIET), report=lambda _: None)
    assert again.step == again.steps
