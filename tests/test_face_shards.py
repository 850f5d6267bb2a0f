"""Real photographs into shards: points stay on what they mark, whatever is bad is told."""

import csv
import errno
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from data import dlib_xml, face_shards, file_tree, pts_faces, youtube_faces
from data.face_command import photograph_of
from data.face_cut import cut_face
from landmarks import shard_set
from landmarks.files import write_points
from landmarks.samples import split_of
from landmarks.shards import read_shards
from tests.test_make_pairs import keypoints

RAMP = np.stack(
    [*np.meshgrid(np.arange(256), np.arange(256)), np.full((256, 256), 128)], axis=-1
).astype(np.uint8)
"""A picture whose red tells x and whose green tells y."""


def run(command, *arguments, code=0, capsys=None):
    if capsys is not None:
        capsys.readouterr()
    assert command.main([str(argument) for argument in arguments]) == code
    if capsys is None:
        return ""
    told = capsys.readouterr()
    assert (told.err if code else told.out).count("\n") == 1
    return told.err if code else told.out


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def problems_in(folder):
    with open(folder / "errors.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert not any(row["reason"].startswith(row["file"]) for row in rows)
    return [f"{row['file']}: {row['reason']}" for row in rows]


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def pts_folder(folder, points, names=("134212_1", "134212_2", "deep/image_0012")):
    for name in names:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RAMP).save(path)
        write_points(path.with_suffix(".pts"), points)
    return folder


def youtube_folder(folder, points, **lines):
    """Persons 'a' (a training person by its hash) and 'c' (a test person)."""
    for part, names in (("training", ["a_00.png", "c_01.png"]), ("test", ["a_10.png"])):
        (folder / part).mkdir(parents=True)
        for name in names:
            Image.fromarray(RAMP).save(folder / part / name)
        table = keypoints(names, points + youtube_faces.YOUTUBE_SHIFT) + lines.get(part, "")
        (folder / f"{part}_frames_keypoints.csv").write_text(table)
    return folder


