"""python -m calibration."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

import landmarks
from calibration import apply_calibration, calibrate
from calibration.__main__ import main
from landmarks.detector import Box
from landmarks.files import read_points, write_points

TARGET = np.random.default_rng(0).uniform(60, 190, (68, 2))
GOLD = TARGET * [1.1, 0.9] + np.random.default_rng(1).normal(size=(68, 2)) * 4
FILES = ["calibrated.txt", "calibration.png", "par_x.txt", "par_y.txt"]


@pytest.fixture
def points(tmp_path):
    """Two files of points, and the folder to write to."""
    write_points(tmp_path / "gold.txt", GOLD)
    write_points(tmp_path / "sample.pts", TARGET)
    return str(tmp_path / "gold.txt"), str(tmp_path / "sample.pts"), tmp_path / "out"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_point_files_give_points_coefficients_and_figure(points, capsys):
    gold, sample, out = points
    assert run(gold, sample, "-o", out) == 0
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert sorted(capsys.readouterr().out.split()) == [str(out / name) for name in FILES]
    target = read_points(sample)
    expected = calibrate(None, GOLD, None, target)
    lines = [(out / name).read_text() for name in ("par_x.txt", "par_y.txt")]
    assert [line.count(",") for line in lines] == [5, 5]
    assert all(line.endswith("\n") for line in lines)
    # Every digit is kept, so what is read again gives the very same points.
    np.testing.assert_array_equal([[float(v) for v in line.split(",")] for line in lines], expected)
    calibrated = read_points(out / "calibrated.txt")
    np.testing.assert_array_equal(calibrated, apply_calibration(*expected, target))
    with Image.open(out / "calibration.png") as figure:
        assert figure.mode == "RGB"


def test_a_second_run_replaces_the_first(points):
    gold, sample, out = points
    run(sample, gold, "-o", out)
    run(gold, sample, "-o", out)
    first = {name: (out / name).read_bytes() for name in FILES}
    run(gold, sample, "-o", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Two grey pictures in which the detector finds GOLD (bright), TARGET (dark)."""
    Image.new("RGB", (256, 256), (200, 200, 200)).save(tmp_path / "gold.png")
    Image.new("RGB", (256, 256), (90, 90, 90)).save(tmp_path / "sample.png")
    Image.new("RGB", (256, 256)).save(tmp_path / "empty.png")
    asked = []

    def detect(image, **settings):
        asked.append(settings)
        level = int(image[0, 0, 0])
        if not level:
            return []
        large, small = Box(0, 0, 99, 99, 0.5), Box(0, 0, 9, 9, 1.5)
        wanted = SimpleNamespace(points={200: GOLD, 90: TARGET}[level], box=large)
        other = SimpleNamespace(points=GOLD + 5, box=small)
        return [other, wanted] if level == 200 else [wanted]

    monkeypatch.setattr(landmarks, "detect", detect)
    return tmp_path, asked


def test_photographs_are_searched_for_their_largest_face(photographs, capsys):
    folder, asked = photographs
    out = folder / "out"
    code = run(
        folder / "gold.png", folder / "sample.png", "-o", out, "-p", "p.dat", "--detector", "cnn"
    )
    assert code == 0
    assert asked == [{"predictor": "p.dat", "detector": "cnn"}] * 2
    assert "gold.png shows 2 faces: the largest is used" in capsys.readouterr().err
    calibrated = apply_calibration(*calibrate(None, GOLD, None, TARGET), TARGET)
    np.testing.assert_array_equal(read_points(out / "calibrated.txt"), calibrated)
    with Image.open(out / "calibration.png") as figure:
        colors = {color for _, color in figure.getcolors(1 << 24)}
    assert {(200, 200, 200), (90, 90, 90)} <= colors


def test_points_may_be_drawn_on_their_photographs(photographs, points):
    folder, asked = photographs
    gold, sample, out = points
    code = run(gold, sample, "-o", out, "--gold-face", folder / "gold.png",
               "--sample-face", folder / "sample.png")  # fmt: skip
    assert (code, asked) == (0, [])
    with Image.open(out / "calibration.png") as figure:
        colors = {color for _, color in figure.getcolors(1 << 24)}
    assert {(200, 200, 200), (90, 90, 90)} <= colors


