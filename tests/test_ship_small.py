"""What ships is checked before anything is written: kind, size, and that all runtimes agree."""

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors import safe_open  # noqa: E402

from landmarks.errors import InputError  # noqa: E402
from landmarks.keypoints import Config, build_network, load_model, save_model  # noqa: E402
from scripts import ship_small  # noqa: E402

LINES = [
    {"step": 9, "points": 0.5},
    {"step": 10, "validation_nme": 0.06},
    {"step": 20, "validation_nme": 0.05, "validation_coverage": 0.9},
    {"step": 30, "validation_nme": 0.07},
]


@pytest.fixture
def modeldir(tmp_path):
    """A run that has just begun."""
    folder, config = tmp_path / "run", Config(side=32)
    folder.mkdir()
    torch.manual_seed(0)
    save_model(folder / "model.safetensors", build_network(config), config)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Where to ship to; two files are there already."""
    place = tmp_path / "place"
    place.mkdir()
    for name in ("small.safetensors", "small.onnx"):
        (place / name).write_bytes(b"before")
    return place


@pytest.fixture
def exported(monkeypatch):
    """Exports are faked: how each was asked for, and how many bytes it gets."""
    asked = {"bytes": 999_999, "calls": []}

    def export(source, path, *, everywhere=False):
        asked["calls"].append((source.name, everywhere))
        path.write_bytes(bytes(asked["bytes"]))

    monkeypatch.setattr(ship_small, "export", export)
    return asked


def ship(modeldir, folder):
    return ship_small.main([str(modeldir), "--command", "built so", "--folder", str(folder)])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_both_files_ship_with_what_made_them(modeldir, folder, exported):
    assert ship(modeldir, folder) == 0
    # OpenCV computes the file where ONNX Runtime is missing: it is compared too.
    assert exported["calls"] == [("small.safetensors", True)]
    first = contents(folder)
    assert first["small.onnx"] == bytes(999_999)
    with safe_open(folder / "small.safetensors", "np") as opened:
        told = opened.metadata()
    assert told["command"] == "built so"
    assert json.loads(told["validation"]) == LINES[2]  # the best one
    (network, config), (source, _) = load_model(folder / "small.safetensors"), load_model(modeldir)
    assert config == Config(side=32)
    assert torch.equal(network.maps.weight, source.maps.weight)
    assert ship(modeldir, folder) == 0
    assert contents(folder) == first


@pytest.mark.parametrize("name", ["small.safetensors", "small.onnx"])
def test_a_file_that_is_too_large_keeps_both_back(
    modeldir, folder, exported, monkeypatch, capsys, name
):
    before = contents(folder)
    limit = (modeldir / "model.safetensors").stat().st_size // 2
    if name == "small.onnx":
        limit = ship_small.LIMIT
        exported["bytes"] = limit + 1
    monkeypatch.setattr(ship_small, "LIMIT", limit)
    assert ship(modeldir, folder) == 2
    assert f"{name} would have " in capsys.readouterr().err
    assert contents(folder) == before


def test_what_computes_something_else_does_not_ship(modeldir, folder, monkeypatch, capsys):
    def export(*given, **options):
        raise InputError("it differs by 1 from torch")

    monkeypatch.setattr(ship_small, "export", export)
    before = contents(folder)
    assert ship(modeldir, folder) == 2
    assert "differs by 1 from torch" in capsys.readouterr().err
    assert contents(folder) == before


def test_runs_of_another_kind_are_refused(modeldir, folder, exported, monkeypatch, capsys):
    for text, told in (
        ("", "tells nothing of validation persons"),
        ("{", "metrics.jsonl cannot be read"),
    ):
        (modeldir / "metrics.jsonl").write_text(text)
        assert ship(modeldir, folder) == 2
        assert told in capsys.readouterr().err
    monkeypatch.setattr(ship_small, "load_model", lambda _: (None, Config(network="resnet18")))
    assert ship(modeldir, folder) == 2
    assert "holds resnet18: expected small" in capsys.readouterr().err
    assert contents(folder) == dict.fromkeys(("small.safetensors", "small.onnx"), b"before")
