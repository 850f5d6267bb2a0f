"""What pairs are made of: damaged shards, folders that are no persons, faces at the border."""

import numpy as np
import pytest

from gan.pair_table import read_pair_table
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
