"""What a batch does when it is stopped, repeated, changed, or in somebody's way."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks import Settings, batch, expand, extract_batch, make_output, read_image, read_table
from landmarks.errors import InputError
from landmarks.journal import Journal


@pytest.fixture
def photos(tmp_path, portrait) -> Path:
    """Two faces and a page."""
    folder = tmp_path / "photos"
    folder.mkdir()
    small = Image.fromarray(portrait).resize((256, 256), Image.Resampling.BOX)
    for name in ("a.png", "b.png"):
        small.save(folder / name)
    Image.new("RGB", (90, 90)).save(folder / "empty.png")
    (folder / "page.jpg").write_text("<html>")
    return folder


def run(photos: Path, target: object, *, resume: bool = False, **options):
    output = make_output(str(target), folder_format=None, single=False)
    settings = Settings(**{k: options.pop(k) for k in list(options) if k == "detector"})
    return extract_batch(expand([str(photos)]), settings, output=output, resume=resume, **options)


def names(target: Path) -> list[str]:
    if target.is_dir():
        return sorted(path.stem for path in target.glob("*.txt"))
    return [Path(row.file).stem for row in read_table(target)]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz", "points/"])
def test_a_kill_after_the_last_write_doubles_nothing(photos, tmp_path, monkeypatch, name):
    target = tmp_path / name
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", Journal.close)  # killed just before it is deleted
        run(photos, f"{tmp_path}/{name}")
    report = run(photos, f"{tmp_path}/{name}", resume=True)
    assert (report.skipped, len(report.without_face), len(report.unreadable)) == (3, 1, 1)
    assert names(target) == ["a", "b"]
    lists = [p.read_text() for p in tmp_path.rglob("*.csv") if p.name.endswith(".errors.csv")]
    assert len(lists) == 1
    assert lists[0].count("\n") == 3


def test_what_a_kill_left_unfinished_in_a_folder_is_cleared(photos, tmp_path):
    (tmp_path / "points" / "deep").mkdir(parents=True)
    (tmp_path / "points" / "deep" / ".tmp-abc").write_text("1 2")
    run(photos, f"{tmp_path}/points/")
    assert not list(tmp_path.rglob(".tmp-*"))


def test_what_could_not_be_read_is_tried_again(photos, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", Journal.close)
        run(photos, tmp_path / "t.csv")
    (tmp_path / "t.csv").unlink()
    (tmp_path / "t.csv.errors.csv").unlink()
    shutil.copy(photos / "a.png", photos / "page.jpg")
    run(photos, tmp_path / "t.csv", resume=True)
    assert sorted(names(tmp_path / "t.csv")) == ["a", "b", "page"]
    assert "page" not in (tmp_path / "t.csv.errors.csv").read_text()


def test_one_failing_picture_does_not_end_the_work(photos, tmp_path, monkeypatch):
    class Finder:
        def __init__(self, real) -> None:
            self.real = real

        def __call__(self, picture):
            if "a.png" in picture.name:
                raise RuntimeError("a bug")
            return self.real(picture)

    real = batch.shared_finder
    monkeypatch.setattr(batch, "shared_finder", lambda *a, **k: Finder(real(*a, **k)))
    report = run(photos, tmp_path / "t.csv")
    assert names(tmp_path / "t.csv") == ["b"]
    assert any("a.png failed: RuntimeError: a bug" in p.reason for p in report.unreadable)


@pytest.mark.parametrize("name", ["t.csv", "points/"])
def test_a_finished_output_goes_on_only_with_its_own_settings(photos, tmp_path, name):
    run(photos, f"{tmp_path}/{name}")
    with pytest.raises(InputError, match="detector was hog, is haar"):
        run(photos, f"{tmp_path}/{name}", resume=True, detector="haar")


def test_a_folder_keeps_one_format(photos, tmp_path):
    run(photos, f"{tmp_path}/points/")
    output = make_output(f"{tmp_path}/points/", folder_format=".pts", single=False)
    with pytest.raises(InputError, match=r"format was \.txt, is \.pts"):
        extract_batch(expand([str(photos)]), output=output, resume=True)


def test_the_same_picture_typed_in_two_ways_is_done_once(photos, tmp_path, monkeypatch):
    run(photos, tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    report = run(Path("photos"), tmp_path / "t.csv", resume=True)
    assert report.images == 0
    assert names(tmp_path / "t.csv") == ["a", "b"]


def test_two_tables_of_one_name_do_not_share_their_lists(photos, tmp_path):
    run(photos, tmp_path / "t.csv")
    assert run(photos, tmp_path / "t.parquet", resume=True).skipped == 0


def test_a_report_speaks_of_what_was_asked(photos, tmp_path):
    run(photos, tmp_path / "t.csv")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "a.png", other / "c.png")
    report = run(other, tmp_path / "t.csv", resume=True)
    assert (report.images, report.problems) == (1, [])
    assert names(tmp_path / "t.csv") == ["a", "b", "c"]
    assert "empty.png" in (tmp_path / "t.csv.errors.csv").read_text()


def test_nothing_read_leaves_a_good_table_alone(photos, tmp_path):
    run(photos, tmp_path / "t.csv")
    before = (tmp_path / "t.csv").read_bytes()
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.jpg").touch()
    assert len(run(bad, tmp_path / "t.csv").unreadable) == 1
    assert (tmp_path / "t.csv").read_bytes() == before


def test_overlays_never_replace_photographs(photos, tmp_path):
    before = (photos / "a.png").read_bytes()
    with pytest.raises(InputError, match="would overwrite"):
        run(photos, tmp_path / "t.csv", draw=str(photos))
    assert (photos / "a.png").read_bytes() == before
    assert not (tmp_path / "t.csv.partial").exists()


def test_another_folders_picture_of_the_same_name_is_refused(photos, tmp_path):
    run(photos, f"{tmp_path}/points/")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "a.png", other / "a.png")
    with pytest.raises(InputError, match="same file"):
        run(other, f"{tmp_path}/points/", resume=True)


def test_names_that_look_like_second_faces_are_kept_apart(tmp_path, portrait):
    folder = tmp_path / "photos"
    folder.mkdir()
    small = np.asarray(Image.fromarray(portrait).resize((256, 256), Image.Resampling.BOX))
    Image.fromarray(np.hstack([small, small])).save(folder / "x.png")
    Image.fromarray(small).save(folder / "x_face1.png")
    run(folder, f"{tmp_path}/points/")
    assert names(tmp_path / "points") == ["x", "x_face1", "x_face1.png"]


def test_file_names_that_are_not_utf8(photos, tmp_path):
    odd = os.fsdecode(os.fsencode(photos) + b"/\xff.png")
    shutil.copy(photos / "a.png", odd)
    for name in ("t.csv", "t.parquet", "t.npz", "points/"):
        report = run(photos, f"{tmp_path}/{name}")
        assert (report.images, report.faces) == (4, 3)
    assert odd in [row.file for row in read_table(tmp_path / "t.csv")]
    assert run(photos, tmp_path / "t.csv", resume=True).skipped == 4


def test_a_name_too_long_for_the_disk_is_its_pictures_problem(photos, tmp_path):
    shutil.copy(photos / "a.png", photos / f"{'n' * 245}_face1.png")
    report = run(photos, f"{tmp_path}/points/", draw=str(tmp_path / "drawn"))
    assert report.faces == 2
    assert any("File name too long" in problem.reason for problem in report.unreadable)


def test_a_full_disk_under_the_point_files_is_told(photos, tmp_path, monkeypatch):
    import landmarks.outputs

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(landmarks.outputs, "write_points", full)
    with pytest.raises(InputError, match="No space left on device"):
        run(photos, f"{tmp_path}/points/")


@pytest.mark.parametrize("name", ["t.csv.errors.csv", "t.csv.run.json"])
def test_foreign_files_beside_the_output_are_told(photos, tmp_path, name):
    run(photos, tmp_path / "t.csv")
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="was not written by|is damaged"):
        run(photos, tmp_path / "t.csv", resume=True)
    assert not (tmp_path / "t.csv.partial").exists()


def test_special_files_are_not_waited_for(photos, tmp_path):
    os.mkfifo(photos / "pipe.jpg")
    signal.alarm(60)
    report = run(photos, tmp_path / "t.csv")
    signal.alarm(0)
    assert any("pipe.jpg is not a file" in problem.reason for problem in report.unreadable)


def test_processes_that_cannot_start_are_told_once(tmp_path, photos):
    import subprocess
    import sys

    code = f"""
