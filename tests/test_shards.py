"""Shards: what is written comes back, damage is named, a stopped run ends in the same bytes."""

import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks import LABELS, Sample, read_shards, split_of
from landmarks.errors import InputError
from landmarks.samples import LABEL_COLORS, ShardError, decode_sample, encode_sample
from landmarks.shard_set import writing_set

ROOT = Path(__file__).parent.parent


def sample(number: int, size: int = 32) -> Sample:
    rng = np.random.default_rng(number)
    shades = np.linspace(0, 255, size).astype(np.uint8)
    image = np.stack([np.tile(shades, (size, 1)), np.tile(shades[:, None], (1, size))] * 2, 2)
    return Sample(
        f"{number:06d}",
        np.roll(image[..., :3], number, 0),
        rng.uniform(-3, size, (68, 2)).round(2),
        rng.random(68) < 0.8,
        rng.integers(0, len(LABELS), (size, size), np.uint8),
        {"person": number // 4, "emotion": "fear", "intensity": 0.25, "weights": {"jawOpen": 0.5}},
    )


def write(target: Path, count: int = 10, start: int = 0, settings=None, **options) -> str:
    with writing_set(target, settings or {"seed": 0}, per_shard=4, **options) as shards:
        for number in range(max(start, shards.done), count):
            shards.add(f"{number:06d}", encode_sample(sample(number)))
    told = f"{target}.json" if target.suffix == ".tar" else target / "set.json"
    return json.loads(Path(told).read_text())["sha256"]


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


def rewrite(shard: Path, change) -> None:
    """Write a shard again with each file's bytes as `change(name, bytes)` gives them."""
    with tarfile.open(shard) as archive:
        files = [(m.name, archive.extractfile(m).read()) for m in archive.getmembers()]
    with tarfile.open(shard, "w") as archive:
        for name, data in files:
            changed = change(name, data)
            if changed is not None:
                member = tarfile.TarInfo(name)
                member.size = len(changed)
                archive.addfile(member, io.BytesIO(changed))


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


def test_the_hash_of_a_set_is_that_of_its_shards(tmp_path):
    told = write(tmp_path / "set")
    folder = tmp_path / "set"
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.tar"))
    ]
    assert told == hashlib.sha256("".join(sums).encode()).hexdigest()
    about = json.loads((folder / "set.json").read_text())
    assert (about["samples"], about["people"], about["emotions"]) == (10, 3, {"fear": 10})
    assert sorted(path.name for path in folder.iterdir()) == [
        "set.json", *(f"shard-00000{k}.tar" for k in range(3))
    ]  # fmt: skip