def parts(points):
    return "".join(f"<part name='{k:02}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(points))


def xml_file(folder, *images):
    folder.mkdir(exist_ok=True)
    Image.fromarray(RAMP).save(folder / "image_003_1.png")
    path = folder / "faces.xml"
    text = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<dataset><images>"
    path.write_text(text + "".join(images) + "</images></dataset>", encoding="latin-1")
    return path


def element(*boxes, file="image_003_1.png", more=""):
    whole = "".join(f"<box top='1' left='1' width='9' height='9'>{box}</box>" for box in boxes)
    return f"<image file='{file}'{more}>{whole}</image>\n"


@pytest.fixture(params=["youtube", "youtube zip", "pts", "pts zip", "xml"])
def layout(request, tmp_path, face_points):
    """A command, what it is given, and how many faces are there."""
    kind, zipped = request.param.partition(" ")[::2]
    if kind == "xml":
        box = parts(face_points.tolist())
        return dlib_xml, xml_file(tmp_path / "in", element(box, box, more=" width='256'")), 2
    if kind == "pts":
        command, folder = pts_faces, pts_folder(tmp_path / "in", face_points)
    else:
        command, folder = youtube_faces, youtube_folder(tmp_path / "in", face_points)
    return command, packed(folder) if zipped else folder, 3


@pytest.mark.parametrize(("size", "margin"), [(256, 0.75), (256, 0.1), (120, 0.2), (101, 5)])
def test_points_stay_on_what_they_mark(layout, tmp_path, face_points, size, margin):
    command, given, count = layout
    run(command, given, tmp_path / "out", "--size", size, "--margin", margin)
    samples = list(read_shards(tmp_path / "out"))
    assert len(samples) == count
    # By hand: the box of the points, enlarged on each side, in whole pixels, as far as it goes.
    low, high = face_points.min(axis=0), face_points.max(axis=0)
    reach = margin * (high - low).max()
    wanted = [*np.floor(low - reach + 0.5), *np.ceil(high + reach + 0.5)]
    for sample in samples:
        assert sample.record["cut"] == [min(max(edge, 0), 256) for edge in wanted]
        whole = max(np.subtract(sample.record["cut"][2:], sample.record["cut"][:2]))
        assert max(sample.image.shape) == min(size, whole)
        # What the picture itself says about the places where the points lie.
        x, y = (
            map_coordinates(sample.image[..., k].astype(float), sample.points.T[::-1], order=1)
            for k in (0, 1)
        )
        error = np.abs(np.stack([x, y], axis=1) - face_points)
        scale = max(1, whole / size)
        assert error.max() < 2.5 * scale  # a level of a JPEG's colours is a pixel here
        assert error.mean() < 0.6 * scale
        assert np.abs(np.mean([x, y], axis=1) - face_points.mean(axis=0)).max() < 0.25 * scale


@pytest.mark.parametrize("size", [100, 500])
def test_points_are_exact_but_for_rounding(layout, tmp_path, face_points, size):
    command, given, _ = layout
    run(command, given, tmp_path / "out.tar", "--size", size)
    for sample in read_shards(tmp_path / "out.tar"):
        left, top, right, bottom = sample.record["cut"]
        height, width = sample.image.shape[:2]
        ratio = np.array([width / (right - left), height / (bottom - top)])
        wanted = (face_points - [left, top] + 0.5) * ratio - 0.5
        np.testing.assert_allclose(sample.points, wanted, atol=0.0051)
        if "taken_off" in sample.record:
            published = (face_points + 1 - [left, top] + 0.5) * ratio - 0.5
            got = sample.points + sample.record["taken_off"]
            np.testing.assert_allclose(got, published, atol=0.02)


def test_a_cut_ends_in_whole_pixels_around_all_points():
    points = np.full((68, 2), 50.0)
    points[0], points[1] = [40.6, 40.4], [60.4, 60.6]
    # Pixel 41 reaches from 40.5 to 41.5: its edges are 41 and 42 when counted from the corner.
    assert cut_face(RAMP, points, margin=0).cut == (41, 40, 61, 62)


def test_the_records_of_each_layout(tmp_path, face_points):
    frames = youtube_folder(tmp_path / "frames", face_points)
    run(youtube_faces, frames, tmp_path / "y")
    record = next(read_shards(tmp_path / "y")).record
    assert (record["person"], record["scheme"], record["source"]) == ("a", "ibug-68", "frames")
    assert [sample.record["file"] for sample in read_shards(tmp_path / "y")] == [
        "training/a_00.png",
        "training/c_01.png",
        "test/a_10.png",
    ]
    run(pts_faces, packed(pts_folder(tmp_path / "helen", face_points)), tmp_path / "p")
    told = [list(sample.record.values())[:4] for sample in read_shards(tmp_path / "p")]
    assert told == [
        ["134212", "ibug-68", "helen", "134212_1.png"],
        ["134212", "ibug-68", "helen", "134212_2.png"],
        ["image_0012", "ibug-68", "helen", "deep/image_0012.png"],
    ]
    given = xml_file(tmp_path / "x", element(parts(face_points.tolist())))
    run(dlib_xml, given, tmp_path / "d", "--source", "mine")
    told = [list(sample.record.values())[:4] for sample in read_shards(tmp_path / "d")]
    assert told == [["image_003", "ibug-68", "mine", "image_003_1.png"]]


def test_a_zip_file_gives_what_its_folder_gives(tmp_path, face_points):
    folder = pts_folder(tmp_path / "in", face_points)
    run(pts_faces, folder, tmp_path / "one")
    run(pts_faces, packed(folder), tmp_path / "two")
    one, two = bytes_in(tmp_path / "one"), bytes_in(tmp_path / "two")
    assert one["shard-000000.tar"] == two["shard-000000.tar"]


def test_splits_go_by_person(tmp_path, face_points):
    frames = youtube_folder(tmp_path / "frames", face_points)
    found = {}
    for split in ("train", "test"):
        run(youtube_faces, frames, tmp_path / split, "--split", split)
        found[split] = [sample.record["file"] for sample in read_shards(tmp_path / split)]
        assert {split_of(s.record["person"]) for s in read_shards(tmp_path / split)} == {split}
    assert found == {"train": ["training/a_00.png", "test/a_10.png"], "test": ["training/c_01.png"]}
    run(youtube_faces, frames, tmp_path / "leaks", "--published", "test")
    assert [s.record["file"] for s in read_shards(tmp_path / "leaks")] == ["test/a_10.png"]


def test_a_split_without_anybody_is_told(tmp_path, face_points, capsys):
    frames = youtube_folder(tmp_path / "frames", face_points)
    told = run(
        youtube_faces, frames, tmp_path / "out", "--split", "validation", code=2, capsys=capsys
    )
    assert "gave no face of a validation person" in told
    assert not (tmp_path / "out").exists()


def test_who_is_in_a_picture(tmp_path, face_points, capsys):
    names = {
        "afw/134212_2.jpg": "134212",
        "image_003_1_mirror.jpg": "image_003",
        "lfpw/trainset/image_0012.png": "image_0012",
        "indoor_014.png": "indoor_014",
        "2008_002470.jpg": "2008_002470",
    }
    assert {name: photograph_of(name) for name in names} == names
    folder = pts_folder(tmp_path / "in", face_points, ["x/Ann_1", "x/Bob_0002", "y/Bob_3"])
    for rule, persons in (
        ("photo", ["Ann_1", "Bob_0002", "Bob_3"]),
        ("name", ["Ann", "Bob", "Bob"]),
        ("auto", ["Ann", "Bob", "Bob"]),
        ("folder", ["x", "x", "y"]),
        ("each", ["x/Ann_1", "x/Bob_0002", "y/Bob_3"]),
    ):
        run(pts_faces, folder, tmp_path / rule, "--persons", rule)
        assert [s.record["person"] for s in read_shards(tmp_path / rule)] == persons
    told = run(pts_faces, folder, tmp_path / "y", "--below", "y", "--limit", 1, capsys=capsys)
    assert "1 face of 1 person (by the photograph: each shows other people) in 1 shard" in told
    assert next(read_shards(tmp_path / "y")).record["file"] == "y/Bob_3.png"


def test_a_limit_counts_the_photographs_of_the_split(tmp_path, face_points):
    names = [f"p{number}_1" for number in range(40)]
    folder = pts_folder(tmp_path / "in", face_points, names)
    given = "--persons", "name", "--split", "test", "--limit", 2
    run(pts_faces, folder, tmp_path / "out", *given)
    ours = [name[:-2] for name in sorted(names) if split_of(name[:-2]) == "test"]
    assert [name[:-2] for name in sorted(names)][:2] != ours[:2]
    assert [sample.record["person"] for sample in read_shards(tmp_path / "out")] == ours[:2]


def spoil(folder, face_points):
    """Six pictures that can be used, in the modes of other cameras, and eleven that cannot."""
    pts_folder(folder, face_points, ["g1", "g2", "cut", "page", "one", "both"])
    image = Image.fromarray(RAMP)
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.fromarray(RAMP[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    image.convert("RGBA").save(folder / "clear.png")
    image.convert("L").save(folder / "grey.png")
    for name in ["cmyk", "deep", "clear", "grey", "missing"]:
        write_points(folder / f"{name}.pts", face_points)
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:400])
    (folder / "page.png").write_text("<html>404</html>")
    (folder / "one.pts").unlink()
    image.save(folder / "both.jpg")
    for name, points in (
        ("few", face_points[:67]),
        ("other", face_points + 300),
        ("far", np.concatenate([face_points[:67], [[1e6, 0]]])),
        ("half", (face_points - face_points.max(axis=0)) / 2.5 + 10),
        ("same", np.full((68, 2), 100.0)),
    ):
        image.save(folder / f"{name}.png")
        write_points(folder / f"{name}.pts", points)
    image.save(folder / "nan.png")
    text = (folder / "g1.pts").read_text().splitlines()
    text[10] = "nan 3"
    (folder / "nan.pts").write_text("\n".join(text))
    (folder / "._g1.pts").write_text("left by another system")
    return folder


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


def test_a_face_that_the_border_cuts_is_kept(tmp_path, face_points):
    folder = pts_folder(tmp_path / "in", face_points - [80, 0], ["edge"])
    run(pts_faces, folder, tmp_path / "out")
    points = next(read_shards(tmp_path / "out")).points
    assert (points[:, 0] < -0.5).sum() > 3
    np.testing.assert_allclose(points, face_points - [80, 0], atol=0.0051)


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


def test_the_set_says_what_made_it(tmp_path, face_points):
    run(pts_faces, pts_folder(tmp_path / "in", face_points), tmp_path / "out", "--margin", 0.5)
    told = json.loads((tmp_path / "out" / "set.json").read_text())
    settings = told["settings"]
    assert (settings["source"], settings["margin"], settings["split"]) == ("in", 0.5, "all")
    assert (told["samples"], told["people"]) == (3, 2)
