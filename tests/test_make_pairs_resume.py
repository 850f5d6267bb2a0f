"""A run is gone on with only where its photographs are the same, not where their sizes are."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from data.dlib_xml import xml_photos
from data.file_tree import FileTree
from landmarks import write_points
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import writing_set
from tests.test_make_pairs import run


def one_person(place, person, portrait, face_points):
    with writing_set(place, {"seed": person}, per_shard=4) as shards:
        points = face_points.round(2)
        made = Sample("a", portrait[:260, :280], points, None, None, {"person": person})
        shards.add("a", encode_sample(made))


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("single", [True, False])
def test_resume_tells_shards_of_other_people_of_the_same_size(
    tmp_path, portrait, face_points, capsys, single, described
):
    people, out = tmp_path / ("people.tar" if single else "people"), tmp_path / "out"
    shard = people if single else people / "shard-000000.tar"
    told = tmp_path / "people.tar.json" if single else people / "set.json"
    sizes = []
    for person, code in [(3, 0), (3, 0), (4, 2)]:
        one_person(people, person, portrait, face_points)
        sizes.append(shard.stat().st_size)
        if not described:
            told.unlink()
        error = run(people, out, "--resume", code=code, capsys=capsys)
        assert ("with other settings (photographs was" in error) == (code == 2)
        shard.unlink()
        told.unlink(missing_ok=True)
    assert len(set(sizes)) == 1


def test_resume_tells_photographs_and_landmarks_that_changed_within_their_size(
    tmp_path, face_points, capsys
):
    photos, points = tmp_path / "photos", tmp_path / "points"
    photos.mkdir()
    points.mkdir()
    for name in ("Ann_02", "Bob_5"):
        Image.fromarray(np.full((260, 280, 3), 90, np.uint8)).save(photos / f"{name}.png")
        write_points(points / f"{name}.txt", face_points)
    given = (photos, tmp_path / "out", "--landmarks", points, "--resume")
    run(*given)
    run(*given)
    for file in (photos / "Bob_5.png", points / "Ann_02.txt"):
        before = file.read_bytes()
        file.write_bytes(before[:-2] + b"7" + before[-1:])
        told = run(*given, code=2, capsys=capsys)
        assert "with other settings (photographs was" in told, file
        file.write_bytes(before)
    run(*given)


def test_a_folder_and_a_zip_file_of_it_have_one_fingerprint(tmp_path):
    folder, packed = tmp_path / "frames", tmp_path / "frames.zip"
    (folder / "test").mkdir(parents=True)
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("a.csv", "test/a_1.jpg"):
            (folder / name).write_bytes(b"content of " + name.encode())
            archive.write(folder / name, name)
    assert FileTree(str(folder)).fingerprint == FileTree(str(packed)).fingerprint
    (folder / "a.csv").write_bytes(b"CONTENT of a.csv")
    assert FileTree(str(folder)).fingerprint != FileTree(str(packed)).fingerprint


def test_an_xml_file_is_known_with_its_pictures(tmp_path):
    xml = tmp_path / "faces.xml"
    xml.write_text("<images><image file='a.jpg'></image></images>")
    prints = []
    for content in (b"one", b"two"):
        (tmp_path / "a.jpg").write_bytes(content)
        prints.append(xml_photos(str(xml)).fingerprint)
    assert prints[0] != prints[1]