def interrupted(target: Path, stop: int, **options) -> str:
    """Add samples up to number `stop`, then Ctrl-C; returns what is told of it."""

    def begin() -> None:
        with writing_set(target, {"seed": 0}, per_shard=4, **options) as shards:
            for number in range(shards.done, stop):
                shards.add(f"{number:06d}", encode_sample(sample(number)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        begin()
    return str(caught.value)


@pytest.mark.parametrize("name", ["set", "set.tar"])
@pytest.mark.parametrize("stop", [2, 6, 8])
def test_an_interrupted_set_ends_in_the_same_bytes(tmp_path, name, stop):
    target = tmp_path / name
    kept = interrupted(target, stop)
    if stop == 2:
        assert not list(tmp_path.iterdir())
        assert kept == "nothing was kept"
    else:
        assert kept == "finished shards are kept, --resume goes on with them"
        with pytest.raises(InputError, match="unfinished set: add --resume"):
            write(target)
        with pytest.raises(InputError, match=r"other settings \(seed was 0, is 1\)"):
            write(target, settings={"seed": 1})
        with pytest.raises(InputError, match="seed was 0, is 1"):
            write(target, settings={"seed": 1}, resume=True)
        if name == "set":
            with pytest.raises(ShardError, match="unfinished set"):
                read_shards(target)
    assert write(target, resume=True) == write(tmp_path / "whole" / name)
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]
    assert len(list(read_shards(target))) == 10


def test_one_file_holds_the_same_samples_as_a_folder(tmp_path):
    write(tmp_path / "set")
    write(tmp_path / "set.tar")
    for one, other in zip(
        read_shards(tmp_path / "set"), read_shards(tmp_path / "set.tar"), strict=True
    ):
        assert encode_sample(one) == encode_sample(other)


def test_a_finished_set_is_left_alone(tmp_path):
    before = write(tmp_path / "set")
    with pytest.raises(InputError, match="holds the finished set already"):
        write(tmp_path / "set")
    with pytest.raises(InputError, match="a finished set .*seed was 0, is 1"):
        write(tmp_path / "set", settings={"seed": 1}, resume=True)
    (tmp_path / "set" / "set.json.partial").write_text("killed before it was removed")
    assert write(tmp_path / "set", start=99, resume=True) == before
    assert len(list((tmp_path / "set").iterdir())) == 4


@pytest.mark.parametrize(("name", "shard"), [("set", "shard-000001.tar"), ("set.tar", "set.tar")])
def test_a_finished_set_that_lost_a_part_is_told(tmp_path, name, shard):
    write(tmp_path / name)
    path = tmp_path / name / shard if name == "set" else tmp_path / shard
    whole = path.read_bytes()
    path.write_bytes(whole[:-512])
    remedy = "copy it again, or delete the whole set and make it anew"
    with pytest.raises(InputError, match=f"{shard} has {len(whole) - 512:,} bytes, .*: {remedy}"):
        write(tmp_path / name, resume=True)
    path.unlink()
    with pytest.raises(InputError, match=f"lacks the shard {shard} that its .* names: {remedy}"):
        write(tmp_path / name, resume=True)
    path.write_bytes(whole)
    write(tmp_path / name, start=99, resume=True)


@pytest.mark.parametrize("damaged", [0, 1])
@pytest.mark.parametrize("how", ["cut off", "zeros", "no record"])
def test_a_damaged_shard_of_an_unfinished_set_is_written_again(tmp_path, damaged, how):
    expected = write(tmp_path / "whole")
    interrupted(tmp_path / "set", 9)
    shard = tmp_path / "set" / f"shard-00000{damaged}.tar"
    content = shard.read_bytes()
    if how == "no record":
        rewrite(shard, lambda name, data: b"{" if name.endswith("3.json") else data)
        rewrite(shard, lambda name, data: b"[]" if name.endswith("7.json") else data)
    else:
        with tarfile.open(shard) as archive:
            start = archive.getmembers()[6].offset  # of the third sample
        shard.write_bytes(content[:start] + bytes(len(content) - start if how == "zeros" else 0))
    # A second stop before the damage is mended takes nothing away.
    kept = interrupted(tmp_path / "set", 4 * damaged + 1, resume=True)
    assert kept.startswith("finished shards" if damaged else "nothing was kept")
    with writing_set(tmp_path / "set", {"seed": 0}, per_shard=4, resume=True) as shards:
        assert shards.done == 4 * damaged
        for number in range(shards.done, 10):
            shards.add(f"{number:06d}", encode_sample(sample(number)))
    assert json.loads(shards.told.read_text())["sha256"] == expected


def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty and holds no set of shards \(notes.txt"):
        write(tmp_path, resume=True)
    (tmp_path / "a.tar").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write(tmp_path / "a.tar", resume=True)
    with pytest.raises(InputError, match="cannot be made"):
        write(tmp_path / "notes.txt" / "set")
    assert (tmp_path / "a.tar").read_text() == "mine"


def test_a_full_disk_is_told_and_finished_shards_are_kept(tmp_path, monkeypatch):
    import landmarks.shard_set as module

    written: list[int] = []

    def full(handle, samples) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(1)
        real(handle, samples)

    real = module._write_tar
    monkeypatch.setattr(module, "_write_tar", full)
    with pytest.raises(InputError, match="000001.tar cannot be written: No space .* --resume"):
        write(tmp_path / "set")
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path / "set")) == ["set.json.partial", "shard-000000.tar"]
    assert write(tmp_path / "set", resume=True) == write(tmp_path / "whole")


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
