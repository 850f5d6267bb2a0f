"""The command with a landmark network in place of dlib's predictor."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from landmarks import detect, read_image, read_points, read_table  # noqa: E402
from landmarks.files import format_points  # noqa: E402
from landmarks.keypoints import (  # noqa: E402
    Config,
    build_network,
    load_model,
    load_predictor,
    save_model,
)
from landmarks.keypoints.predictor import SHIPPED  # noqa: E402
from tests.commands import run  # noqa: E402


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A modeldir of a network of few pixels with random weights, sure of every face."""
    config = Config(side=64)
    torch.manual_seed(0)
    made = build_network(config)
    made.trust[2].bias.data.fill_(3.0)
    made.radius_factor[:] = torch.linspace(0.5, 2, 68)
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    save_model(path, made, config)
    return path.parent


@pytest.fixture
def two(tmp_path, portrait):
    """The portrait, and under it the same again."""
    Image.fromarray(np.concatenate([portrait[:256], portrait[:256]])).save(tmp_path / "two.png")
    return tmp_path / "two.png"


def expected(path, network):
    """Boxes as the command finds them; points, radii and trust as the predictor gives them."""
    image = read_image(path)
    boxes = [(f.box.left, f.box.top, f.box.right, f.box.bottom) for f in detect(image)]
    return boxes, load_predictor(network).predict(image, boxes)


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
@pytest.mark.parametrize("radii", [False, True])
def test_tables_tell_trust_and_where_asked_radii(network, two, tmp_path, suffix, radii):
    output = tmp_path / f"a.{suffix}"
    run("-p", network, "-i", two, "-o", output, *(["--radii"] if radii else []))
    boxes, fits = expected(two, network)
    rows = list(read_table(output))
    assert [row.box for row in rows] == boxes
    assert len(rows) == 2
    for row, points, radius, trust in zip(rows, *fits, strict=True):
        np.testing.assert_allclose(row.points, points, atol=6e-4)
        assert row.trust == pytest.approx(trust, abs=1e-6)
        assert (row.radius is None) == (not radii)
        if radii:
            np.testing.assert_allclose(row.radius, radius, atol=6e-4)


def test_columns_that_were_there_before_stay_where_they_were(network, two, tmp_path):
    header = {}
    for name, options in {
        "dlib": [],
        "network": ["-p", network],
        "radii": ["-p", network, "--radii"],
    }.items():
        run("-i", two, "-o", tmp_path / f"{name}.csv", *options)
        header[name] = (tmp_path / f"{name}.csv").read_text().partition("\n")[0].split(",")
    assert header["dlib"][-1] == "y67"
    assert header["network"] == [*header["dlib"], "trust"]
    assert header["radii"] == [*header["network"], *(f"r{i}" for i in range(68))]


def test_the_same_from_python_printed_and_in_files(network, two, tmp_path, capsys):
    _, fits = expected(two, network)
    faces = detect(read_image(two), predictor=str(network / "model.safetensors"))
    for face, points, radius, trust in zip(faces, *fits, strict=True):
        np.testing.assert_allclose(face.points, points, atol=1e-6)
        np.testing.assert_allclose(face.radius, radius, atol=1e-6)
        assert face.trust == pytest.approx(trust)
    printed = run("-p", network, "-i", two, "--upsample", 0, capsys=capsys)
    assert printed.err == ""
    searched = detect(read_image(two), predictor=str(network), upsample=0)
    assert printed.out == "".join(format_points(np.round(face.points, 3)) for face in searched)
    run("-p", network, "-i", two, "-o", f"{tmp_path}/points/")
    for name, face in zip(("two.txt", "two_face1.txt"), faces, strict=True):
        np.testing.assert_allclose(read_points(tmp_path / "points" / name), face.points, atol=6e-4)
    (alone,) = detect(read_image(two), faces="largest")
    assert alone.radius is alone.trust is None


