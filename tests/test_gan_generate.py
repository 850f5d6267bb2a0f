"""Faces for landmarks: the same frame as in training, any landmark file, and what is refused."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from gan import faces, generate
from gan.config import Config
from gan.faces import draw_landmarks, make_faces
from gan.frame import Frame
from gan.generate import output_names
from gan.landmark_files import read_faces
from gan.model_file import GENERATOR_FILE, load_generator, read_config, save_generator
from gan.networks import build_generator
from landmarks import write_points
from landmarks.runs.state import CHECKPOINT_FILE, Progress
from landmarks.runs.tensor_file import write_tensors
from landmarks.tables import Row, write_table


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator of two filters, never trained, whose pairs had an unusual frame."""
    torch.manual_seed(0)
    frame = Frame(64, 0.4, "both", 2)
    config = Config(size=64, base_filters=2, drawing={"frame": frame.record(), "pairs": 3})
    path = tmp_path_factory.mktemp("model") / "generator.safetensors"
    save_generator(path, build_generator(config), config)
    return path


def run(*arguments, code=0, capsys=None):
    given = [str(argument) for argument in arguments]
    assert generate.main([*given, "--device", "cpu"]) == code
    return capsys.readouterr().err if capsys else ""


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_face_is_drawn_as_in_training(model, tmp_path, face_points):
    write_points(tmp_path / "a.txt", face_points)
    run(model, tmp_path / "a.txt", "-o", tmp_path / "out")
    generator, config = load_generator(model)
    frame = Frame(64, 0.4, "both", 2)
    seen = frame.draw(frame.place(face_points))
    with torch.no_grad():
        (face,) = generator(torch.tensor(seen / 127.5 - 1).float().permute(2, 0, 1)[None])
    wanted = np.clip(np.round((face.permute(1, 2, 0).numpy() + 1) * 127.5), 0, 255)
    got = pixels(tmp_path / "out" / "a.png")
    np.testing.assert_allclose(got, wanted, atol=1)
    np.testing.assert_array_equal(draw_landmarks([face_points], config)[0], seen)


def test_the_picture_says_that_it_was_generated(model, tmp_path, face_points):
    write_points(tmp_path / "a.txt", face_points)
    run(model, tmp_path / "a.txt", "-o", tmp_path / "face.png")
    with Image.open(tmp_path / "face.png") as image:
        assert "not a photograph" in image.text["Description"]
        assert image.text["Source"] == "a"
        assert len(image.text["Model"]) == 16
        assert "trainedAlgorithmicMedia" in image.text["XML:com.adobe.xmp"]


def test_where_the_face_lies_does_not_matter(model, tmp_path, face_points):
    write_points(tmp_path / "a.txt", face_points)
    write_points(tmp_path / "b.txt", face_points * 2 + [100, 40])
    run(model, tmp_path / "a.txt", tmp_path / "b.txt", "-o", tmp_path / "out")
    one, two = (pixels(tmp_path / "out" / f"{name}.png") for name in "ab")
    np.testing.assert_array_equal(one, two)


def test_how_many_faces_were_written_where_is_told(model, tmp_path, face_points, capsys):
    write_points(tmp_path / "a.txt", face_points)
    run(model, tmp_path / "a.txt", "-o", tmp_path / "face.png")
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"{tmp_path / 'face.png'}: 1 face written\n", "")
    write_points(tmp_path / "b.txt", face_points[:67])
    write_points(tmp_path / "c.txt", face_points)
    files = [tmp_path / f"{name}.txt" for name in "abc"]
    run(model, *files, "-o", tmp_path / "out")
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out'}: 2 faces of 3 files and rows written\n"
    assert told.err.startswith("1 of 3 files and rows refused:\n")


def test_a_generator_of_few_steps_is_told(model, tmp_path, face_points, capsys):
    write_points(tmp_path / "a.txt", face_points)
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(model, folder / GENERATOR_FILE)
    config = read_config(model)
    for step, few in ((24, True), (2000, False)):
        told = json.dumps(asdict(Progress(step, config.to_json(), "data", 0)))
        write_tensors(folder / CHECKPOINT_FILE, {}, told)
        told = run(folder, tmp_path / "a.txt", "-o", tmp_path / "out", capsys=capsys)
        assert ("has been shown 384 faces so far (step 24)" in told) == few
    (folder / CHECKPOINT_FILE).write_bytes(b"damaged")
    assert run(folder, tmp_path / "a.txt", "-o", tmp_path / "out", capsys=capsys) == ""


def test_batches_change_nothing(model, face_points):
    generator, config = load_generator(model)
    rng = np.random.default_rng(0)
    seen = draw_landmarks([face_points + rng.normal(0, 3, (68, 2)) for _ in range(5)], config)
    whole = make_faces(generator, seen)
    np.testing.assert_allclose(make_faces(generator, seen, batch=2), whole, atol=1)
    with pytest.raises(ValueError, match="batch is 0"):
        make_faces(generator, seen, batch=0)


