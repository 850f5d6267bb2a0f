"""The people command: the same bytes however it ran, and bad input in one sentence."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from data.people import __main__ as command
from data.people import head_model, write
from landmarks import Sample, read_shards
from landmarks.errors import InputError
from tests import made_up_head

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> Path:
    return made_up_head.write_npz(tmp_path_factory.mktemp("head"))


@pytest.fixture
def painted(monkeypatch) -> list[int]:
    """Pictures of noise instead of rendered ones; the list grows by each index that was asked."""
    asked: list[int] = []

    def painter(order):
        def paint(index: int) -> Sample:
            asked.append(index)
            rng = np.random.default_rng([order.settings.seed, index])
            size = order.settings.size
            image = rng.integers(0, 255, (size, size, 3), np.uint8)
            record = {"person": index // order.settings.per_person, "emotion": "fear"}
            points = rng.uniform(0, size, (68, 2))
            return Sample(f"{index:06d}", image, points, None, None, record)

        return paint

    monkeypatch.setattr(write, "painter", painter)
    return asked


SMALL = ("--people", 3, "--per-person", 5, "--size", 32, "--per-shard", 4, "--preview")


def run(*arguments: object, code: int = 0, capsys=None) -> str:
    if "--jobs" not in arguments:
        arguments += ("--jobs", 1)
    assert command.main([str(a) for a in arguments]) == code
    return "" if capsys is None else capsys.readouterr().err


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_set_is_described_by_itself(head, tmp_path, painted, capsys):
    run(tmp_path / "set", "--ict", head, *SMALL)
    told = json.loads((tmp_path / "set" / "set.json").read_text())
    assert capsys.readouterr().out == (
        f"{tmp_path / 'set'}: 15 pictures of 3 people in 4 shards, sha256 {told['sha256']}\n"
    )
    assert (told["samples"], told["people"]) == (15, 3)
    assert painted == list(range(15))
    assert told["settings"]["seed"] == 0
    assert told["settings"]["expressions"] == made_up_head.head().names
    assert "scipy" in told["settings"]["made_with"]
    assert "USC Institute for Creative Technologies, MIT" in told["settings"]["attribution"]
    assert [item.record["person"] for item in read_shards(tmp_path / "set")] == [
        number // 5 for number in range(15)
    ]


def test_an_interrupted_run_does_only_what_is_missing(head, tmp_path, monkeypatch, painted, capsys):
    run(tmp_path / "whole", "--ict", head, *SMALL)
    painted.clear()
    real = write._work

    def stopped(indices):
        if indices[0] >= 10:
            raise KeyboardInterrupt
        return real(indices)

    with monkeypatch.context() as patch:
        patch.setattr(write, "_work", stopped)
        told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    last = "interrupted; finished shards are kept, --resume goes on with them"
    assert told.splitlines()[-1] == last
    assert sorted(files(tmp_path / "set")) == [
        "set.json.partial", "shard-000000.tar", "shard-000001.tar"
    ]  # fmt: skip
    told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "unfinished set: add --resume" in told
    told = run(tmp_path / "set", "--ict", head, *SMALL, "--seed", 1, code=2, capsys=capsys)
    assert "other settings (seed was 0, is 1)" in told
    painted.clear()
    run(tmp_path / "set", "--ict", head, *SMALL, "--resume")
    assert painted == list(range(8, 15))
    assert files(tmp_path / "set") == files(tmp_path / "whole")
    painted.clear()
    run(tmp_path / "set", "--ict", head, *SMALL, "--resume")
    assert painted == []
    told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "holds the finished set already" in told


def test_a_set_is_never_made_of_two_generators(head, tmp_path, monkeypatch, painted, capsys):
    run(tmp_path / "set", "--ict", head, *SMALL)
    monkeypatch.setattr(write, "GENERATOR", write.GENERATOR + 1)
    told = run(tmp_path / "set", "--ict", head, *SMALL, "--resume", code=2, capsys=capsys)
    assert f"other settings (generator was {write.GENERATOR - 1}, is {write.GENERATOR})" in told


def test_what_is_told_when_nothing_was_kept(head, tmp_path, monkeypatch, painted, capsys):
    def stopped(indices):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write, "_work", stopped)
        told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert told.splitlines()[1:] == ["interrupted; nothing was kept"]
    assert not (tmp_path / "set").exists()
    with monkeypatch.context() as patch:
        patch.setattr(write.OrderedPool, "run", lambda pool, tasks: [(range(0, 5), write.Died())])
        told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert told.splitlines()[1:] == [
        "the process that rendered pictures 0 to 4 ended (out of memory, or a crash); nothing was"
        " kept"
    ]


def test_one_job_gives_the_callers_threads_back(head, tmp_path, monkeypatch, painted):
    during = []
    real = write._work

    def counted(indices):
        during.append((cv2.getNumThreads(), *(pool["num_threads"] for pool in threadpool_info())))
        return real(indices)

    monkeypatch.setattr(write, "_work", counted)
    own = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        with threadpool_limits(2):
            before = [pool["num_threads"] for pool in threadpool_info()]
            run(tmp_path / "set", "--ict", head, *SMALL)
            assert cv2.getNumThreads() == 2
            assert [pool["num_threads"] for pool in threadpool_info()] == before
    finally:
        cv2.setNumThreads(own)
    assert set(during) == {(1,) * (1 + len(before))}
    assert max(before) == 2


def test_how_much_there_is_to_do_is_told_first(head, tmp_path, painted, capsys):
    given = (tmp_path / "set", "--ict", head, *SMALL)
    run(*given)
    told = capsys.readouterr().err
    assert told.startswith("15 pictures to render, about 1 MB on disk, of ")
    assert told.count("\n") == 1
    run(*given, "--resume")
    assert capsys.readouterr().err == ""  # nothing is left to do


def test_a_set_that_the_disk_has_no_room_for_is_told(head, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(write.OrderedPool, "run", lambda pool, tasks: [(range(0, 5), write.Died())])
    given = (tmp_path / "set", "--ict", head, *SMALL, "--people", 400_000_000)
    told = run(*given, code=2, capsys=capsys)
    assert told.startswith("2,000,000,000 pictures to render, about 11,348,608 MB on disk, more")


def test_the_estimate_fits_the_set_that_ships():
    shipped = ROOT / "data" / "people_small.tar"
    made = json.loads(shipped.with_name("people_small.tar.json").read_text())["settings"]
    names = tuple(made["expressions"])
    settings = write.Settings(names, people=made["people"], per_person=made["per_person"])
    guess = write.stored_bytes(write.Order("", settings), settings.pictures)
    assert guess == pytest.approx(shipped.stat().st_size, rel=0.2)


def test_a_small_set_is_one_file(head, tmp_path, painted):
    run(tmp_path / "small.tar", "--ict", head, *SMALL, "--png")
    assert sorted(files(tmp_path)) == ["small.tar", "small.tar.json"]
    assert len(list(read_shards(tmp_path / "small.tar"))) == 15


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--people", "0"], "people: expected 1 to 4294967296, got 0"),
        (["--people", "-3"], "people: expected 1"),
        (["--people", "4294967297"], "people: expected 1 to 4294967296"),
        (["--people", "4294967296"], "more than the 4294967296 pictures"),
        (["--per-person", "0"], "pictures of each person: expected 1"),
        (["--seed", "-1"], "seed: expected 0"),
        (["--size", "0"], "size of the pictures: expected 32 to 1024, got 0"),
        (["--size", "10000"], "size of the pictures: expected 32 to 1024, got 10000"),
        (["--samples", "0"], "samples of a pixel: expected 1"),
        (["--quality", "101"], "quality of the JPEGs: expected 1 to 100"),
        (["--per-shard", "0"], "--per-shard is 0: expected at least 1"),
        (["--jobs", "0"], "--jobs is 0: expected at least 1"),
        (["--ict", "nowhere"], "nowhere is not a folder: the face model ICT-FaceKit is needed"),
    ],
)
def test_bad_input_is_one_sentence_before_the_model_is_read_and_leaves_nothing(
    head, tmp_path, capsys, monkeypatch, arguments, told
):
    if "--ict" not in arguments:
        monkeypatch.setattr(head_model, "read_head_model", None)
    error = run(tmp_path / "set", "--ict", head, "--preview", *arguments, code=2, capsys=capsys)
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_without_the_model_it_is_told_where_it_comes_from(tmp_path, capsys):
    told = run(tmp_path / "set", code=2, capsys=capsys)
    assert "git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit" in told
    assert told.count("\n") == 1


def test_places_that_cannot_be_written_are_told(head, tmp_path, painted, capsys):
    (tmp_path / "file").write_text("mine")
    told = run(tmp_path / "file" / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "cannot be made: Not a directory" in told
    told = run(tmp_path, "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "is not empty and holds no set of shards (file" in told
    told = run(tmp_path / ("x" * 300), "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "File name too long" in told
    told = run(f"{tmp_path}/a\0b", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert "a name cannot hold that byte" in told
    assert told.count("\n") == 1
    assert painted == []


def test_a_picture_that_fails_is_named(head, tmp_path, monkeypatch, capsys):
    def painter(order):
        def paint(index: int) -> Sample:
            raise ZeroDivisionError("a bug")

        return paint

    monkeypatch.setattr(write, "painter", painter)
    told = run(tmp_path / "set", "--ict", head, *SMALL, code=2, capsys=capsys)
    assert told.splitlines()[1:] == ["picture 0 cannot be rendered: ZeroDivisionError: a bug"]
    assert not (tmp_path / "set").exists()


def test_tasks_are_runs_of_one_person():
    settings = write.Settings.of(made_up_head.head(), people=3, per_person=23)
    assert settings.identities == made_up_head.IDENTITIES
    tasks = list(write._tasks(4, settings))
    assert [index for task in tasks for index in task] == list(range(4, 69))
    assert all(task[0] // 23 == task[-1] // 23 for task in tasks)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"samples": 8.5}, "samples of a pixel: expected a whole number, got 8.5"),
        ({"quality": 90.5}, "quality of the JPEGs: expected a whole number"),
        ({"samples": 4097}, "samples of a pixel: expected 1 to 4096, got 4097"),
    ],
)
def test_numbers_of_an_order_are_whole_and_in_their_range(numbers, told):
    with pytest.raises(InputError, match=told):
        write.Order("model", write.Settings.of(made_up_head.head()), **numbers)
    with pytest.raises(InputError, match="size of the pictures: expected a whole number, got 64.0"):
        write.Settings.of(made_up_head.head(), size=64.0)


# From here on pictures are rendered, with the preview and the made-up head.
RENDERED = ("--people", 4, "--per-person", 8, "--size", 32, "--per-shard", 5, "--preview")


@pytest.fixture(scope="module")
def whole(head, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "set"
    run(folder, "--ict", head, *RENDERED)
    return folder


def test_rendered_people_come_back_from_their_shards(whole):
    samples = list(read_shards(whole))
    assert len(samples) == 32
    for item in samples:
        assert item.image.shape == (32, 32, 3)
        assert {"person", "emotion", "intensity", "weights", "pose"} <= set(item.record)
        assert item.labels is not None
        assert item.visible is not None
    assert {item.record["emotion"] for item in samples} >= {"neutral", "happiness"}


def stopped(head: Path, target: Path, how: signal.Signals, *more: object) -> tuple[int, str]:
    """Run with two processes, and stop all of them as soon as the first shard is there."""
    arguments = [target, "--ict", head, *RENDERED, *more, "--jobs", 2]
    with subprocess.Popen(
        [sys.executable, "-m", "data.people", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not (target / "shard-000000.tar").exists() and process.poll() is None:
            time.sleep(0.005)
        if how == signal.SIGTERM:
            process.terminate()  # as `kill` does: the process alone, not its group
        else:
            os.killpg(process.pid, how)
        _, told = process.communicate(timeout=60)
    return process.returncode, told


def test_a_killed_run_goes_on_to_the_same_bytes(head, whole, tmp_path):
    stopped(head, tmp_path / "set", signal.SIGKILL)
    assert not (tmp_path / "set" / "set.json").exists()
    run(tmp_path / "set", "--ict", head, *RENDERED, "--resume")
    assert files(tmp_path / "set") == files(whole)  # two processes and one


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_keep_what_is_finished(head, tmp_path, how):
    code, told = stopped(head, tmp_path / "set", how, "--people", 40)
    assert code == 2
    last = "interrupted; finished shards are kept, --resume goes on with them"
    assert told.splitlines()[-1] == last
    assert "resource_tracker" not in told
    assert (tmp_path / "set" / "shard-000000.tar").exists()
    assert not (tmp_path / "set" / "set.json").exists()
