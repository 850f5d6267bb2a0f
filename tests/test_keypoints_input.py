"""What training, export and prediction of landmark networks are given, and refuse in a sentence."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from landmarks.errors import InputError  # noqa: E402
from landmarks.keypoints import export as export_command  # noqa: E402
from landmarks.keypoints import train as command  # noqa: E402
from landmarks.keypoints.config import Config  # noqa: E402
from landmarks.keypoints.dataset import (  # noqa: E402
    POINTS_BY,
    DatasetError,
    load_backgrounds,
    load_faces,
)
from landmarks.keypoints.evaluate import evaluate  # noqa: E402
from landmarks.keypoints.model_file import save_model  # noqa: E402
from landmarks.keypoints.networks import build_network  # noqa: E402
from landmarks.keypoints.predictor import load_predictor  # noqa: E402
from landmarks.keypoints.preparation import Options  # noqa: E402
from landmarks.keypoints.report_text import report_text  # noqa: E402
from landmarks.keypoints.run import Run  # noqa: E402
from landmarks.keypoints.training import train  # noqa: E402
from landmarks.keypoints.weights import begin_with, digest  # noqa: E402
from landmarks.runs.settings import ConfigError  # noqa: E402
from landmarks.runs.tensor_file import ModelError  # noqa: E402
from landmarks.samples import Sample, encode_sample  # noqa: E402
from landmarks.shard_set import writing_set  # noqa: E402
from tests.drawn_faces import drawn_face, persons, write_faces  # noqa: E402

CONFIG = Config(side=32, batch=4, steps=1)
ONCE = Options(device="cpu", log_every=1, sample_every=1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "shards", train=4, validation=2)


@pytest.fixture(scope="module")
def modeldir(tmp_path_factory):
    """An untrained network of few pixels, as a run leaves it."""
    folder = tmp_path_factory.mktemp("run")
    config = Config(side=32)
    save_model(folder / "model.safetensors", build_network(config), config)
    return folder


@pytest.fixture(scope="module")
def exported(modeldir, tmp_path_factory):
    pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("onnx") / "n.onnx"
    export_command.export(modeldir, path)
    return path


def placed(target, names):
    """Shards of faces whose points a network placed."""
    with writing_set(target, {}) as made:
        for number, name in enumerate(names):
            image, points = drawn_face(number)
            record = {"person": name, POINTS_BY: "network 1234"}
            sample = Sample(f"{number:03d}", image, points, None, None, record)
            made.add(sample.key, encode_sample(sample))
    return target


@pytest.mark.parametrize("missing", ["train", "validation"])
def test_what_is_given_first_is_learnt_and_judges(tmp_path, shards, missing):
    first = write_faces(tmp_path / "first", **{"train": 3, "validation": 2, missing: 0})
    with pytest.raises(
        DatasetError, match=f"{first} holds .* expected both of what is given first"
    ):
        load_faces([first, shards], CONFIG)
    assert len(load_faces([shards, first], CONFIG).validation) == 2
    with pytest.raises(InputError, match="expected both of what is given first"):
        train([first, shards], tmp_path / "run", CONFIG, ONCE, report=lambda _: None)
    assert not (tmp_path / "run").exists()


def test_faces_whose_points_a_network_placed_teach_and_do_not_judge(tmp_path, shards):
    names = [*persons("train", 2), *persons("validation", 3)]
    with writing_set(tmp_path / "mixed", {}) as made:
        for number, name in enumerate([*names, persons("validation", 4)[3]]):
            image, points = drawn_face(number)
            record = {"person": name} if number == 5 else {"person": name, POINTS_BY: "network"}
            made.add(
                str(number), encode_sample(Sample(str(number), image, points, None, None, record))
            )
    loaded = load_faces([tmp_path / "mixed"], CONFIG)
    assert loaded.train[0].persons == tuple(names[:2])
    assert loaded.validation.names == ("5",)
    assert loaded.placed == 3
    told = []
    train([tmp_path / "mixed"], tmp_path / "run", CONFIG, ONCE, report=told.append)
    assert "3 validation faces judge nobody: a network placed their points" in told
    alone = placed(tmp_path / "alone", names)
    with pytest.raises(
        DatasetError, match="0 validation persons in .*; 3 more, whose points a net"
    ):
        load_faces([alone], CONFIG)
    # Behind others they judge nobody anyway.
    assert load_faces([shards, alone], CONFIG).placed == 0


def test_backgrounds_that_cannot_be_used_are_counted(tmp_path, shards):
    walls = tmp_path / "walls"
    walls.mkdir()
    Image.new("L", (3000, 2)).save(walls / "a.png")
    (walls / "b.png").write_bytes(b"damaged")
    Image.new("L", (1280, 16)).save(walls / "c.png")
    errors = []
    assert [wall.shape for wall in load_backgrounds([str(walls)], CONFIG, errors.append)] == [
        (8, 640)
    ]
    assert [str(error).partition(" ")[0] for error in errors] == [
        str(walls / "a.png"),
        str(walls / "b.png"),
    ]
    assert "a.png has 3000×2 pixels: expected" in str(errors[0])
    told = []
    train(
        [shards], tmp_path / "run", CONFIG, ONCE, backgrounds=[str(walls)], report=told.append
    )  # fmt: skip
    assert f"skipped: {errors[0]}" in told
    assert "2 backgrounds cannot be read and are skipped" in told
    with pytest.raises(DatasetError, match=r"no picture that can be read in .* \(.*3000×2 pixels"):
        load_backgrounds([str(walls / "a.png")], CONFIG)


def test_the_picture_for_feature_maps_is_read_once(tmp_path, shards, monkeypatch):
    path = tmp_path / "face.png"
    Image.new("RGB", (50, 40), "white").save(path)
    one, drawn = Run.one, []

    def without(self, batch):
        path.unlink(missing_ok=True)
        return one(self, batch)

    monkeypatch.setattr(Run, "one", without)
    monkeypatch.setattr(
        "landmarks.keypoints.run.feature_maps",
        lambda network, image: drawn.append(image) or np.zeros((9, 9, 3), np.uint8),
    )
    options = Options(device="cpu", sample_every=1, feature_maps=str(path))
    train([shards], tmp_path / "run", CONFIG, options, report=lambda _: None)
    assert [bool((image == 1).all()) for image in drawn] == [True]
    with pytest.raises(InputError, match="face.png"):
        train([shards], tmp_path / "new", CONFIG, options, report=lambda _: None)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "foo"], "--set foo: expected NAME=NUMBER"),
        (["--set", "ema=much"], "--set ema=much: expected NAME=NUMBER"),
        (["--steps", "0"], "--steps is 0: expected 1 or more"),
        (
            ["--weights", "{empty}"],
            "holds no model.safetensors: expected the folder of a training run",
        ),
        (["--weights", "{empty}/nix"], "do not exist: expected 'imagenet', a modeldir, a .saf"),
    ],
)
def test_arguments_that_cannot_be(tmp_path, shards, capsys, arguments, told):
    (tmp_path / "empty").mkdir()
    given = [argument.format(empty=tmp_path / "empty") for argument in arguments]
    assert command.main([str(shards), str(tmp_path / "run"), *given]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m landmarks.keypoints.train: ")
    assert told in error
    assert error.count("\n") == 1


def test_a_folder_of_a_run_stands_for_its_weights(tmp_path, shards, modeldir):
    arguments = [str(shards), str(tmp_path / "run"), "--side", "32", "--batch", "4"]
    arguments += ["--steps", "1", "--device", "cpu", "--weights", str(modeldir)]
    assert command.main(arguments) == 0
    told = json.loads((tmp_path / "run" / "config.json").read_text())["start"]
    assert told == digest(modeldir) == digest(modeldir / "model.safetensors")
    network = build_network(CONFIG)
    begin_with(network, CONFIG, modeldir)
    source = build_network(CONFIG)
    begin_with(source, CONFIG, modeldir / "model.safetensors")
    assert torch.equal(network.maps.weight, source.maps.weight)


def test_the_weights_that_are_announced_must_be_given(tmp_path, shards, modeldir):
    right = digest(modeldir)

    def begun(start, weights):
        config = Config(side=32, batch=4, steps=1, start=start)
        train(
            [shards], tmp_path / "run", config, ONCE, weights=weights, report=lambda _: None
        )  # fmt: skip

    for start, weights, told in [
        (right, None, f"announce weights of SHA-256 {right[:12]}… .* none are given"),
        ("0" * 64, modeldir, "start announces SHA-256 000000000000…: expected the same"),
        ("", modeldir, "start announces none"),
    ]:
        with pytest.raises(ModelError, match=told):
            begun(start, weights)
        assert not (tmp_path / "run").exists()
    begun(right, modeldir)
    begun(right, None)  # a run that is there goes on with its own


def test_weights_under_numbers_instead_of_names(tmp_path):
    config = Config(network="resnet18", imagenet=True, side=32)
    torch.save({1: torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="holds no weights by name"):
        begin_with(build_network(config), config, tmp_path / "w.pth")


@pytest.mark.parametrize("seed", [0.5, -1, 2**63, "1"])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(ConfigError, match=f"seed is {seed}: expected a whole number of 0 to"):
        Config(seed=seed)


def test_a_version_without_end_is_none():
    with pytest.raises(ConfigError, match="the text holds no settings of a landmark network"):
        Config.from_json('{"version": 1e999}')


def test_onnx_files_whose_settings_are_those_of_another_network(
    tmp_path, exported, monkeypatch, capsys
):
    import onnx

    path = tmp_path / "n.onnx"
    model = onnx.load(str(exported))
    (told,) = (entry for entry in model.metadata_props if entry.key == "config")

    def refused(settings):
        told.value = settings.to_json()
        path.write_bytes(model.SerializeToString())
        with pytest.raises(InputError, match="has the settings of another network"):
            load_predictor(path)

    refused(Config(side=48))
    refused(Config(side=32, channels=3))
    # ONNX Runtime would print a banner where its message holds bytes that are no UTF-8.
    path.write_bytes(exported.read_bytes().replace(b"Conv", b"C\x9fnv", 1))
    with pytest.raises(InputError, match="is damaged"):
        load_predictor(path)
    assert capsys.readouterr() == ("", "")
    # An answer of another shape, which ONNX Runtime itself has nothing against.
    model.graph.output[0].name, model.graph.output[1].name = "radius", "points"
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            node.output[place] = {"radius": "points", "points": "radius"}.get(name, name)
    refused(Config(side=32))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(Config(side=48))


def test_the_network_that_ships_can_be_exported_by_its_name(
    tmp_path, monkeypatch, modeldir, exported, capsys
):
    shipped = tmp_path / "small.safetensors"
    shipped.write_bytes((modeldir / "model.safetensors").read_bytes())
    monkeypatch.setattr("landmarks.keypoints.predictor.SHIPPED", shipped.with_suffix(".onnx"))
    # Written already; here it is compared with the weights once more.
    monkeypatch.setattr(export_command, "to_onnx", lambda *_: exported.read_bytes())
    assert export_command.main(["small", str(tmp_path / "out.onnx")]) == 0
    assert (tmp_path / "out.onnx").read_bytes() == exported.read_bytes()
    assert export_command.main(["nix", str(tmp_path / "x.onnx")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m landmarks.keypoints.export: the network nix does not exist")


def test_a_network_that_is_not_there_tells_what_could_be(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # nor is torch asked for
    with pytest.raises(InputError, match="does not exist: expected 'small', a modeldir, a .safe"):
        load_predictor(tmp_path / "nix")


def test_points_of_a_network_judge_no_network(tmp_path, modeldir):
    people = persons("test", 4)
    labelled = str(write_faces(tmp_path / "labelled", train=2, validation=0, test=2))
    others = str(placed(tmp_path / "placed", [*people, *persons("train", 1)]))

    def evaluated(*shards, **options):
        return evaluate(str(modeldir), shards, boxes="true", beside_dlib=False, **options)

    report = evaluated(labelled, others, offsets=[labelled, others])
    assert report.record()["faces"] == 2
    (other, own) = [note for note in report.notes if "a network placed" in note]
    assert own == "4 faces whose points a network placed: left out"
    assert other == "3 faces whose points a network placed: left out of --offsets"
    assert "(2 faces of other persons)" in report_text(report)
    with pytest.raises(InputError, match=r"of a test person .1 of others.*; 4 faces whose"):
        evaluated(others)
