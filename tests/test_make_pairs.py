"""Pairs from photographs, tables, shards and zip files: the bytes, the numbers, the bad input."""

import csv
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from data import make_pairs, pair_set
from data.people import __main__ as synthetic
from data.persons import choose_rule, person_in_name
from data.youtube_faces import youtube_photos
from gan.frame import Frame, read_frame
from gan.pair_table import read_pair_table
from landmarks import detect, read_image, read_table, write_points
from landmarks.errors import InputError, PointsError
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import writing_set
from landmarks.shards import read_shards
from landmarks.tables import Row, write_table
from tests import made_up_head


def run(*arguments, code=0, capsys=None):
    given = [str(argument) for argument in arguments]
    if "--jobs" not in given:
        given += ["--jobs", "1"]
    assert make_pairs.main(given) == code
    return capsys.readouterr().err if capsys else ""


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def people(tmp_path, face_points):
    """Four pictures of two persons with a table of landmarks; noise, since nothing is detected."""
    rng = np.random.default_rng(0)
    photos = tmp_path / "photos"
    photos.mkdir()
    table = tmp_path / "points.csv"
    with write_table(table) as write:
        for number, name in enumerate(["Ann_01", "Ann_02", "Bob_5", "Bob_7"]):
            pixels = rng.integers(0, 256, (260, 280, 3), np.uint8)
            Image.fromarray(pixels).save(photos / f"{name}.png")
            points = face_points + number
            write(Row(str(photos / f"{name}.png"), 0, None, None, points))
    return photos, table


def test_names_and_numbers(people, tmp_path):
    photos, table = people
    run(photos, tmp_path / "out", "--landmarks", table, "--size", 64)
    pictures = [f"PID{p}_CLEAN{c}_IID{k}.jpg" for p in (1, 2) for c in (0, 1) for k in (1, 2)]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted([*pictures, "pairs.csv", "pairs.json"])
    records = read_pair_table(tmp_path / "out")
    assert [(r.name, r.source[-10:]) for r in records.values()] == [
        ("Ann", "Ann_01.png"),
        ("Ann", "Ann_02.png"),
        ("Bob", "/Bob_5.png"),
        ("Bob", "/Bob_7.png"),
    ]
    assert read_frame(tmp_path / "out") == Frame(64)
    rows = list(read_table(tmp_path / "out" / "pairs.csv"))
    np.testing.assert_array_equal(rows[3].points, records[2, 2].points)


def test_both_pictures_of_a_pair_show_the_same_face(people, tmp_path):
    photos, table = people
    run(photos, tmp_path / "out", "--landmarks", table, "--size", 64, "--margin", 0.5)
    record = read_pair_table(tmp_path / "out")[2, 1]
    wanted = next(row for row in read_table(table) if "Bob_5" in row.file).points
    # By hand: the longer side of the box, doubled, becomes 64 pixels, and its middle theirs.
    scale = 64 / (2 * np.ptp(wanted, axis=0).max())
    middle = (wanted.min(axis=0) + wanted.max(axis=0)) / 2
    np.testing.assert_allclose(record.points, (wanted - middle) * scale + 31.5, atol=1e-4)
    drawn = read_image(tmp_path / "out" / record.file(0))
    np.testing.assert_allclose(drawn, Frame(64).draw(record.points), atol=6)
    photo = read_image(record.source)
    face = read_image(tmp_path / "out" / record.file(1)).astype(float)
    assert np.abs(face - Frame(64, 0.5).cut(photo, wanted)).mean() < 12  # noise, as JPEG


def test_the_bytes_depend_neither_on_jobs_nor_on_a_stop(people, tmp_path, monkeypatch):
    photos, table = people
    run(photos, tmp_path / "one", "--landmarks", table)
    run(photos, tmp_path / "two", "--landmarks", table, "--jobs", 2)
    assert bytes_in(tmp_path / "one") == bytes_in(tmp_path / "two")

    real, made = pair_set.work, []

    def interrupted(task):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(task)
        return real(task)

    monkeypatch.setattr(pair_set, "work", interrupted)
    run(photos, tmp_path / "three", "--landmarks", table, code=2)
    assert "pairs.json" not in bytes_in(tmp_path / "three")
    monkeypatch.setattr(pair_set, "work", lambda task: made.append(task) or real(task))
    run(photos, tmp_path / "three", "--landmarks", table, "--resume")
    assert len(made) == 4  # nothing was made twice
    assert bytes_in(tmp_path / "one") == bytes_in(tmp_path / "three")


