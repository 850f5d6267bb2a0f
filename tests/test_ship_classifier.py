"""The classifier that ships is made of a run's best weights, and tells where they are from."""

import json

import pytest

torch = pytest.importorskip("torch")

from classifier.config import Config  # noqa: E402
from classifier.model_file import read_classifier, save_classifier  # noqa: E402
from classifier.network import build_network  # noqa: E402
from landmarks.runs.tensor_file import read_text  # noqa: E402
from scripts import ship_classifier  # noqa: E402


@pytest.fixture
def modeldir(tmp_path):
    folder, config = tmp_path / "run", Config(side=32)
    folder.mkdir()
    weights = build_network(config).state_dict()
    save_classifier(folder / "model.safetensors", weights, config, temperature=1.5, persons=["Ann"])
    losses = [0.9, 0.4, 0.6]
    lines = [json.dumps({"step": k, "validation_loss": loss}) for k, loss in enumerate(losses)]
    (folder / "metrics.jsonl").write_text("\n".join([*lines, json.dumps({"step": 3, "loss": 0})]))
    return folder


def ship(modeldir, folder):
    return ship_classifier.main([str(modeldir), "--command", "built so", "--folder", str(folder)])


def test_both_files_ship_with_what_made_them(modeldir, tmp_path, monkeypatch):
    def export(source, path):
        path.write_bytes(source.read_bytes()[:9])

    monkeypatch.setattr(ship_classifier, "export", export)
    assert ship(modeldir, tmp_path) == 0
    made = tmp_path / "small.safetensors"
    assert (tmp_path / "small.onnx").read_bytes() == made.read_bytes()[:9]
    told = json.loads(read_text(made))
    assert (told["command"], told["data"]) == ("built so", ship_classifier.DATA)
    assert json.loads(told["validation"]) == {"step": 1, "validation_loss": 0.4}
    before, after = read_classifier(modeldir), read_classifier(made)
    assert after[1:] == before[1:]
    weights = after.network.state_dict()
    assert all(torch.equal(v, weights[k]) for k, v in before.network.state_dict().items())


def test_what_is_too_large_does_not_ship(modeldir, tmp_path, monkeypatch, capsys):
    def export(source, path):
        path.write_bytes(bytes(ship_classifier.LIMIT + 1))

    monkeypatch.setattr(ship_classifier, "export", export)
    assert ship(modeldir, tmp_path) == 2
    told = "small.onnx would have 5,000,001 bytes: expected at most 5,000,000\n"
    assert capsys.readouterr().err == told
    assert not list(tmp_path.glob("small.*"))
