"""Pairs are laid over each other, and a stopped run goes on as if not."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("tensorboard")

from calibration import ExpressionModel  # noqa: E402
from gan.editor import train as command  # noqa: E402
from gan.editor.batches import Batches, example, matched, opening  # noqa: E402
from gan.editor.config import Config  # noqa: E402
from gan.editor.frames import Frames, film_of, load_frames, pairs_of, read_frames  # noqa: E402
from gan.editor.measuring import warped  # noqa: E402
from gan.editor.network import RepairNetwork  # noqa: E402
from gan.editor.square import into, square_of  # noqa: E402
from gan.editor.training import train  # noqa: E402
from gan.editor.warp import moves, warp  # noqa: E402
from landmarks import detect  # noqa: E402
from landmarks.errors import InputError  # noqa: E402
from landmarks.runs.options import Options  # noqa: E402
from landmarks.runs.settings import ConfigError  # noqa: E402
from landmarks.runs.tensor_file import ModelError, read_tensors  # noqa: E402
from landmarks.samples import Sample, encode_sample  # noqa: E402
from landmarks.shard_set import writing_set  # noqa: E402
from tests.drawn_faces import persons  # noqa: E402

WIDTHS = (8, 16)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Nothing here cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def shards(tmp_path_factory, portrait) -> Path:
    """Two moments of two training persons, a validation person and a test person."""
    points = detect(portrait, faces="largest")[0].points
    crop = square_of(points)
    face, placed = crop.cut(portrait), into(crop.matrix, points)
    wanted = ExpressionModel.load().intensify(placed, 1.0, "surprise")
    moments = [(face, placed), (warp(face, moves(face, placed, wanted)), wanted)]
    target = tmp_path_factory.mktemp("pairs") / "shards"
    names = [*persons("train", 2), *persons("validation", 1), *persons("test", 1)]
    with writing_set(target, {"source": "one portrait"}) as written:
        for number, name in enumerate(names):
            for moment, (image, at) in enumerate(moments):
                key = f"{2 * number + moment:06d}"
                record = {"person": name, "clip": "a"}
                sample = Sample(key, image, at, None, None, record)
                written.add(key, encode_sample(sample))
    return target


def go(shards: Path, modeldir: Path, steps: int = 4, report=lambda _: None, **options: object):
    told = Options(device="cpu", save_every=1000.0, log_every=1, sample_every=100, **options)
    settings = {"critic_from": 0.5}
    config = Config(widths=WIDTHS, steps=steps, batch=2, settings=settings)
    return train([shards], modeldir, config, told, report=report)


def test_pairs_are_of_one_film_in_both_orders(shards):
    loaded = load_frames([shards])
    [frames] = loaded.train
    assert sorted(map(tuple, frames.pairs)) == [(0, 1), (1, 0), (2, 3), (3, 2)]
    assert {frames.persons[a] == frames.persons[b] for a, b in frames.pairs} == {True}
    assert len(loaded.validation.pairs) == 2
    assert loaded.test == 2


def test_heads_that_are_turned_otherwise_make_no_pair(portrait, monkeypatch):
    class Turned:
        def estimate(self, points):
            return SimpleNamespace(yaw=np.array([0.0, 15.0, 30.0]), pitch=np.zeros(3))

    monkeypatch.setattr(ExpressionModel, "load", lambda: Turned())
    found = pairs_of(np.zeros((3, 68, 2)), ["a", "a", "a"])
    assert sorted(map(tuple, found)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert len(pairs_of(np.zeros((3, 68, 2)), ["a", "b", "a"])) == 0


def test_films_are_told_by_sequence_or_clip():
    assert film_of({"sequence": 7}) != film_of({"sequence": 8})
    assert film_of({"sequence": None, "clip": "x"}) == film_of({"clip": "x"}) != film_of({})


def test_the_second_picture_is_laid_over_the_first(shards):
    [frames] = load_frames([shards]).train
    pair = matched(frames, 0)
    steady = slice(27, 48)
    # Surprise opens the eyes: their corners and the nose stay, and are what is laid over.
    assert np.linalg.norm(pair.before - pair.after, axis=1)[steady].mean() < 1.5
    assert np.linalg.norm(pair.before - pair.after, axis=1)[48:].mean() > 2
    off = np.abs(pair.target.astype(float) - pair.source).mean()
    assert np.abs(pair.target.astype(float) - warped(pair)).mean() < off


def test_a_batch_is_a_function_of_its_step(shards):
    [frames] = load_frames([shards]).train
    one, other = Batches([frames], 3, 5), Batches([frames], 3, 5)
    for a, b in zip(one(4), other(4), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one(4).planes, one(5).planes)


def test_pairs_whose_mouths_open_or_close_are_drawn_three_times():
    closed = np.zeros((68, 2))
    closed[[36, 45]] = [[0, 0], [40, 0]]
    ajar, wide = closed.copy(), closed.copy()
    ajar[65:68, 1], wide[65:68, 1] = 2, 4
    assert opening(np.stack([closed, ajar, wide])) == pytest.approx([0, 0.05, 0.1])
    pairs = np.array([(0, 1), (1, 2), (0, 2), (2, 0)])
    frames = Frames((), np.stack([closed, ajar, wide]), ("a",) * 3, pairs)
    drawn = Batches([frames], 1, 0)._rows[0]
    assert np.bincount(drawn).tolist() == [1, 1, 3, 3]


def test_light_of_the_target_is_that_of_the_source(shards):
    [frames] = load_frames([shards]).train
    pair = matched(frames, 0)
    dark = pair._replace(target=(pair.target * 0.7).astype(np.uint8))
    as_is, lit = example(pair), example(dark)
    face = as_is.weight[0, 0] > 0.9
    assert (as_is.target - lit.target)[0][:, face].abs().mean() < 0.02


def test_a_new_network_changes_next_to_nothing_and_nothing_outside(shards):
    [frames] = load_frames([shards]).train
    batch = example(matched(frames, 0))
    painted = RepairNetwork(WIDTHS)(batch.planes)
    assert painted.residual.abs().mean() < 0.1
    assert not painted.residual[:, :, batch.planes[0, 9] == 0].any()
    torch.testing.assert_close(painted.face, batch.planes[:, :3] + painted.residual)


def test_a_stopped_run_ends_as_one_that_was_not(shards, tmp_path, monkeypatch):
    whole = go(shards, tmp_path / "whole", report=(lines := []).append)
    assert (whole.step, whole.interrupted) == (4, False)
    assert any("the warp alone" in line for line in lines)
    stop = {"at": 2}
    from gan.editor import run

    one = run.Run.one

    def stopping(self, batch):
        if self.step == stop["at"]:
            os.kill(os.getpid(), 2)
        return one(self, batch)

    monkeypatch.setattr(run.Run, "one", stopping)
    assert go(shards, tmp_path / "parts").interrupted
    stop["at"] = -1
    assert not go(shards, tmp_path / "parts").interrupted
    for name in ("checkpoint.safetensors", "editor.safetensors"):
        one, other = (read_tensors(tmp_path / run / name)[0] for run in ("whole", "parts"))
        assert one.keys() == other.keys()
        for key, value in one.items():
            # Convolutions on several threads of one process differ in their last bits.
            torch.testing.assert_close(value, other[key], atol=1e-4, rtol=1e-3)
    lines = [
        (tmp_path / run / "metrics.jsonl").read_text().count("\n") for run in ("whole", "parts")
    ]
    assert lines[0] == lines[1]


def test_a_run_that_begins_with_weights_tells_when_it_beats_them(shards, tmp_path, monkeypatch):
    from gan.editor import run

    go(shards, tmp_path / "first", steps=1)
    lines: list[str] = []
    config = Config(
        widths=WIDTHS,
        steps=6,
        batch=2,
        start=digest(tmp_path / "first"),
    )
    errors = iter([0.5, 0.7, 0.6, 0.4, 0.45, 0.3, 0.35])  # at the beginning, then of each step

    def error(self, *, warp_alone=False):
        return {"error": 1.0 if warp_alone else next(errors)}

    monkeypatch.setattr(run.Run, "_error", error)
    told = Options(device="cpu", save_every=1000.0, log_every=10, sample_every=100)
    outcome = train(
        [shards],
        tmp_path / "second",
        config,
        told,
        weights=tmp_path / "first",
        report=lines.append,
    )
    assert (outcome.start, outcome.best, outcome.beaten) == (0.5, 0.3, 3 * 2)
    assert sum("the weights that it began with are better so far (0.5" in s for s in lines) == 2
    since = "better than the weights that it began with (0.5000) since 6 pairs"
    assert sum(since in line for line in lines) == 4


def digest(modeldir: Path) -> str:
    import hashlib

    return hashlib.sha256((modeldir / "editor.safetensors").read_bytes()).hexdigest()


def test_weights_are_half_as_large_and_exported_alike(shards, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from gan.editor.export import TOLERANCE, export
    from gan.editor.repair import Repairer

    go(shards, tmp_path / "run", steps=1)
    tensors, _ = read_tensors(tmp_path / "run" / "editor.safetensors")
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    assert export(tmp_path / "run", tmp_path / "editor.onnx") <= TOLERANCE
    [frames] = load_frames([shards]).train
    pair = matched(frames, 0)
    said = [
        Repairer.load(path, device)(pair.source[None], pair.before[None], pair.after[None])[0]
        for path, device in ((tmp_path / "editor.onnx", None), (tmp_path / "run", "cpu"))
    ]
    np.testing.assert_allclose(said[0].residual, said[1].residual, atol=255 * TOLERANCE)
    assert np.abs(said[0].residual).max() > 0


def test_files_that_are_too_large_do_not_replace_those_that_ship(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from gan.editor.model_file import save_editor
    from scripts import build_editor

    run, folder = tmp_path / "run", tmp_path / "editor"
    run.mkdir()
    folder.mkdir()
    state = RepairNetwork(WIDTHS).state_dict()
    save_editor(run / "editor.safetensors", state, Config(widths=WIDTHS))
    (folder / "editor.onnx").write_bytes(b"old")
    limit = build_editor._LIMIT
    monkeypatch.setattr(build_editor, "_LIMIT", 10)
    with pytest.raises(InputError, match="expected less than 10 MB"):
        build_editor.ship(run, "a command", folder)
    assert [path.name for path in folder.iterdir()] == ["editor.onnx"]
    assert (folder / "editor.onnx").read_bytes() == b"old"
    monkeypatch.setattr(build_editor, "_LIMIT", limit)
    made = build_editor.ship(run, "a command", folder)
    assert sorted(folder.iterdir()) == sorted(made)
    assert (folder / "editor.onnx").stat().st_size > 1000


def test_where_no_device_is_named_it_is_the_processor(tmp_path, monkeypatch):
    from gan.editor import model_file
    from gan.editor.repair import Repairer

    asked: list[tuple[Path, str]] = []
    monkeypatch.setattr(model_file, "torch_network", lambda *given: asked.append(given))
    Repairer.load(tmp_path)
    Repairer.load(tmp_path, "cuda")
    assert asked == [(tmp_path, "cpu"), (tmp_path, "cuda")]


def test_bad_input_is_one_sentence(shards, tmp_path, capsys):
    assert command.main([str(tmp_path / "nix"), str(tmp_path / "run"), "--weights", "none"]) == 2
    assert "nix" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    argv = [str(shards), str(tmp_path / "run"), "--weights", "none"]
    assert command.main([*argv, "--set", "foo=1"]) == 2
    assert "no setting 'foo'" in capsys.readouterr().err
    assert command.main([*argv[:2], "--weights", str(tmp_path)]) == 2
    assert "holds no editor.safetensors" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="multiples of 8"):
        Config(widths=(7, 9))
    with pytest.raises(ConfigError, match="squares of 64"):
        Config(side=64)


def test_one_picture_of_a_person_is_no_pair(tmp_path, shards):
    from landmarks.shards import read_shards

    samples = list(read_shards(shards))
    with writing_set(tmp_path / "few", {"source": "x"}) as written:
        for sample in samples[::2]:
            written.add(sample.key, encode_sample(sample))
    with pytest.raises(InputError, match="pairs cannot be made"):
        load_frames([tmp_path / "few"])


def test_a_source_without_pairs_is_told(tmp_path, shards):
    from gan.editor.training import _tell
    from landmarks.shards import read_shards

    with writing_set(tmp_path / "few", {"source": "x"}) as written:
        for sample in list(read_shards(shards))[::2]:
            written.add(sample.key, encode_sample(sample))
    lines: list[str] = []
    # The first source judges, and so has pairs of validation persons.
    _tell(load_frames([shards, tmp_path / "few", shards]), lines.append)
    assert f"{tmp_path / 'few'}: no pairs of training persons, nothing is learnt from it" in lines
    assert [line.split(":")[0] for line in lines if "training persons" in line].count(
        str(shards)
    ) == 2


def test_a_picture_of_nobody_is_told(tmp_path, shards):
    from landmarks.shards import read_shards

    sample = next(read_shards(shards))
    with writing_set(tmp_path / "nobody", {"source": "x"}) as written:
        written.add(sample.key, encode_sample(sample._replace(record={})))
    with pytest.raises(InputError, match=f"sample {sample.key} tells no person"):
        read_frames(tmp_path / "nobody", "train")


def test_a_file_of_something_else_is_refused(tmp_path):
    from gan.editor.model_file import load_network
    from gan.editor.onnx_file import read_onnx

    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="damaged"):
        load_network(tmp_path / "x.safetensors")
    (tmp_path / "x.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="damaged"):
        read_onnx(tmp_path / "x.onnx")
