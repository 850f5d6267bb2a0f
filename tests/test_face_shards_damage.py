"""Photographs that cannot be shards: what is bad is told, and nothing is left half-written."""

import errno
import os
import sys
import zipfile

import pytest

from data import dlib_xml, face_shards, file_tree, pts_faces, youtube_faces
from landmarks import shard_set
from landmarks.shards import read_shards
from tests.face_folders import (
    bytes_in,
    element,
    packed,
    parts,
    problems_in,
    pts_folder,
    run,
    spoil,
    xml_file,
    youtube_folder,
)
from tests.test_make_pairs import keypoints


def test_a_split_without_anybody_is_told(tmp_path, face_points, capsys):
    frames = youtube_folder(tmp_path / "frames", face_points)
    told = run(
        youtube_faces, frames, tmp_path / "out", "--split", "validation", code=2, capsys=capsys
    )
    assert "gave no face of a validation person" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_bad_pictures_and_points_are_left_out_and_told(tmp_path, face_points, capsys, zipped):
    folder = spoil(tmp_path / "in", face_points)
    told = run(pts_faces, packed(folder) if zipped else folder, tmp_path / "out", capsys=capsys)
    assert "6 faces of 6 persons" in told
    assert "; 11 could not be used, the first: " in told
    used = [sample.record["file"] for sample in read_shards(tmp_path / "out")]
    assert used == ["clear.png", "cmyk.jpg", "deep.png", "g1.png", "g2.png", "grey.png"]
    reasons = problems_in(tmp_path / "out")
    for reason, wanted in zip(
        reasons,
        [
            "both.pts has several pictures (both.jpg, both.png)",
            "cut.png: is a damaged image",
            "far.png: it has 256×256 pixels, and point 67 lies outside at (1000000, 0)",
            "few.pts holds 67 points: expected 68",
            "half.png: it has 256×256 pixels, and point",
            "missing.pts: has no picture",
            "nan.pts: point 7 is",
            "one.png: has no .pts file",
            "other.png: it has 256×256 pixels, and point",
            "page.png: is not an image",
            "same.png: its points lie on one another",
        ],
        strict=True,
    ):
        assert wanted in reason


def test_nothing_is_left_where_nothing_can_be_used(tmp_path, face_points, capsys):
    folder = pts_folder(tmp_path / "in", face_points[:60], ["a", "b"])
    told = run(pts_faces, folder, tmp_path / "out", code=2, capsys=capsys)
    assert "gave no face: 2 could not be used, the first: " in told
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    for command, place, sentence in (
        (pts_faces, tmp_path / "empty", "holds no .pts file"),
        (pts_faces, tmp_path / "nowhere", "does not exist"),
        (pts_faces, folder / "a.png", "cannot be read as a .zip file"),
        (youtube_faces, folder, "has no training_frames_keypoints.csv"),
        (youtube_faces, tmp_path / "nowhere.zip", "does not exist"),
    ):
        assert sentence in run(command, place, tmp_path / "out", code=2, capsys=capsys)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--margin", "nan", "the margin is nan"),
        ("--size", 4, "the size is 4"),
        ("--limit", 0, "the limit is 0"),
        ("--per-shard", 0, "a shard of 0 samples"),
        ("--persons", "auto", "does not tell who it shows"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path, face_points, capsys, option, value, sentence):
    folder = pts_folder(tmp_path / "in", face_points, ["a"])
    told = run(pts_faces, folder, tmp_path / "out", option, value, code=2, capsys=capsys)
    assert sentence in told
    assert not (tmp_path / "out").exists()


def test_a_stopped_run_ends_in_the_same_bytes(tmp_path, face_points, capsys, monkeypatch):
    folder = spoil(tmp_path / "in", face_points)
    options = [folder, "--per-shard", 2]
    run(pts_faces, *options, tmp_path / "one")
    real, made = face_shards.encode_sample, []

    def encode(sample, **given):
        made.append(sample.key)
        if len(made) == 4:
            raise KeyboardInterrupt
        return real(sample, **given)

    monkeypatch.setattr(face_shards, "encode_sample", encode)
    told = run(pts_faces, *options, tmp_path / "two", code=2, capsys=capsys)
    assert "interrupted; finished shards are kept" in told
    told = run(pts_faces, *options, tmp_path / "two", code=2, capsys=capsys)
    assert "add --resume" in told
    run(pts_faces, *options, tmp_path / "two", "--resume")
    assert made == [f"{k:06d}" for k in (0, 1, 2, 3, 2, 3, 4, 5)]  # no finished one again
    assert bytes_in(tmp_path / "one") == bytes_in(tmp_path / "two")
    told = run(pts_faces, *options, tmp_path / "two", "--resume", capsys=capsys)
    assert "6 faces of 6 persons" in told
    assert "in 3 shards, finished before; 11 could not be used" in told
    options += [tmp_path / "two", "--resume", "--size", 64]
    assert "size was 256, is 64" in run(pts_faces, *options, code=2, capsys=capsys)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, face_points, capsys, monkeypatch):
    def full(handle, samples):
        handle.write(b"0")
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = spoil(tmp_path / "in", face_points)
    monkeypatch.setattr(shard_set, "_write_tar", full)
    told = run(pts_faces, folder, tmp_path / "out", code=2, capsys=capsys)
    assert "cannot be written: No space left on device; nothing was kept" in told
    assert not (tmp_path / "out").exists()


