"""What pairs are made of: damaged shards, folders that are no persons, faces at the border."""

import numpy as np
import pytest
from PIL import Image

from data.pair_work import _beyond
from data.persons import choose_rule, person_of
from data.photos import folder_photos
from gan.pair_table import read_pair_table
from landmarks import write_points
from landmarks.errors import InputError
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import writing_set
from tests.test_make_pairs import run


def write_shard(path, face_points, persons):
    """One .tar file without a description, one picture for each person."""
    rng = np.random.default_rng(0)
    with writing_set(path, {}, per_shard=100) as shards:
        for number, person in enumerate(persons):
            image = rng.integers(0, 256, (260, 280, 3), np.uint8)
            key = f"{number:06d}"
            made = Sample(key, image, face_points.round(2), None, None, {"person": person})
            shards.add(key, encode_sample(made))
    path.with_name(f"{path.name}.json").unlink()


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop_the_end(path):
    """As if it was cut off exactly between two files."""
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data + bytes(-len(data) % 512))


def write_text(path):
    path.write_text("# Data\n" * 400)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut_in_half, "was cut off"),
        (drop_the_end, "was cut off"),
        (write_text, "is not a tar file"),
    ],
)
def test_a_damaged_shard_alone_is_refused_before_the_first_pair(
    tmp_path, face_points, capsys, damage, sentence
):
    write_shard(tmp_path / "people.tar", face_points, [1, 2, 3, 4])
    damage(tmp_path / "people.tar")
    told = run(tmp_path / "people.tar", tmp_path / "out", code=2, capsys=capsys)
    assert sentence in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [cut_in_half, drop_the_end, write_text])
def test_of_a_damaged_shard_among_whole_ones_the_rest_is_lost_and_told(
    tmp_path, face_points, capsys, damage
):
    folder = tmp_path / "people"
    folder.mkdir()
    write_shard(folder / "a.tar", face_points, [1, 2, 3, 4])
    write_shard(folder / "b.tar", face_points, [5, 6])
    damage(folder / "a.tar")
    told = run(folder, tmp_path / "out", capsys=capsys)
    assert "a.tar" in told
    assert "; the rest of this shard is lost" in told
    names = [record.name for record in read_pair_table(tmp_path / "out").values()]
    assert names[-2:] == ["5", "6"]
    assert len(names) == 2 + {cut_in_half: 2, drop_the_end: 4, write_text: 0}[damage]


def test_a_few_strays_do_not_change_who_the_others_show():
    """Nine of ten names tell a person: the tenth is left out, not all of them renamed."""
    named = [f"happy/Ann_{k}.jpg" for k in range(5)] + [f"angry/Bob_{k}.jpg" for k in range(4)]
    stray = "angry/press.jpg"
    assert choose_rule("auto", [*named, stray]) == "name"
    assert person_of(stray, "name") is None
    assert choose_rule("auto", [name.partition("/")[2] for name in [*named, stray]]) == "name"
    with pytest.raises(InputError, match="press.jpg does not tell who it shows"):
        choose_rule("auto", ["Ann_1.jpg", "press.jpg"])


def test_folders_named_like_emotions_are_no_persons():
    names = ["faces/Happy/1.jpg", "faces/angry/2.jpg", "faces/other/3.jpg"]
    with pytest.raises(InputError) as told:
        choose_rule("auto", names)
    assert "named like emotions (Happy, angry), not like persons, and 3 of 3" in str(told.value)
    for remedy in ("--persons name", "--labels", "--persons folder", "faces/Happy/1.jpg"):
        assert remedy in str(told.value)
    assert choose_rule("folder", names) == "folder"
    # Somebody may be called Joy.
    assert choose_rule("auto", ["Joy/1.jpg", "Ann/1.jpg", "Bob/1.jpg"]) == "folder"


def test_numbered_frames_in_folders_of_one_person_each_name_nobody():
    assert choose_rule("auto", ["ann/frame_1.jpg", "bob/frame_1.jpg", "eve/x_2.jpg"]) == "folder"
    assert choose_rule("auto", ["ann/Ann_1.jpg", "bob/Bob_1.jpg"]) == "name"


def photographs(folder, names, face_points, size=(280, 260)):
    """Pictures of noise, and their landmarks in a folder beside them."""
    rng = np.random.default_rng(0)
    points = folder.with_name("points")
    points.mkdir()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)).save(folder / name)
        write_points(points / f"{(folder / name).stem}.txt", face_points)
    return folder, "--landmarks", points


def test_strays_are_left_out_and_told(tmp_path, face_points, capsys):
    names = [f"fear/Ann_{k}.png" for k in range(9)] + ["fear/press.png"]
    given = photographs(tmp_path / "photos", names, face_points)
    told = run(*given, tmp_path / "out", capsys=capsys)
    assert "9 pairs of 1 persons (by the file's name without its number)" in told
    assert "1 could not be used, the first: " in told
    assert "press.png does not tell who it shows" in told


def test_that_the_largest_face_is_taken_is_told_where_there_may_be_several(
    tmp_path, face_points, capsys
):
    given = photographs(tmp_path / "photos", ["Ann_1.png", "Bob_1.png"], face_points)
    for more in ([], ["--resume"]):
        told = run(*given, tmp_path / "out", *more, capsys=capsys)
        assert told.endswith("; of a photograph with several faces the largest was taken\n")
    write_shard(tmp_path / "people.tar", face_points, [1, 2])
    assert "several" not in run(tmp_path / "people.tar", tmp_path / "shown", capsys=capsys)


def test_how_much_lies_beyond_a_picture():
    picture = np.zeros((10, 20, 3), np.uint8)
    assert _beyond((0, 0, 20, 10), picture) == 0
    assert _beyond((-5, 0, 5, 10), picture) == 0.5
    assert _beyond((-5, -5, 5, 5), picture) == 0.75
    assert _beyond((-10, -10, 40, 40), picture) == 0.92
    assert _beyond((30, 0, 40, 10), picture) == 1


def test_photographs_that_are_too_tight_can_be_left_out(tmp_path, face_points, capsys):
    low, high = face_points.min(axis=0), face_points.max(axis=0)
    longer = (high - low).max()
    # Moved so that a quarter of the square around the landmarks lies left of the photograph.
    moved = face_points - [(low[0] + high[0]) / 2 + 0.5 - longer / 4, 0]
    given = photographs(tmp_path / "photos", ["Ann_1.png", "Bob_1.png"], face_points)
    write_points(tmp_path / "points" / "Bob_1.txt", moved)
    frame = ("--margin", 0)
    run(*given, tmp_path / "all", *frame)
    assert len(read_pair_table(tmp_path / "all")) == 2
    run(*given, tmp_path / "more", *frame, "--border", 0.26)
    assert len(read_pair_table(tmp_path / "more")) == 2
    told = run(*given, tmp_path / "less", *frame, "--border", 0.24, capsys=capsys)
    assert "Bob_1.png is too tight: 25% of the frame around the face lies beyond it" in told
    assert [record.name for record in read_pair_table(tmp_path / "less").values()] == ["Ann"]
    told = run(*given, tmp_path / "less", *frame, "--resume", code=2, capsys=capsys)
    assert "with other settings (border was 0.24" in told


def test_a_folder_that_is_missing_is_told_as_that(tmp_path):
    with pytest.raises(InputError, match="nix is no folder"):
        folder_photos(str(tmp_path / "nix"))