def refused(capsys, *arguments):
    """The one sentence of a run that fails."""
    assert run(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("python -m calibration: ")
    return told.err


def test_bad_input_is_one_sentence_and_leaves_nothing(photographs, points, capsys):
    folder, _ = photographs
    gold, sample, out = points
    write_points(folder / "inner.txt", TARGET[17:])
    write_points(folder / "line.txt", np.stack([np.arange(68.0)] * 2, -1))
    (folder / "fake.jpg").write_text("<html>")
    (folder / "nan.txt").write_text("1 2\nnan 4\n")
    for wrong, told in {
        "missing.txt": "does not exist",
        "missing.jpg": "does not exist",
        "inner.txt": "68 points and targetland 51",
        "line.txt": "rank 3 of 6",
        "fake.jpg": "not an image",
        "nan.txt": "nan",
        "empty.png": "no face was found",
    }.items():
        assert told in refused(capsys, gold, folder / wrong, "-o", out)
        assert not out.exists()
    told = refused(capsys, folder / "gold.png", sample, "--gold-face", folder / "gold.png")
    assert "--gold-face goes with a file of points" in told
    assert "missing.png" in refused(capsys, gold, sample, "--sample-face", folder / "missing.png")


def test_a_folder_that_cannot_be_written_is_told(points, capsys):
    gold, sample, out = points
    out.write_text("a file")
    assert str(out) in refused(capsys, gold, sample, "-o", out)
    assert out.read_text() == "a file"


@pytest.mark.parametrize("existed", [False, True])
def test_a_full_disk_leaves_nothing_half_written(points, capsys, monkeypatch, existed):
    gold, sample, out = points
    if existed:
        run(sample, gold, "-o", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()} if existed else None
    capsys.readouterr()
    synced = []

    def fsync(descriptor):
        synced.append(descriptor)
        if len(synced) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    assert "No space left" in refused(capsys, gold, sample, "-o", out)
    after = {path.name: path.read_bytes() for path in out.iterdir()} if out.exists() else None
    assert after == before


def test_it_starts_as_a_module_and_needs_no_detector_for_points(points):
    gold, sample, out = points
    code = (
        "import sys; from calibration.__main__ import main; "
        f"code = main([{gold!r}, {sample!r}, '-o', {str(out)!r}]); "
        "sys.exit(code or bool({'dlib', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    done = subprocess.run([sys.executable, "-m", "calibration", "--help"], capture_output=True)
    assert b"OUTDIR" in done.stdout


def test_a_real_photograph_and_a_smaller_copy_of_it(tmp_path):
    gold = astronaut()
    Image.fromarray(gold).save(tmp_path / "gold.png")
    Image.fromarray(gold).resize((360, 360)).save(tmp_path / "sample.png")
    assert run(tmp_path / "gold.png", tmp_path / "sample.png", "-o", tmp_path / "out") == 0
    found = landmarks.detect(gold, faces="largest")[0].points
    calibrated = read_points(tmp_path / "out" / "calibrated.txt")
    assert landmarks.normalized_mean_error(calibrated, found) < 0.02


def test_our_method_gives_the_gold_expression_to_the_sample_person(tmp_path, capsys):
    from calibration import ExpressionModel

    model = ExpressionModel.load()
    person = model.frame.mean[:, :2] * 200 + 300
    sample = model.intensify(person, 0.2, "surprise")
    gold = model.intensify(person * 1.5 - 100, 1.0, "surprise")
    write_points(tmp_path / "gold.txt", gold)
    write_points(tmp_path / "sample.txt", sample)
    arguments = [
        str(tmp_path / "gold.txt"),
        str(tmp_path / "sample.txt"),
        "-o",
        str(tmp_path / "o"),
    ]
    assert main(arguments) == 0
    assert main([*arguments, "--method", "ours"]) == 0, "which leaves no coefficients of the other"
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "calibrated.txt",
        "calibration.png",
    }
    calibrated = read_points(tmp_path / "o" / "calibrated.txt")
    expected = model.calibrate_to_gold(sample, gold)
    np.testing.assert_allclose(calibrated, expected, atol=1e-9)

    def gap(points):
        return points[66, 1] - points[62, 1]

    assert gap(calibrated) > gap(sample) + 5
    assert main([*arguments, "--method", "ours", "--intensity", "0"]) == 0
    assert gap(read_points(tmp_path / "o" / "calibrated.txt")) < gap(calibrated)
    assert main([*arguments, "--intensity", "1"]) == 2
    assert "goes with --method ours" in capsys.readouterr().err


def test_ctrl_c_is_told_in_one_sentence(tmp_path, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("calibration.__main__._face", interrupt)
    assert main(["a.txt", "b.txt"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
