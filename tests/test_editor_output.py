"""What is written says that it was edited, keeps its colours, and is upright."""

import os

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from gan.editor.film import reduced, rising, there_and_back, write_film
from gan.editor.output import FORMATS, check_output, read_origin, write_edited
from gan.editor.square import into
from gan.marked_png import EDITED
from landmarks.errors import InputError
from landmarks.image import read_image

TOLD = {"Emotion": "happiness", "Intensity": "1 asked, 0.97 read back"}
LINE = f"{EDITED.sentence} Emotion: happiness. Intensity: 1 asked, 0.97 read back."
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def original(picture, tmp_path):
    """A photograph on its side, with what cameras write."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:02:03 04:05:06"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    path = tmp_path / "original.jpg"
    Image.fromarray(picture).save(path, exif=exif, icc_profile=PROFILE)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".gif"])
def test_every_format_holds_the_mark(suffix, picture, original, tmp_path):
    path = tmp_path / f"edited{suffix}"
    write_edited(path, picture, TOLD, read_origin(original))
    with Image.open(path) as opened:
        opened.load()
        exif, info = opened.getexif(), opened.info
    if suffix == ".gif":
        assert info["comment"] == LINE.encode()
        return
    packet = info.get("xmp") or info["XML:com.adobe.xmp"].encode()
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in packet
    assert LINE.encode() in packet
    assert exif[ExifTags.Base.ImageDescription] == LINE
    assert exif[ExifTags.Base.Software] == "landmark-calibrated-expressions"
    assert exif[ExifTags.Base.Orientation] == 1
    assert info["icc_profile"] == PROFILE
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    if suffix == ".png":
        assert info["Emotion"] == "happiness"
    if suffix != ".tif":
        assert exif[ExifTags.Base.Make] == "Maker"
        kept = exif.get_ifd(ExifTags.IFD.Exif)
        assert kept[ExifTags.Base.DateTimeOriginal] == "2020:02:03 04:05:06"
    if suffix != ".jpg":
        assert (read_image(path) == picture).all()


def test_profiles_of_other_colours_and_damaged_entries_are_left_out(picture, tmp_path):
    path = tmp_path / "grey.png"
    grey = b"\0" * 16 + b"GRAY" + b"\0" * 108
    Image.fromarray(picture).save(path, icc_profile=grey)
    assert read_origin(path).profile is None
    path = tmp_path / "damaged.jpg"
    damaged = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"
    Image.fromarray(picture).save(path, exif=damaged)
    write_edited(tmp_path / "edited.jpg", picture, TOLD, read_origin(path))
    assert (tmp_path / "edited.jpg").stat().st_size


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_authors_name_is_kept_as_it_was_written(suffix, picture, tmp_path):
    author, lens = "Zoë Weiß".encode(), "Überblick 50 mm".encode()
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = author
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = lens
    Image.fromarray(picture).save(tmp_path / "from.jpg", exif=exif)
    assert author in (tmp_path / "from.jpg").read_bytes()
    write_edited(tmp_path / f"to{suffix}", picture, TOLD, read_origin(tmp_path / "from.jpg"))
    with Image.open(tmp_path / f"to{suffix}") as opened:
        kept = opened.getexif()
        assert kept[ExifTags.Base.Artist].encode("latin-1") == author
        found = kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel]
    assert (found if isinstance(found, bytes) else found.encode("latin-1")).rstrip(b"\0") == lens


def test_entries_too_long_for_a_jpeg_are_left_out_and_the_mark_stays(picture, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A" * 70_000
    Image.fromarray(picture).save(tmp_path / "from.png", exif=exif)
    origin = read_origin(tmp_path / "from.png")
    assert len(origin.exif[ExifTags.Base.Artist]) == 70_000
    write_edited(tmp_path / "to.jpg", picture, TOLD, origin)
    with Image.open(tmp_path / "to.jpg") as opened:
        kept = opened.getexif()
    assert kept[ExifTags.Base.ImageDescription] == LINE
    assert ExifTags.Base.Artist not in kept


@pytest.mark.parametrize("name", ["a.bmp", "a.ppm", "a", "a.mp4"])
def test_formats_without_a_place_for_the_mark_are_refused(name, picture, tmp_path):
    with pytest.raises(InputError, match=r"cannot hold the mark .* \.png, \.jpg, .* \.gif"):
        write_edited(tmp_path / name, picture, TOLD)
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written_are_told_beforehand(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        check_output(tmp_path / "none" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path / "folder.png")
    assert set(FORMATS.values()) == {"PNG", "JPEG", "WEBP", "TIFF", "GIF"}


def moving(count=7):
    """A square that goes from left to right over noise."""
    ground = np.random.default_rng(2).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    frames = []
    for place in range(count):
        frame = cv2.GaussianBlur(ground, (0, 0), 3)
        frame[10:20, 4 + 6 * place : 14 + 6 * place] = (250, 40, 40)
        frames.append(frame)
    return frames


def test_what_does_not_move_stays_still_in_a_gif(tmp_path):
    frames = moving()
    write_film(tmp_path / "film.gif", there_and_back(frames), 25, TOLD)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 12
        assert film.info["comment"] == LINE.encode()
        assert film.info["duration"] == 40
        shown = []
        for number in range(film.n_frames):
            film.seek(number)
            shown.append(np.asarray(film.convert("RGB"), int))
    assert np.ptp([frame[24:] for frame in shown], axis=0).max() == 0
    assert np.abs(shown[3] - frames[3]).mean() < 6
    assert (shown[11] == shown[1]).all()


def test_an_mp4_has_its_frames_colours_and_mark(tmp_path):
    path = tmp_path / "film.mp4"
    write_film(path, moving(), 25, TOLD)
    assert LINE.encode() in path.read_bytes()
    film = cv2.VideoCapture(str(path))
    read = [film.read() for _ in range(8)]
    film.release()
    assert [there for there, _ in read] == [True] * 7 + [False]
    assert read[0][1][12:18, 6:12, ::-1].mean(axis=(0, 1)) == pytest.approx([250, 40, 40], abs=9)


def test_films_begin_neutral_rise_slowly_and_come_back():
    half = rising(2, 10, 0.8)
    assert (half[0], half[-1]) == (0, pytest.approx(0.8))
    steps = np.diff(half)
    assert (steps > 0).all()
    assert max(steps[0], steps[-1]) < steps.max() / 3
    assert there_and_back([0, 1, 2, 3]) == [0, 1, 2, 3, 2, 1]
    for seconds, fps in [(0, 25), (-1, 25), (3, 0), (3, 100), (1000, 25), (float("nan"), 25)]:
        with pytest.raises(InputError, match="expected more than 0 s"):
            rising(seconds, fps, 1)


def test_frames_are_small_and_even():
    frame, matrix = reduced(np.zeros((601, 1201, 3), np.uint8), ".gif")
    assert frame.shape == (240, 480, 3)
    # The photograph's corners are the frame's.
    assert into(matrix, [(-0.5, -0.5), (1200.5, 600.5)]) == pytest.approx(
        np.array([(-0.5, -0.5), (479.5, 239.5)])
    )
    assert reduced(np.zeros((301, 101, 3), np.uint8), ".mp4")[0].shape == (300, 100, 3)


def test_a_failed_write_leaves_what_was_there(picture, tmp_path, monkeypatch):
    path = tmp_path / "edited.png"
    path.write_bytes(b"before")

    def full(*given, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_edited(path, picture, TOLD)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["edited.png"]
