"""Shards: what is written comes back, damage is named."""

import hashlib
import io
import itertools
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks import LABELS, Sample, read_shards, split_of
from landmarks.samples import LABEL_COLORS, ShardError, decode_sample, encode_sample
from tests.shard_files import rewrite, sample, write

ROOT = Path(__file__).parent.parent


def test_what_is_written_comes_back():
    before = sample(3)
    after = decode_sample("000003", encode_sample(before, quality=None))
    assert after.key == before.key
    assert after.record == before.record
    for one, other in zip(after[1:5], before[1:5], strict=True):
        np.testing.assert_array_equal(one, other)
    jpeg = decode_sample("000003", encode_sample(before))
    assert np.abs(jpeg.image.astype(int) - before.image).mean() < 12
    assert encode_sample(jpeg._replace(image=before.image)) == encode_sample(before)


def test_numbers_are_rounded_and_plain():
    record = {"a": np.float32(1 / 3), "b": np.array([1.0, 2.5]), "c": (1,), "d": True, "e": None}
    members = encode_sample(
        Sample("k", np.zeros((4, 5, 3), np.uint8), np.full((68, 2), 2 / 3), None, None, record)
    )
    assert list(members) == ["jpg", "json"]
    content = json.loads(members["json"])
    assert content.pop("points") == [[0.67, 0.67]] * 68
    assert content == {"a": 0.33333, "b": [1, 2.5], "c": [1], "d": True, "e": None}


def test_labels_are_small_pictures_that_people_can_look_at():
    data = encode_sample(sample(0))["labels.png"]
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "P"
        colors = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(colors, np.array(LABEL_COLORS)[sample(0).labels])
    assert len(LABEL_COLORS) == len(LABELS) == len(set(LABEL_COLORS))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"points": np.zeros((67, 2))}, r"points of shape \(67, 2\): expected \(68, 2\)"),
        ({"points": np.full((68, 2), np.nan)}, "point 0 is not finite"),
        ({"visible": np.ones(3, bool)}, "expected 68 digits"),
        ({"labels": np.full((32, 32), 9, np.uint8)}, "hold the value 9: expected 0 to 8"),
        ({"labels": np.zeros((31, 32), np.uint8)}, r"shape \(31, 32\)"),
        ({"record": {"light": np.inf}}, "light is inf"),
        ({"record": {"light": object()}}, "light is a object: JSON cannot hold it"),
        ({"record": {"emotion": 3}}, "'emotion' is '3': expected str"),
        ({"image": np.zeros((32, 32), np.uint8)}, "expected uint8"),
        ({"key": "a.b"}, "without a dot"),
    ],
)
def test_what_could_not_be_read_is_not_written(change, told):
    with pytest.raises(ShardError, match=told):
        encode_sample(sample(0)._replace(**change))


def test_a_folder_is_read_in_order_by_us_and_by_others(tmp_path):
    write(tmp_path / "set")
    keys = [item.key for item in read_shards(tmp_path / "set")]
    assert keys == [f"{number:06d}" for number in range(10)]
    files = sorted(str(path) for path in (tmp_path / "set").glob("*.tar"))
    assert [item.key for item in read_shards(files[1:])] == keys[4:]
    code = """if True:
        import sys
        from webdataset.tariterators import tarfile_samples
        for item in tarfile_samples([{"url": name} for name in sys.argv[1:]]):
            print(item["__key__"], sorted(name for name in item if name[0] != "_"))"""
    theirs = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, check=True
    )
    assert theirs.stdout.splitlines() == [f"{key} ['jpg', 'json', 'labels.png']" for key in keys]


def test_shuffling_loses_nothing_and_repeats(tmp_path):
    write(tmp_path / "set")

    def order(**options) -> list[str]:
        return [item.key for item in read_shards(tmp_path / "set", shuffle=5, **options)]

    assert order(seed=1) == order(seed=1) != order(seed=2)
    assert sorted(order()) == [f"{number:06d}" for number in range(10)] != order()


@pytest.mark.parametrize("count", [2, 5])
def test_several_readers_share_the_samples(tmp_path, count):
    write(tmp_path / "set")  # three shards: fewer than five readers
    parts = [
        [item.key for item in read_shards(tmp_path / "set", part=(which, count))]
        for which in range(count)
    ]
    assert sorted(itertools.chain.from_iterable(parts)) == [f"{number:06d}" for number in range(10)]
    assert all(parts)