def test_resume_tells_what_changed(people, tmp_path, capsys):
    photos, table = people
    out = tmp_path / "out"
    run(photos, out, "--landmarks", table)
    assert "finished pairs" in run(photos, out, "--landmarks", table, code=2, capsys=capsys)
    told = run(photos, out, "--landmarks", table, "--resume", capsys=capsys)
    assert "4 pairs of 2 persons (by the file's name without its number), 4 made before" in told
    told = run(photos, out, "--landmarks", table, "--resume", "--size", 64, code=2, capsys=capsys)
    assert "size was 128, is 64" in told


def test_photographs_are_searched(folder, tmp_path, capsys):
    told = run(folder, tmp_path / "out", "--persons", "each", capsys=capsys)
    assert "4 pairs of 4 persons (by the picture: each shows another person); 1 without" in told
    with open(tmp_path / "out" / "errors.csv", newline="") as handle:
        reasons = {row["file"].rsplit("/")[-1]: row["reason"] for row in csv.DictReader(handle)}
    assert set(reasons) == {"empty.png", "page.jpg", "zero.jpg"}
    assert reasons["empty.png"] == "no face found"
    record = next(iter(read_pair_table(tmp_path / "out").values()))
    face = detect(read_image(record.source), faces="largest")[0]
    np.testing.assert_allclose(record.points, Frame().place(face.points), atol=1e-3)


def test_labels_tell_persons_emotions_and_intensities(people, tmp_path):
    photos, table = people
    labels = tmp_path / "labels.csv"
    labels.write_text("file,person,emotion,intensity\nAnn_01.png,Zoe,fear,0.5\nBob_5.png,Ann,,\n")
    run(photos, tmp_path / "out", "--landmarks", table, "--labels", labels)
    records = read_pair_table(tmp_path / "out")
    told = [(r.name, r.emotion, r.intensity) for r in records.values()]
    assert told == [("Zoe", "fear", 0.5), ("Ann", "", None)]
    errors = (tmp_path / "out" / "errors.csv").read_text()
    assert errors.count("does not tell who it shows") == 2


def test_a_folder_of_points_of_several_faces(people, tmp_path):
    photos, table = people
    points = tmp_path / "points"
    points.mkdir()
    for row in read_table(table):
        stem = row.file.rsplit("/")[-1][:-4]
        write_points(points / f"{stem}.pts", row.points)
    write_points(points / "Ann_01_face1.pts", row.points * 1.5 - 60)  # a larger face
    run(photos, tmp_path / "table", "--landmarks", table, "--persons", "each")
    run(photos, tmp_path / "folder", "--landmarks", points, "--persons", "each")
    one, two = bytes_in(tmp_path / "table"), bytes_in(tmp_path / "folder")
    assert one["PID2_CLEAN1_IID1.jpg"] == two["PID2_CLEAN1_IID1.jpg"]
    assert one["PID1_CLEAN1_IID1.jpg"] != two["PID1_CLEAN1_IID1.jpg"]


def test_landmarks_of_another_picture_are_told(people, tmp_path):
    photos, table = people
    (photos / "Bob_7.png").unlink()
    Image.new("RGB", (40, 40)).save(photos / "Bob_7.png")
    run(photos, tmp_path / "out", "--landmarks", table)
    assert "40×40 pixels and landmarks around" in (tmp_path / "out/errors.csv").read_text()


def keypoints(names, points):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *range(136)])
    for name in names:
        writer.writerow([name, *points.ravel().tolist()])
    return text.getvalue()