@pytest.mark.parametrize("ending", ["txt", "pts", "csv", "npz"])
def test_every_file_of_one_face(tmp_path, face_points, ending):
    write_points(tmp_path / f"face.{ending}", face_points)
    (face,) = read_faces(tmp_path / f"face.{ending}")
    assert face.name == "face"
    np.testing.assert_allclose(face.points, face_points)


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet"])
def test_every_table(model, tmp_path, face_points, ending):
    table = tmp_path / f"faces.{ending}"
    with write_table(table) as write:
        for file, number in (("x/a.jpg", 0), ("x/a.jpg", 1), ("y/a.jpg", 0)):
            write(Row(file, number, None, None, face_points + number))
    run(model, table, "-o", tmp_path / "out")
    made = sorted(p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.png"))
    assert [str(path) for path in made] == ["x/a.png", "x/a_face1.png", "y/a.png"]


def test_names_stay_in_the_folder():
    assert output_names(["/a/b", "c"]) == ["b", "c"]
    assert output_names(["../a", "../x/a"]) == ["a", "x/a"]
    assert output_names(["a", "a", "a"]) == ["a", "a_2", "a_3"]


def test_a_folder_goes_on_over_what_is_no_face(model, tmp_path, face_points, capsys):
    folder = tmp_path / "points"
    (folder / "deep").mkdir(parents=True)
    write_points(folder / "deep" / "a.txt", face_points)
    write_points(folder / "b.pts", face_points[:67])
    (folder / "c.txt").write_text("1 nan\n" * 68)
    (folder / "landmarks.errors.csv").write_text("file,frame,reason\n")
    told = run(model, folder, "-o", tmp_path / "out", capsys=capsys)
    assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["a.png"]
    assert "b.pts holds 67 points: expected 68" in told
    assert "c.txt: point 0" in told


def test_bad_input_is_one_sentence_and_writes_nothing(model, tmp_path, face_points, capsys):
    good = tmp_path / "good.txt"
    write_points(good, face_points)
    write_points(tmp_path / "short.txt", face_points[:67])
    write_points(tmp_path / "flat.txt", np.ones((68, 2)))
    (tmp_path / "nan.txt").write_text("nan 1\n" * 68)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.safetensors").write_bytes(b"x" * 64)
    with write_table(tmp_path / "two.npz") as write:
        for number in (0, 1):
            write(Row("a.jpg", number, None, None, face_points))
    out = tmp_path / "out"
    for arguments, sentence in [
        ((model, tmp_path / "short.txt"), "67 points: expected 68"),
        ((model, tmp_path / "nan.txt"), "expected finite numbers"),
        ((model, tmp_path / "flat.txt"), "in one place"),
        ((model, tmp_path / "nowhere.txt"), "does not exist"),
        ((model, tmp_path / "empty"), "holds no landmarks"),
        ((tmp_path / "nowhere", good), "does not exist"),
        ((tmp_path / "empty", good), "expected the folder of a training run"),
        ((tmp_path / "broken.safetensors", good), "damaged"),
        ((model, good, "--batch", 0), "--batch is 0"),
    ]:
        told = run(*arguments, "-o", out, code=2, capsys=capsys)
        assert sentence in told
        assert told.count("\n") == 1
        assert not out.exists()
    (tmp_path / "file").touch()
    told = run(model, good, "-o", tmp_path / "file" / "out", code=2, capsys=capsys)
    assert "file is a file: expected a folder for out" in told
    told = run(model, tmp_path / "two.npz", "-o", tmp_path / "a.png", code=2, capsys=capsys)
    assert "holds one face, 2 are given" in told


def test_one_flat_face_does_not_refuse_the_others(model, tmp_path, face_points, capsys):
    folder = tmp_path / "points"
    folder.mkdir()
    for name, points in (("a", face_points), ("flat", np.ones((68, 2))), ("z", face_points)):
        write_points(folder / f"{name}.txt", points)
    told = run(model, folder, "-o", tmp_path / "out", capsys=capsys)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "z.png"]
    assert "1 of 3 files and rows refused:" in told
    assert "flat: all 68 landmarks are in one place" in told


def test_a_bad_file_among_those_named_is_told_and_left_out(model, tmp_path, face_points, capsys):
    for name, points in (("a", face_points), ("short", face_points[:67]), ("z", face_points)):
        write_points(tmp_path / f"{name}.txt", points)
    files = [tmp_path / f"{name}.txt" for name in ("a", "short", "nowhere", "z")]
    told = run(model, *files, "-o", tmp_path / "out", capsys=capsys)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "z.png"]
    assert "2 of 4 files and rows refused:" in told
    assert "short.txt holds 67 points: expected 68" in told
    assert "nowhere.txt does not exist" in told


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet"])
def test_a_row_that_is_no_face_does_not_hide_those_behind_it(tmp_path, face_points, ending):
    table = tmp_path / f"faces.{ending}"
    with write_table(table) as write:
        for name in "abc":
            points = face_points * np.nan if name == "b" else face_points
            write(Row(f"{name}.jpg", 0, None, None, points))
    first, error, last = read_faces(table)
    assert (first.name, last.name) == ("a", "c")
    np.testing.assert_allclose(last.points, face_points)
    assert "not finite" in str(error)
    assert f"faces.{ending}" in str(error)


def test_an_interrupted_run_tells_how_many_it_wrote(
    model, tmp_path, face_points, capsys, monkeypatch
):
    for name in "ab":
        write_points(tmp_path / f"{name}.txt", face_points)
    real, asked = faces.make_faces, []

    def second(*given, **more):
        asked.append(0)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr(faces, "make_faces", second)
    points = [tmp_path / "a.txt", tmp_path / "b.txt"]
    told = run(model, *points, "--batch", 1, "-o", tmp_path / "out", code=2, capsys=capsys)
    assert "interrupted: 1 of 2 faces are written" in told