def in_json(**changes):
    def change(name: str, data: bytes) -> bytes:
        if name != "000001.json":
            return data
        return json.dumps({**json.loads(data), **changes}).encode()

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, data: None if name == "000001.json" else data, "has no .json file"),
        (lambda name, data: None if name == "000001.jpg" else data, "has no picture"),
        (lambda name, data: b"{" if name == "000001.json" else data, "its .json is damaged"),
        (lambda name, data: b"[]" if name == "000001.json" else data, "is a list: expected an"),
        (lambda name, data: data[:99] if name == "000001.jpg" else data, "image"),
        (
            lambda name, data: data[:40] if name == "000001.labels.png" else data,
            "labels are damaged: no",
        ),
        (in_json(points=[[0, 0]] * 67), r"points of shape \(67, 2\)"),
        (in_json(points=[[0, float("nan")]] * 68), "holds NaN"),
        (in_json(points="none"), "not 68 pairs of numbers"),
        (in_json(visible=[True] * 68), "expected 68 digits"),
    ],
)
def test_damage_is_named_and_can_be_left_out(tmp_path, change, told):
    write(tmp_path / "set", count=4)
    shard = tmp_path / "set" / "shard-000000.tar"
    rewrite(shard, change)
    with pytest.raises(ShardError, match=told) as caught:
        list(read_shards(shard))
    assert f"{shard}: sample 000001" in str(caught.value)
    left_out: list[ShardError] = []
    kept = [item.key for item in read_shards(shard, on_damage=left_out.append)]
    assert kept == ["000000", "000002", "000003"]
    assert [str(error) for error in left_out] == [str(caught.value)]


def test_a_shard_that_was_cut_off_is_told_before_the_first_sample(tmp_path):
    write(tmp_path / "set", count=4)
    shard = tmp_path / "set" / "shard-000000.tar"
    with tarfile.open(shard) as archive:
        starts = [member.offset for member in archive.getmembers()]
    whole = shard.read_bytes()
    # Inside a file, inside a header, and exactly between two samples.
    for length in (starts[4] + 600, starts[5] + 100, starts[6]):
        shard.write_bytes(whole[:length])
        with pytest.raises(ShardError, match="was cut off"):
            read_shards([shard])
        left_out: list[ShardError] = []
        kept = [item.key for item in read_shards([shard], on_damage=left_out.append)]
        assert kept[0] == "000000"
        assert 1 <= len(left_out) <= 2
        assert str(shard) in str(left_out[0])
    with pytest.raises(ShardError, match=r"set\.json says"):
        read_shards(tmp_path / "set")


@pytest.mark.parametrize("with_what", [b"\xff", b"\0"])
def test_a_header_that_is_spoilt_in_the_middle_is_not_the_end(tmp_path, with_what):
    write(tmp_path / "set", count=4)
    shard = tmp_path / "set" / "shard-000000.tar"
    with tarfile.open(shard) as archive:
        starts = [member.offset for member in archive.getmembers()]
    content = bytearray(shard.read_bytes())
    content[starts[6] : starts[6] + 1024] = 1024 * with_what  # where the third sample begins
    shard.write_bytes(content)
    with pytest.raises(ShardError, match="is damaged (at byte|behind)"):
        list(read_shards([shard]))
    left_out: list[ShardError] = []
    kept = [item.key for item in read_shards([shard], on_damage=left_out.append)]
    assert kept == ["000000", "000001"]
    assert len(left_out) == 1


def test_what_is_no_set_is_told_at_once(tmp_path):
    (tmp_path / "page.tar").write_text("<html>" * 500)
    for path, told in [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "page.tar", "is not a tar file"),
        ([], "no shard was given"),
    ]:
        with pytest.raises(ShardError, match=told):
            read_shards(path)
    (tmp_path / "page.tar").rename(tmp_path / "page.txt")
    with pytest.raises(ShardError, match="holds no .tar file"):
        read_shards(tmp_path)
    write(tmp_path / "set")
    (tmp_path / "set" / "shard-000001.tar").unlink()
    with pytest.raises(ShardError, match=r"lacks the shard shard-000001\.tar"):
        read_shards(tmp_path / "set")


def test_nobody_is_in_two_splits():
    splits = [split_of(number) for number in range(2000)]
    assert split_of(7) == split_of("7")
    assert 0.17 < splits.count("test") / 2000 < 0.23
    assert 0.08 < splits.count("validation") / 2000 < 0.13
    for name in ("Al_Gore", "Bono"):
        byte = int(hashlib.sha256(name.encode()).hexdigest()[:2], 16)
        assert split_of(name) == ("test" if byte < 51 else "validation" if byte < 77 else "train")


def test_reading_needs_neither_torch_nor_webdataset(tmp_path):
    write(tmp_path / "set", count=2)
    code = (
        f"import sys, landmarks; list(landmarks.read_shards({str(tmp_path / 'set')!r}));"
        " print({'torch', 'webdataset', 'dlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
