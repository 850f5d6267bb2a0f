"""Sets of shards: a stopped one ends in the same bytes, a finished one is left alone."""

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from landmarks import read_shards
from landmarks.errors import InputError
from landmarks.samples import ShardError, encode_sample
from landmarks.shard_set import writing_set
from tests.shard_files import rewrite, sample, write


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
