"""The command as people run it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from landmarks import detect, normalized_mean_error, read_image, read_points, read_table
from tests.commands import run


def test_printed_points_are_those_of_the_published_script(portrait_file, capsys):
    import dlib

    from landmarks.models import SHAPE_PREDICTOR, model_file

    out = run("-i", portrait_file, capsys=capsys).out
    grey = cv2.cvtColor(cv2.imread(str(portrait_file)), cv2.COLOR_BGR2GRAY)
    predictor = dlib.shape_predictor(str(model_file(SHAPE_PREDICTOR)))
    published = [
        f"{point.x} {point.y}\n"
        for box in dlib.get_frontal_face_detector()(grey, 1)
        for point in predictor(grey, box).parts()
    ]
    assert len(published) == 68
    assert out == "".join(published)


def test_only_printed_points_are_searched_the_published_way(monkeypatch, portrait_file, tmp_path):
    from landmarks import batch

    asked = []
    real = batch.extract_batch

    def spy(sources, settings, **options):
        asked.append(settings.upsample)
        return real(sources, settings, **options)

    monkeypatch.setattr(batch, "extract_batch", spy)
    run("-i", portrait_file)
    run("-i", portrait_file, "-o", tmp_path / "a.csv")
    run("-i", portrait_file, "-o", tmp_path / "a.csv", "--upsample", 0)
    assert asked == [1, None, 0]


def test_p_takes_a_predictor_file(portrait_file, capsys):
    from landmarks.models import SHAPE_PREDICTOR, model_file

    given = run("-p", model_file(SHAPE_PREDICTOR), "-i", portrait_file, capsys=capsys).out
    assert given == run("-i", portrait_file, capsys=capsys).out


def test_from_python_as_from_the_shell(portrait_file, tmp_path):
    run("-i", portrait_file, "-o", tmp_path / "a.npz")
    (face,) = detect(read_image(portrait_file))
    (row,) = read_table(tmp_path / "a.npz")
    np.testing.assert_allclose(row.points, face.points, atol=2e-3)


def test_the_quick_search_agrees_with_the_published_one(portrait_file, tmp_path):
    run("-i", portrait_file, "-o", tmp_path / "quick.txt")
    run("-i", portrait_file, "-o", tmp_path / "whole.txt", "--upsample", 1)
    quick, whole = (read_points(tmp_path / f"{name}.txt") for name in ("quick", "whole"))
    assert normalized_mean_error(quick, whole) < 0.02


@pytest.mark.parametrize("suffix", ["txt", "pts"])
def test_one_picture_into_one_file(portrait_file, tmp_path, suffix):
    run("-i", portrait_file, "-o", tmp_path / f"a.{suffix}")
    (face,) = detect(read_image(portrait_file))
    np.testing.assert_allclose(read_points(tmp_path / f"a.{suffix}"), face.points, atol=2e-3)


@pytest.mark.parametrize("detector", ["hog", "cnn", "haar"])
def test_every_detector_finds_the_face(tmp_path, small, detector):
    Image.fromarray(small).save(tmp_path / "a.png")
    found = {}
    for name in ("hog", detector):
        run("-i", tmp_path / "a.png", "-o", tmp_path / "a.txt", "--detector", name)
        found[name] = read_points(tmp_path / "a.txt")
    assert normalized_mean_error(found[detector], found["hog"]) < 0.06


def test_a_batch_goes_on_and_counts(folder, tmp_path, capsys):
    output = tmp_path / "faces.csv"
    told = run("-i", folder, "-r", "-o", output, capsys=capsys).err
    assert "read 5 images, found 4 faces; 1 without a face; 2 could not be read" in told
    assert "page.jpg is not an image" in told
    files = [Path(row.file).name for row in read_table(output)]
    assert files == ["a.png", "b.png", "d.png", "c.png"]
    problems = (tmp_path / "faces.csv.errors.csv").read_text().splitlines()
    assert problems[0] == "file,frame,reason"
    assert "empty.png,,no face found" in problems[1]
    assert "page.jpg is not an image" in problems[2]
    assert "zero.jpg is empty (0 bytes)" in problems[3]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faces.csv",
        "faces.csv.errors.csv",
        "faces.csv.run.json",
        "photos",
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_processes_change_nothing(folder, tmp_path, suffix):
    for jobs in (1, 2):
        run("-i", folder, "-o", tmp_path / f"{jobs}.{suffix}", "--jobs", jobs)
    for name in (suffix, f"{suffix}.errors.csv"):
        assert (tmp_path / f"1.{name}").read_bytes() == (tmp_path / f"2.{name}").read_bytes()


@pytest.mark.parametrize("kind", ["txt", "pts", "npz", "csv"])
def test_a_folder_gets_one_file_for_each_face(folder, tmp_path, kind):
    run("-i", folder, "-r", "-o", f"{tmp_path}/points/", "--format", kind)
    found = sorted((tmp_path / "points").rglob(f"*.{kind}"))
    names = [str(path.relative_to(tmp_path / "points")) for path in found]
    assert [n for n in names if "landmarks." not in n] == [
        f"{name}.{kind}" for name in ("a", "b", "d", "deep/c")
    ]
    assert read_points(tmp_path / "points" / f"a.{kind}").shape == (68, 2)


def test_several_faces_of_one_picture(tmp_path, small, capsys):
    Image.fromarray(np.hstack([small, small[:, ::-1]])).save(tmp_path / "two.png")
    run("-i", tmp_path / "two.png", "-o", f"{tmp_path}/points/")
    assert (tmp_path / "points" / "two.txt").exists()
    assert (tmp_path / "points" / "two_face1.txt").exists()
    assert len(run("-i", tmp_path / "two.png", capsys=capsys).out.splitlines()) == 136
    run("-i", tmp_path / "two.png", "--faces", "largest", "-o", tmp_path / "one.txt")
    assert len(read_points(tmp_path / "one.txt")) == 68
    told = run("-i", tmp_path / "two.png", "-o", tmp_path / "both.txt", code=2, capsys=capsys).err
    assert "shows 2 faces and" in told
    assert not (tmp_path / "both.txt").exists()


def test_overlays_show_the_points(folder, tmp_path, small):
    run("-i", folder, "-r", "-o", tmp_path / "a.csv", "--draw", tmp_path / "drawn")
    drawn = sorted(
        str(p.relative_to(tmp_path / "drawn")) for p in (tmp_path / "drawn").rglob("*.*")
    )
    assert drawn == ["a.png", "b.png", "d.png", "deep/c.png"]
    image = read_image(tmp_path / "drawn" / "a.png")
    assert image.shape == small.shape
    (row, *_) = read_table(tmp_path / "a.csv")
    change = np.abs(image.astype(int) - small).max(axis=2)
    x, y = np.round(row.points).astype(int).T
    assert change[y, x].mean() > 60
    assert np.median(change) == 0


def test_min_face_leaves_small_ones_out(tmp_path, small):
    canvas = np.full((512, 768, 3), 127, np.uint8)
    canvas[:, 256:] = cv2.resize(small, (512, 512))
    canvas[:256, :256] = small
    Image.fromarray(canvas).save(tmp_path / "a.png")
    run("-i", tmp_path / "a.png", "-o", tmp_path / "all.csv")
    widths = sorted(row.box[2] - row.box[0] for row in read_table(tmp_path / "all.csv"))
    assert len(widths) == 2
    limit = int(sum(widths) / 2)
    run("-i", tmp_path / "a.png", "-o", tmp_path / "big.csv", "--min-face", limit)
    large = [row.box[2] - row.box[0] for row in read_table(tmp_path / "big.csv")]
    assert widths[1] in large
    assert min(large) >= limit - 1


@pytest.fixture
def film(tmp_path, small) -> Path:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (256, 256))
    for number in range(6):
        frame = np.zeros_like(small) if number == 2 else np.roll(small, 4 * number, axis=1)
        writer.write(frame[..., ::-1])
    writer.release()
    return path


@pytest.mark.parametrize(("suffix", "jobs"), [("csv", 2), ("npz", 1), ("parquet", 1)])
def test_a_film_keeps_frames_and_times(film, tmp_path, suffix, jobs):
    run("-i", film, "-o", tmp_path / f"a.{suffix}", "--jobs", jobs)
    rows = list(read_table(tmp_path / f"a.{suffix}"))
    assert [row.frame for row in rows] == [0, 1, 3, 4, 5]
    np.testing.assert_allclose([row.seconds for row in rows], [0, 0.1, 0.3, 0.4, 0.5], atol=1e-6)
    moved = rows[4].points.mean(axis=0) - rows[0].points.mean(axis=0)
    np.testing.assert_allclose(moved, [20, 0], atol=2)
    assert ",2,no face found" in (tmp_path / f"a.{suffix}.errors.csv").read_text()


def test_a_film_into_a_folder(film, tmp_path):
    run("-i", film, "-o", f"{tmp_path}/points/")
    assert (tmp_path / "points" / "film_frame000005.txt").exists()


def test_what_is_no_film_is_told(tmp_path, capsys):
    (tmp_path / "a.mp4").write_text("no film")
    assert (
        "not a film"
        in run("-i", tmp_path / "a.mp4", "-o", tmp_path / "a.csv", code=2, capsys=capsys).err
    )


# --- one picture that cannot be used: one sentence, exit code 2, nothing written


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.write_text("<html>"), "is not an image"),
        (lambda path: Image.new("RGB", (1, 1)).save(path), "no face found"),
        (lambda path: Image.new("RGB", (300, 200)).save(path), "no face found"),
        (lambda path: Image.new("1", (20_000, 20_000)).save(path, "PNG"), "pixels"),
    ],
)
def test_a_single_picture_that_cannot_be_used(tmp_path, capsys, make, reason):
    make(tmp_path / "a.jpg")
    told = run("-i", tmp_path / "a.jpg", "-o", tmp_path / "a.txt", code=2, capsys=capsys)
    assert reason in told.err
    assert len(told.err.splitlines()) == 1
    assert not (tmp_path / "a.txt").exists()


def test_a_truncated_jpeg(portrait_file, capsys):
    portrait_file.write_bytes(portrait_file.read_bytes()[:5000])
    told = run("-i", portrait_file, code=2, capsys=capsys)
    assert told.out == ""
    assert "is a damaged image" in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", ""], "no name for the output"),
        (["-o", ".csv"], "no name for the output"),
        (["-o", "/proc/a.csv"], "a.csv.partial cannot be written"),
        (["-o", "/proc/points/"], "cannot be made"),
        (["-o", "{tmp}/none/a.csv"], "folder .*none does not exist"),
        (["-o", "{tmp}/a.doc"], "unknown ending '.doc'"),
        (["-o", "{tmp}/photos/a.png/"], "cannot be made"),
        (["-o", "{tmp}/a.txt"], "holds the points of one picture"),
        (["-o", "{tmp}/a.csv", "--format", "pts"], "--format is for a folder"),
        (["--format", "pts"], "--format needs an output folder"),
        (["--resume"], "--resume needs an output"),
        (["--upsample", "9"], "--upsample is 9"),
        (["--min-face", "0"], "--min-face is 0"),
        (["--jobs", "0"], "--jobs is 0"),
        (["-p", "{tmp}/none.dat"], "none.dat does not exist"),
        (["-p", "{tmp}/photos/page.jpg"], "page.jpg"),
        (["-i", "{tmp}/nothing"], "does not exist|holds no image"),
    ],
)
def test_arguments_that_cannot_be_used(folder, tmp_path, capsys, arguments, reason):
    import re

    (tmp_path / "nothing").mkdir()
    before = sorted(tmp_path.rglob("*"))
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    told = run("-i", folder, *filled, code=2, capsys=capsys)
    assert re.search(reason, told.err)
    assert len(told.err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_all_unreadable_is_a_failure(tmp_path, capsys):
    for name in "ab":
        (tmp_path / f"{name}.jpg").touch()
    run("-i", tmp_path, "-o", tmp_path / "a.csv", code=2, capsys=capsys)
    assert (tmp_path / "a.csv.errors.csv").exists()
    assert not (tmp_path / "a.csv").exists()