def test_films_and_processes(network, tmp_path, small):
    onnx = pytest.importorskip("onnx")
    assert onnx
    from landmarks.keypoints.export import export

    export(network, tmp_path / "n.onnx")
    writer = cv2.VideoWriter(
        str(tmp_path / "f.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (256, 256)
    )
    for number in range(5):
        frame = np.zeros_like(small) if number == 2 else np.roll(small, 4 * number, axis=1)
        writer.write(frame[..., ::-1])
    writer.release()
    for jobs in (1, 2):
        output = tmp_path / f"{jobs}.csv"
        run("-p", tmp_path / "n.onnx", "-i", tmp_path / "f.avi", "-o", output, "--jobs", jobs)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    rows = list(read_table(tmp_path / "1.csv"))
    assert [row.frame for row in rows] == [0, 1, 3, 4]
    assert all(row.trust > 0.5 for row in rows)
    step = np.diff([row.points.mean(axis=0)[0] for row in rows[:2]])
    assert 2 < step < 6  # the face moves by four pixels


def test_dlibs_predictor_is_not_needed(network, two, tmp_path, monkeypatch):
    from landmarks import predictor

    def missing(name):
        raise AssertionError("dlib's file was looked for")

    monkeypatch.setattr(predictor, "model_file", missing)
    for detector in ("hog", "haar"):
        run("-p", network, "-i", two, "-o", tmp_path / f"{detector}.csv", "--detector", detector)
        assert len(list(read_table(tmp_path / f"{detector}.csv"))) == 2


def test_doubtful_faces_are_kept_and_counted(network, two, tmp_path, capsys):
    from landmarks.keypoints import load_model

    doubting, config = load_model(network)
    doubting.trust[2].bias.data.fill_(-3.0)
    save_model(tmp_path / "d.safetensors", doubting, config)
    told = "found 2 faces (2 doubtful: trust below 0.5)"
    command = ("-p", tmp_path / "d.safetensors", "-i", two)
    assert told in run(*command, "-o", tmp_path / "a.csv", capsys=capsys).err
    assert [row.trust < 0.5 for row in read_table(tmp_path / "a.csv")] == [True, True]
    printed = run(*command, capsys=capsys)
    assert told in printed.err
    assert len(printed.out.splitlines()) == 2 * 68


def test_an_interrupted_run_goes_on_with_radii(network, two, tmp_path, monkeypatch, portrait):
    from landmarks import batch

    Image.fromarray(portrait[:256]).save(tmp_path / "one.png")
    command = ("-p", network, "--radii", "-i", tmp_path / "one.png", two, "-o")
    run(*command, tmp_path / "whole.csv")
    real, done = batch._work, []

    def once(task):
        if done:
            raise KeyboardInterrupt
        done.append(task)
        return real(task)

    monkeypatch.setattr(batch, "_work", once)
    run(*command, tmp_path / "parts.csv", code=2)
    monkeypatch.setattr(batch, "_work", real)
    run(*command, tmp_path / "parts.csv", "--resume")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    # A finished table goes on too, but not with other columns.
    run(*command, tmp_path / "parts.csv", "--resume")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    without = [part for part in command if part != "--radii"]
    run(*without, tmp_path / "parts.csv", "--resume", code=2)


def test_bad_input_is_one_sentence(network, two, tmp_path, capsys):
    damaged = tmp_path / "d.safetensors"
    damaged.write_bytes((network / "model.safetensors").read_bytes()[:5000])
    foreign = tmp_path / "x.onnx"
    foreign.write_bytes(b"<html>not found</html>")
    (tmp_path / "empty").mkdir()
    table = tmp_path / "o.csv"
    for arguments, told in [
        (["-p", tmp_path / "none.safetensors"], "does not exist"),
        (["-p", tmp_path / "nix"], "nix does not exist: expected 'small', a modeldir, a .safet"),
        (["-p", tmp_path / "none.onnx"], "No such file"),
        (["-p", tmp_path / "empty"], "holds no model.safetensors"),
        (["-p", damaged], "is damaged"),
        (["-p", foreign], "is damaged"),
        (["--radii"], "--radii needs a predictor that tells them"),
        (["-p", network, "--radii"], "--radii needs a table"),
        (["-p", network, "--radii", "-o", f"{tmp_path}/f/"], "--radii needs a table"),
        (["-p", network, "--radii", "-o", tmp_path / "a.pts"], "--radii needs a table"),
    ]:
        output = [] if "-o" in arguments or told.endswith("a table") else ["-o", table]
        err = run("-i", two, *arguments, *output, code=2, capsys=capsys).err
        assert told in err
        assert len(err.splitlines()) == 1
    assert not table.exists()
    assert not (tmp_path / "f").exists()


@pytest.mark.skipif(not SHIPPED.is_file(), reason="small.onnx is not made yet")
def test_small_is_found_by_its_name(portrait_file, tmp_path):
    from landmarks import normalized_mean_error

    run("-p", "small", "-i", portrait_file, "-o", tmp_path / "a.csv")
    (row,) = read_table(tmp_path / "a.csv")
    (dlibs,) = detect(read_image(portrait_file))
    assert normalized_mean_error(row.points, dlibs.points) < 0.08
    assert row.trust > 0.5


def test_weights_that_changed_below_their_name_are_not_mixed_in(two, network, tmp_path, capsys):
    model = tmp_path / "run"
    shutil.copytree(network, model)
    run("-p", model, "-i", two, "-o", tmp_path / "a.csv")
    run("-p", model, "-i", two, "-o", tmp_path / "a.csv", "--resume")
    made, config = load_model(model)
    made.radius_factor.mul_(2)
    save_model(model / "model.safetensors", made, config)
    run("-p", model, "-i", two, "-o", tmp_path / "a.csv", "--resume", code=2)
    assert "weights was" in capsys.readouterr().err
