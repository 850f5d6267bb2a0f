"""python -m gan.edit: what it writes, what it says, and what it refuses."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from gan.edit import main
from gan.editor import Editor
from gan.marked_png import EDITED
from landmarks.files import write_points
from landmarks.image import read_image
from tests.commands import ROOT


@pytest.fixture
def photo(portrait, tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(portrait[20:220, 125:325]).save(path, quality=95)
    return path


def edit(*arguments, code=0, capsys):
    assert main([*map(str, arguments), "--warp-only", "--once"]) == code
    return capsys.readouterr()


def test_a_photograph_is_edited_marked_and_told(photo, tmp_path, capsys):
    output = tmp_path / "out.png"
    told = edit(photo, "--emotion", "happiness", "--intensity", 0.8, "-o", output, capsys=capsys)
    assert told.err == ""
    assert told.out.startswith(f"{output}: 1 face, happiness, intensity 0.8 asked, ")
    with Image.open(output) as opened:
        assert opened.info["Description"] == EDITED.sentence
        assert opened.info["Intensity"].startswith("0.8 asked, ")
    assert (read_image(output) != read_image(photo)).any()


def test_a_strip_and_a_film(photo, tmp_path, capsys):
    strip, film = tmp_path / "strip.png", tmp_path / "film.gif"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(read_image(photo)).save(photo, quality=95, icc_profile=profile)
    edit(photo, "--emotion", "all", "--dial", "0,1", "-o", strip, capsys=capsys)
    with Image.open(strip) as opened:
        assert opened.height > 5 * opened.width / 3
        assert opened.info["icc_profile"] == profile
    options = ["--emotion", "fear", "--seconds", 0.4, "--fps", 10]
    told = edit(photo, *options, "--animate", film, capsys=capsys)
    assert told.out == f"{film}: 4 frames, fear, intensity 0 to 1 and back\n"
    with Image.open(film) as opened:
        assert opened.n_frames == 4
        assert "fear" in opened.info["comment"].decode()


def test_a_film_of_small_faces_is_made_and_what_was_decided_is_told(photo, tmp_path, capsys):
    large, film = tmp_path / "large.png", tmp_path / "film.gif"
    wide = np.full((200, 1500, 3), 90, np.uint8)  # faces of 19 pixels between the eyes in the film
    wide[:, 100:300] = wide[:, 900:1100] = read_image(photo)
    Image.fromarray(wide).save(large)
    options = ["--seconds", 0.4, "--fps", 10, "--animate", film]
    told = edit(large, "--emotion", "fear", *options, capsys=capsys)
    assert told.out.startswith(f"{film}: 4 frames, fear")
    assert "2 faces were found: the largest is edited" in told.err
    edit(large, "--emotion", "fear", "--faces", "all", *options, capsys=capsys)
    with Image.open(film) as opened:
        first = np.asarray(opened.convert("RGB"), int)
        opened.seek(2)
        moved = np.abs(np.asarray(opened.convert("RGB"), int) - first).mean(axis=(0, 2))
    assert moved[:160].max() > 1
    assert moved[260:400].max() > 1


def test_a_folder_is_edited_and_bad_photographs_are_named(photo, tmp_path, capsys):
    folder, output = tmp_path / "photos", tmp_path / "edited"
    folder.mkdir()
    photo.rename(folder / "a.jpg")
    read = read_image(folder / "a.jpg")
    Image.fromarray(read).save(folder / "b.bmp")
    Image.new("RGB", (90, 90), "teal").save(folder / "c.png")
    (folder / "d.jpg").write_text("<html>")
    told = edit(folder, "--emotion", "anger", "-o", output, capsys=capsys)
    assert sorted(os.listdir(output)) == ["a.jpg", "b.png"]
    assert told.out.endswith(f"{output}: 2 of 4 photographs edited\n")
    assert "2 of 4 photographs are left out:" in told.err
    assert f"{folder}/c.png: no face was found in 90×90 pixels" in told.err
    assert f"{folder}/d.jpg is not an image" in told.err


@pytest.mark.parametrize(("held", "batches"), [(10**9, [3]), (200_000, [2, 1])])
def test_photographs_are_held_by_their_size(photo, tmp_path, monkeypatch, capsys, held, batches):
    seen = []
    batch = Editor.edit_batch

    def counted(editor, images, **wish):
        seen.append(len(images))
        return batch(editor, images, **wish)

    monkeypatch.setattr(Editor, "edit_batch", counted)
    monkeypatch.setattr("gan.editor.job._HELD", held)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(photo.read_bytes())
    printed = edit(tmp_path, "--emotion", "fear", "-o", tmp_path / "out", capsys=capsys)
    assert printed.out.endswith("3 of 3 photographs edited\n")
    assert seen == batches


def test_folders_in_a_folder_are_edited_where_that_is_asked_for(photo, tmp_path, capsys):
    below = tmp_path / "photos" / "more"
    below.mkdir(parents=True)
    (below / "a.jpg").write_bytes(photo.read_bytes())
    wish = (tmp_path / "photos", "--emotion", "fear", "--once", "-o", tmp_path / "out")
    assert "add --recursive" in edit(*wish, code=2, capsys=capsys).err
    edit(*wish, "--recursive", capsys=capsys)
    assert (tmp_path / "out" / "more" / "a.jpg").is_file()


def test_no_two_photographs_of_a_folder_are_written_into_one_file(photo, tmp_path, capsys):
    folder, output = tmp_path / "photos", tmp_path / "edited"
    folder.mkdir()
    for name in ("q.bmp", "q.png", "q.jpg", "other.bmp"):
        Image.fromarray(read_image(photo)).save(folder / name)
    edit(folder, "--emotion", "fear", "-o", output, capsys=capsys)
    assert sorted(os.listdir(output)) == ["other.png", "q.bmp.png", "q.jpg", "q.png"]
    Image.fromarray(read_image(photo)).save(folder / "q.bmp.png")
    told = edit(folder, "--emotion", "fear", "-o", tmp_path / "again", code=2, capsys=capsys)
    assert "would both become" in told.err
    assert not (tmp_path / "again").exists()


def test_landmarks_and_gold_come_from_files(photo, tmp_path, capsys):
    from landmarks import detect

    [face] = detect(read_image(photo))
    points, output = tmp_path / "wanted.txt", tmp_path / "out.webp"
    write_points(points, face.points + 1)
    told = edit(photo, "--landmarks", points, "-o", output, capsys=capsys)
    assert "landmarks found" in told.out
    told = edit(photo, "--gold", points, "--neutral", photo, "-o", output, capsys=capsys)
    assert "asked" in told.out
    assert "the neutral photograph shows happiness" in told.err
    pair = tmp_path / "pair.png"
    Image.fromarray(np.tile(read_image(photo), (1, 2, 1))).save(pair)
    for wish in ("--gold", "--neutral"):
        told = edit(photo, wish, pair, "-o", output, capsys=capsys)
        assert f"{wish} {pair}: 2 faces were found, the largest is taken\n" in told.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--emotion", "joy", "-o", "out.png"], "unknown emotion 'joy': expected one of anger"),
        (["--intensity", "-1", "-o", "out.png"], "intensity is -1: expected 0 (neutral) to 2"),
        (["--intensity", "9", "-o", "out.png"], "intensity is 9: expected 0 (neutral) to 2"),
        (["-o", "out.bmp"], "out.bmp cannot hold the mark"),
        (["--animate", "out.avi"], "out.avi cannot hold the mark"),
        (["-o", "none/out.png"], "there is no folder"),
        (["-o", "photo.jpg"], "is read too, and would be lost"),
        (["--emotion", "fear"], "expected -o, --animate, or both"),
        (["--emotion", "all", "-o", "out.png"], "expected --dial"),
        (["--emotion", "neutral", "--dial", "0,1", "-o", "out.png"], "neutral has no intensities"),
        (["--emotion", "neutral", "--animate", "out.gif"], "neutral has no intensities"),
        (["--dial", "0,1", "--intensity", "1", "-o", "out.png"], "--dial tells the intensities"),
        (["--dial", "0,7", "-o", "out.png"], "intensity is 7"),
        (["--dial", "0,1", "--faces", "all", "-o", "out.png"], "--dial shows one face"),
        (["--animate", "out.gif", "--fps", "0"], "expected more than 0 s"),
        (["--faces", "2", "-o", "out.png"], "there is no face 2: 1 face was found"),
        (["--gold", "none.txt", "-o", "out.png"], "none.txt does not exist"),
        (["--emotion", "fear", "--gold", "photo.jpg", "-o", "out.png"], "expected one of them"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(photo, tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    printed = edit("photo.jpg", *arguments, code=2, capsys=capsys)
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert os.listdir(tmp_path) == ["photo.jpg"]


def test_nothing_is_written_where_the_film_cannot_be(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    strip = ["photo.jpg", "--dial", "0,1", "-o", "s.png", "--animate"]
    told = edit(*strip, "f.gif", "--emotion", "all", code=2, capsys=capsys)
    assert "--animate shows one emotion" in told.err
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    told = edit(*strip, "f.mp4", "--emotion", "fear", code=2, capsys=capsys)
    assert "imageio_ffmpeg is not installed" in told.err
    assert os.listdir(tmp_path) == ["photo.jpg"]


def test_photographs_without_a_face_are_told(tmp_path, capsys):
    path = tmp_path / "wall.png"
    Image.fromarray(np.full((90, 120, 3), 127, np.uint8)).save(path)
    printed = edit(path, "--emotion", "fear", "-o", tmp_path / "out.png", code=2, capsys=capsys)
    assert "no face was found in 120×90 pixels" in printed.err
    printed = edit(tmp_path, "--emotion", "fear", "-o", tmp_path / "o", code=2, capsys=capsys)
    assert "none of 1 photographs can be edited" in printed.err


def test_torch_is_not_loaded(photo, tmp_path):
    code = (
        "import sys; from gan.edit import main;"
        f"assert main([{str(photo)!r}, '--warp-only', '-o', {str(tmp_path / 'o.png')!r}]) == 0;"
        "print(sorted({'torch', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


def test_a_photograph_on_its_side_is_edited_upright(photo, tmp_path, capsys):
    side, output = tmp_path / "side.jpg", tmp_path / "out.jpg"
    with Image.open(photo) as opened:
        exif = opened.getexif()
        exif[ExifTags.Base.Orientation] = 6
        lying = opened.crop((0, 0, 200, 180)).transpose(Image.Transpose.ROTATE_90)
        lying.save(side, exif=exif, quality=95)
    edit(side, "--emotion", "happiness", "-o", output, capsys=capsys)
    with Image.open(output) as opened:
        assert opened.size == (200, 180)
        assert opened.getexif()[ExifTags.Base.Orientation] == 1


def test_nothing_that_is_read_is_written_over(photo, tmp_path, capsys):
    for option in ("--gold", "--neutral"):
        other = tmp_path / "other.png"
        Image.fromarray(read_image(photo)).save(other)
        before = other.read_bytes()
        argv = [photo, *(["--emotion", "fear"] if option == "--neutral" else []), option, other]
        told = edit(*argv, "-o", other, code=2, capsys=capsys)
        assert "is read too, and would be lost" in told.err
        assert other.read_bytes() == before
    (tmp_path / "photo.bmp").write_bytes(b"")
    Image.fromarray(read_image(photo)).save(tmp_path / "photo.bmp")
    Image.fromarray(read_image(photo)).save(tmp_path / "photo.png")
    before = (tmp_path / "photo.png").read_bytes()
    edit(tmp_path / "photo.bmp", "--emotion", "fear", "-o", tmp_path, capsys=capsys)
    assert (tmp_path / "photo.png").read_bytes() == before
    assert (tmp_path / "photo.bmp.png").exists()


def test_a_folder_that_is_not_there_is_told(photo, tmp_path, capsys):
    told = edit(photo, "--emotion", "fear", "-o", f"{tmp_path}/new/", code=2, capsys=capsys)
    assert "new/ does not exist: make the folder" in told.err