@pytest.fixture
def frames(tmp_path, portrait, face_points):
    """A zip file in the layout of the YouTube frames; h of the persons: 'a' train, 'c' test."""
    path = tmp_path / "frames.zip"
    image = io.BytesIO()
    Image.fromarray(portrait[:260, :280]).save(image, "JPEG")
    with zipfile.ZipFile(path, "w") as archive:
        for table, names in (
            ("training", ["a_00.jpg", "c_01.jpg"]),
            ("test", ["a_10.jpg", "a_11.jpg"]),
        ):
            archive.writestr(f"{table}_frames_keypoints.csv", keypoints(names, face_points))
            for name in names:
                if name != "a_11.jpg":
                    archive.writestr(f"{table}/{name}", image.getvalue())
    return path


def test_youtube_frames_are_split_by_person(frames, tmp_path, face_points):
    run(frames, tmp_path / "all")
    records = read_pair_table(tmp_path / "all")
    wanted = {"a": "train", "c": "test"}
    for name, split in wanted.items():
        h = hashlib.sha256(name.encode()).digest()[0]
        assert split == ("test" if h < 51 else "validation" if h < 77 else "train")
    assert {r.name: r.split for r in records.values()} == wanted
    assert [r.source.split(".zip/")[1] for r in records.values()] == [
        "training/a_00.jpg",
        "training/c_01.jpg",
        "test/a_10.jpg",
    ]
    assert "is missing" in (tmp_path / "all" / "errors.csv").read_text()
    run(frames, tmp_path / "test", "--split", "test")
    assert list(read_pair_table(tmp_path / "test")) == [(2, 1)]  # numbers as in the whole set
    # The labels lie a pixel right of and below what they mark.
    first = next(youtube_photos(str(frames)).stream())
    np.testing.assert_allclose(first.points, face_points - 1)


def test_shards_of_synthetic_people(tmp_path, portrait, face_points):
    records = [
        {"person": 7, "emotion": "anger", "intensity": 0.25},
        {"person": 3, "emotion": "neutral"},
        {"emotion": "fear"},
    ]
    with writing_set(tmp_path / "people.tar", {"seed": 0}, per_shard=4) as shards:
        for k, record in enumerate(records):
            key = f"{k:06d}"
            made = Sample(key, portrait[:260, :280], face_points.round(2), None, None, record)
            shards.add(key, encode_sample(made))
    run(tmp_path / "people.tar", tmp_path / "out")
    got = list(read_pair_table(tmp_path / "out").values())
    told = [(r.name, r.emotion, r.intensity) for r in got]
    assert told == [("7", "anger", 0.25), ("3", "neutral", None)]
    np.testing.assert_allclose(got[0].points, Frame().place(face_points.round(2)), atol=1e-4)
    assert "does not tell who it shows" in (tmp_path / "out" / "errors.csv").read_text()


def test_rendered_shards(tmp_path):
    head = made_up_head.write_npz(tmp_path / "head")
    given = [tmp_path / "set", "--ict", head, "--people", 2, "--per-person", 2, "--size", 64]
    given += ["--preview", "--jobs", 1]
    assert synthetic.main([str(argument) for argument in given]) == 0
    run(tmp_path / "set", tmp_path / "out", "--size", 64)
    samples = list(read_shards(tmp_path / "set"))
    got = list(read_pair_table(tmp_path / "out").values())
    assert [r.name for r in got] == [str(sample.record["person"]) for sample in samples]
    for record, sample in zip(got, samples, strict=True):
        assert record.emotion == (sample.record.get("emotion") or "")
        np.testing.assert_allclose(record.points, Frame(64).place(sample.points), atol=1e-3)
        face = read_image(tmp_path / "out" / record.file(1)).astype(float)
        assert np.abs(face - Frame(64).cut(sample.image, sample.points)).mean() < 8  # JPEG


def test_a_folder_that_got_no_pair_may_be_used_again(people, tmp_path, capsys):
    photos, table = people
    blank = tmp_path / "blank"
    blank.mkdir()
    Image.new("RGB", (64, 64)).save(blank / "Ann_1.png")
    told = run(blank, tmp_path / "out", code=2, capsys=capsys)
    assert "no pair could be made" in told
    assert not list((tmp_path / "out").iterdir())
    run(photos, tmp_path / "out", "--landmarks", table)