from landmarks import expand, extract_batch
extract_batch(expand([{str(photos)!r}]), jobs=2)
"""
    (tmp_path / "script.py").write_text(code)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, env=env
    )
    assert done.returncode == 1
    # Python's own resource tracker may have a word after it.
    assert done.stderr.count("RuntimeError: the worker processes cannot start") == 1


def test_a_film_that_was_cut_off_is_told(tmp_path, portrait):
    import cv2

    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 128))
    for _ in range(20):
        writer.write(np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8))
    writer.release()
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    report = run(film, tmp_path / "t.csv")
    assert 5 < report.images < 15
    assert any("is it cut off" in problem.reason for problem in report.unreadable)


def test_frames_are_rgb_and_skipped_ones_are_not_decoded(tmp_path):
    import cv2

    from landmarks.film import read_film

    film = tmp_path / "a:b film.avi"
    writer = cv2.VideoWriter(str(tmp_path / "f.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 64))
    for _ in range(5):
        writer.write(np.full((64, 64, 3), (255, 0, 0), np.uint8))  # blue, in OpenCV's order
    writer.release()
    (tmp_path / "f.avi").rename(film)
    frames = list(read_film(str(film), skip=lambda frame: frame < 3))
    assert [number for number, _, _ in frames] == [3, 4]
    assert frames[0][2] is not None
    assert frames[0][2][32, 32, 2] > 200
    assert frames[0][2][32, 32, 0] < 60


def test_a_finished_run_explains_itself(photos, tmp_path):
    import json

    run(photos, tmp_path / "t.csv")
    settings = json.loads((tmp_path / "t.csv.run.json").read_text())["settings"]
    assert settings["detector"] == "hog"
    assert settings["format"] == ".csv"


def test_overlays_keep_the_photograph_sharp(photos, tmp_path, portrait):
    Image.fromarray(portrait).save(photos / "j.jpg", quality=95)
    run(photos, tmp_path / "t.csv", draw=str(tmp_path / "drawn"))
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["a.png", "b.png", "j.jpg"]
    assert read_image(tmp_path / "drawn" / "j.jpg").shape == portrait.shape