def test_damaged_lines_of_a_table(tmp_path, face_points, capsys):
    numbers = ",".join(["1.5"] * 135)
    more = f"d_1.png,{numbers}\ne_1.png,{numbers},nan\nf_1.png,{numbers},x\n"
    more += keypoints(["../../a_1.png", "nobody.png"], face_points).partition("\n")[2]
    frames = youtube_folder(tmp_path / "frames", face_points, test=more)
    (tmp_path / "a_1.png").touch()
    told = run(youtube_faces, frames, tmp_path / "out", capsys=capsys)
    assert "3 faces of 2 persons" in told
    wanted = ["a_1.png: is missing", "has 135 numbers", "not finite", "is damaged", "tell who"]
    reasons = problems_in(tmp_path / "out")
    assert len(reasons) == 5
    for reason, part in zip(reasons, wanted, strict=True):
        assert part in reason
    # Nobody knows of which split the frame without a name is: it is told in each.
    run(youtube_faces, frames, tmp_path / "test", "--split", "test")
    assert "tell who" in problems_in(tmp_path / "test")[-1]


def test_damaged_and_swollen_members_of_a_zip_file(tmp_path, face_points, monkeypatch, capsys):
    folder = pts_folder(tmp_path / "in", face_points, ["bomb", "good", "locked", "torn"])
    (folder / "bomb.png").write_bytes(bytes(3_000_000))
    path = packed(folder)
    assert path.stat().st_size < 200_000
    with zipfile.ZipFile(path) as archive:
        torn = archive.getinfo("torn.png")
        locked = archive.getinfo("locked.png")
    data = bytearray(path.read_bytes())
    data[torn.header_offset + 60] ^= 0xFF
    # The flag of an encrypted member, in the file's own header and in the directory's.
    directory = data.index(b"locked.png", locked.header_offset + 40) - 46
    data[locked.header_offset + 6] |= 1
    data[directory + 8] |= 1
    path.write_bytes(data)
    monkeypatch.setattr(file_tree, "MOST_BYTES", 1_000_000)
    told = run(pts_faces, path, tmp_path / "out", capsys=capsys)
    assert "1 face of 1 person" in told
    bomb, closed, broken = problems_in(tmp_path / "out")
    assert "bomb.png: has 3,000,000 bytes: at most 1,000,000 are read" in bomb
    assert "locked.png: is damaged: " in closed
    assert "encrypted" in closed
    assert "torn.png: is damaged: " in broken


def test_damaged_boxes(tmp_path, face_points, capsys):
    rows = face_points.tolist()
    box = parts(rows)
    given = xml_file(
        tmp_path / "in",
        element(box, "", box + "<part name='68' x='1' y='1'/>", box + parts(rows[:1])),
        element(parts(rows[:67]), box.replace(f"x='{rows[3][0]}'", "x='nan'"), "<label>q</label>"),
        element(box.replace("name='07'", "name='chin'"), box.replace(" y=", " z=", 1)),
        element(box, file="nowhere.png"),
        element(box, file="/dev/null"),
        element(box, more=" width='255' height='256'"),
        element(),
        "<image file='image_003_1.png'><box ignore='1'/></image>",
    )
    told = run(dlib_xml, given, tmp_path / "out", capsys=capsys)
    assert "1 face of 1 person" in told
    for reason, wanted in zip(
        problems_in(tmp_path / "out"),
        [
            "line 2: the box has no parts: expected 0 to 67",
            "line 2: part '68': expected 0 to 67",
            "line 2: part 0 is there twice",
            "line 3: 1 parts are missing, the first is 67",
            "its point 3 is [nan",
            "line 3: the box has no parts",
            "line 4: part 'chin'",
            "line 4: part 0 has no numbers x and y",
            "nowhere.png: does not exist",
            "/dev/null: is not a file",
            "image_003_1.png: has 256×256 pixels, ",
            "image_003_1.png: has no box in ",
        ],
        strict=True,
    ):
        assert wanted in reason


BOMB = (
    "<!DOCTYPE dataset [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(
        f"<!ENTITY {new} '{f'&{old};' * 10}'>"
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><dataset><image file='&j;'/></dataset>"
)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BOMB.encode(), "line 1 declares a document type"),
        (BOMB.encode("utf-16"), "line 1 declares a document type"),
        (b"<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d/>", "declares a document type"),
        (b"<dataset><image file='a.png'>", "is no well-formed XML: no element found"),
        (b"<dataset>&amp;&unknown;</dataset>", "is no well-formed XML: undefined entity"),
        (b"\x89PNG\r\n", "is no well-formed XML"),
        (b"", "is no well-formed XML"),
        (b"<?xml version='1.0' encoding='klingon'?><d/>", "is no well-formed XML"),
        (b"<dataset/>", "names no image"),
        (b"<dataset><image/></dataset>", "line 1: an image has no 'file'"),
    ],
)
def test_xml_that_is_refused(tmp_path, capsys, data, sentence):
    path = tmp_path / "faces.xml"
    path.write_bytes(data)
    assert sentence in run(dlib_xml, path, tmp_path / "out", code=2, capsys=capsys)
    assert not (tmp_path / "out").exists()


def test_a_missing_xml_file(tmp_path, capsys):
    path = tmp_path / "faces.xml"
    assert "does not exist" in run(dlib_xml, path, tmp_path / "out", code=2, capsys=capsys)
    path.mkdir()
    assert "cannot be read" in run(dlib_xml, path, tmp_path / "out", code=2, capsys=capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
def test_names_that_are_no_text(tmp_path, face_points, capsys):
    pts_folder(tmp_path / "in", face_points, ["a", "b"])
    for suffix in ("png", "pts"):
        os.rename(
            tmp_path / "in" / f"a.{suffix}", os.fsencode(tmp_path) + b"/in/\xff." + suffix.encode()
        )
    os.remove(tmp_path / "in" / "b.png")
    told = run(pts_faces, tmp_path / "in", tmp_path / "out", capsys=capsys)
    assert "1 face of 1 person" in told
    assert next(read_shards(tmp_path / "out")).record["file"] == "\\udcff.png"