def test_a_finished_set_still_counts_what_it_refused(folder, tmp_path, capsys):
    first = run(folder, tmp_path / "out", "--persons", "each", capsys=capsys)
    again = run(folder, tmp_path / "out", "--persons", "each", "--resume", capsys=capsys)
    for told in (first, again):
        assert "; 1 without a face; 2 could not be used" in told
        assert "errors.csv" in told


@pytest.mark.parametrize("text", ["{", "[]", '{"frame": {}, "pairs": "many"}', '{"settings": 3}'])
def test_a_damaged_description_is_told(people, tmp_path, capsys, text):
    photos, table = people
    run(photos, tmp_path / "out", "--landmarks", table)
    path = tmp_path / "out" / "pairs.json"
    if "many" in text:
        text = json.dumps({**json.loads(path.read_text()), "pairs": "many"})
    path.write_text(text)
    capsys.readouterr()
    told = run(photos, tmp_path / "out", "--landmarks", table, "--resume", code=2, capsys=capsys)
    assert "is damaged" in told or "with other settings" in told
    assert told.count("\n") == 1


def test_only_processes_that_cannot_start_are_bad_input(people, tmp_path, monkeypatch, capsys):
    photos, table = people

    def fails(task):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(pair_set, "work", fails)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        run(photos, tmp_path / "out", "--landmarks", table)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", 8], "the size is 8: expected 16"),
        (["--margin", "nan"], "the margin is nan"),
        (["--thickness", 0], "the thickness is 0"),
        (["--border", 1.5], "the border is 1.5: expected 0 to 1"),
        (["--border", "nan"], "the border is nan: expected 0 to 1"),
        (["--jobs", 0], "--jobs is 0"),
        (["--landmarks", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--labels", "nowhere.csv"], "nowhere.csv does not exist"),
    ],
)
def test_bad_settings_are_one_sentence(people, tmp_path, capsys, arguments, sentence):
    told = run(people[0], tmp_path / "out", *arguments, code=2, capsys=capsys)
    assert sentence in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_bad_folders_are_one_sentence(people, tmp_path, capsys):
    photos, table = people
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    (tmp_path / "foreign.csv").write_text("file,person\nX.png,x\n")
    out = tmp_path / "out"
    for arguments, sentence in [
        ((tmp_path / "nowhere", out), "does not exist"),
        ((tmp_path / "empty", out), "holds no image"),
        ((tmp_path / "text.zip", out), "cannot be read as a .zip file"),
        ((photos, tmp_path / "other", "--landmarks", table), "holds other files (letter.txt)"),
        ((photos, out, "--labels", tmp_path / "foreign.csv"), "names no picture"),
        ((photos, photos / "out"), "would become photographs"),
    ]:
        told = run(*arguments, code=2, capsys=capsys)
        assert sentence in told
        assert told.count("\n") == 1
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"")
    told = run(tmp_path / "photos.zip", out, code=2, capsys=capsys)
    assert "has no training_frames_keypoints.csv" in told


def test_who_is_in_a_photograph():
    assert person_in_name("a/Al_Gore_0002.jpg") == "Al_Gore"
    assert person_in_name("Ann-3.png") == "Ann"
    assert person_in_name("0002.jpg") is None
    assert person_in_name("Ann.jpg") is None
    assert choose_rule("auto", ["Ann_1.jpg", "x/Bob_2.jpg"]) == "name"
    assert choose_rule("auto", ["ann/1.jpg", "bob/2.jpg"]) == "folder"
    with pytest.raises(InputError, match="face.jpg does not tell who it shows"):
        choose_rule("auto", ["ann/1.jpg", "face.jpg"])


def test_a_frame_moves_with_the_face_and_keeps_what_lies_in_it(face_points):
    frame = Frame(128, 0.3)
    placed = frame.place(face_points)
    np.testing.assert_allclose(frame.place(face_points * 3 + [40, -7]), placed, atol=1e-9)
    np.testing.assert_allclose(frame.place(placed), placed, atol=1e-9)
    assert Frame.of(json.loads(json.dumps(frame.record()))) == frame
    for bad in (face_points[:67], face_points * np.nan, np.ones((68, 2))):
        with pytest.raises(PointsError, match="landmarks"):
            frame.place(bad)
