"""Real photographs into shards: points stay on what they mark."""

import json

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from data import dlib_xml, pts_faces, youtube_faces
from data.face_command import photograph_of
from data.face_cut import cut_face
from landmarks.samples import split_of
from landmarks.shards import read_shards
from tests.face_folders import (
    RAMP,
    bytes_in,
    element,
    packed,
    parts,
    pts_folder,
    run,
    xml_file,
    youtube_folder,
)


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


def test_a_face_that_the_border_cuts_is_kept(tmp_path, face_points):
    folder = pts_folder(tmp_path / "in", face_points - [80, 0], ["edge"])
    run(pts_faces, folder, tmp_path / "out")
    points = next(read_shards(tmp_path / "out")).points
    assert (points[:, 0] < -0.5).sum() > 3
    np.testing.assert_allclose(points, face_points - [80, 0], atol=0.0051)


def test_the_set_says_what_made_it(tmp_path, face_points):
    run(pts_faces, pts_folder(tmp_path / "in", face_points), tmp_path / "out", "--margin", 0.5)
    told = json.loads((tmp_path / "out" / "set.json").read_text())
    settings = told["settings"]
    assert (settings["source"], settings["margin"], settings["split"]) == ("in", 0.5, "all")
    assert (told["samples"], told["people"]) == (3, 2)
