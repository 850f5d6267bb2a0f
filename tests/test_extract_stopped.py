"""The command, interrupted and in trouble."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks import read_table
from tests.commands import ROOT, command, run

LIGHT = ("-p", "small")
"""dlib's predictor takes each process half a second to unpack, and matters only to the points."""


def test_no_place_to_print_to(portrait_file):
    for redirect in (">&-", "> /dev/full"):
        line = f"{sys.executable} -m landmarks.extract -i {portrait_file} {redirect}"
        done = subprocess.run(line, shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "cannot be printed" in done.stderr


@pytest.mark.parametrize("wait", [0.05, 0.3, 0.6, 0.9])
def test_ctrl_c_while_it_starts(folder, tmp_path, wait):
    with command(
        "-i", folder, "-o", tmp_path / "a.csv", "--jobs", 2, start_new_session=True
    ) as run:
        time.sleep(wait)
        os.killpg(run.pid, signal.SIGINT)
        _, told = run.communicate(timeout=60)
    # Before the first line of the command the interpreter itself answers.
    assert run.returncode in (0, 2) or wait < 0.1
    if wait > 0.1:
        assert "Traceback" not in told


PHOTOGRAPHS = 80  # so many that a run is not done before it is stopped


@pytest.fixture(scope="module")
def many(tmp_path_factory, small) -> Path:
    photos = tmp_path_factory.mktemp("many")
    for number in range(PHOTOGRAPHS):
        Image.fromarray(np.roll(small, number, axis=1)).save(
            photos / f"{number:02d}.png", compress_level=1
        )
    return photos


@pytest.fixture(scope="module")
def whole(many, tmp_path_factory) -> Callable[[str], Path]:
    """What a run that nobody stops leaves, by the name of its output."""

    @cache
    def made(output: str) -> Path:
        target = tmp_path_factory.mktemp("whole") / output
        run("-i", many, "-o", target, *LIGHT)
        return target

    return made


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize(
    ("how", "output"),
    [
        (signal.SIGKILL, "a.csv"),
        (signal.SIGKILL, "a.parquet"),
        (signal.SIGKILL, "points"),
        (signal.SIGINT, "a.csv"),
    ],
)
def test_a_stopped_run_is_resumed_to_the_same_bytes(many, whole, tmp_path, how, output):
    target = tmp_path / "stopped" / output
    target.parent.mkdir()
    journal = target / "landmarks.partial" if output == "points" else Path(f"{target}.partial")
    given = ("-i", many, "-o", target, *LIGHT)
    with command(*given, "--jobs", 2, start_new_session=True) as process:
        while lines(journal) < 8 and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, how)
        _, told = process.communicate(timeout=60)
    done = lines(journal) - 1
    assert 7 <= done < PHOTOGRAPHS
    if how == signal.SIGINT:
        assert process.returncode == 2
        assert told.splitlines() == ["interrupted; what is done is kept, --resume goes on with it"]
    if output != "points":
        assert not target.exists()
    run(*given, code=2)  # an unfinished run is not thrown away
    run(*given, "--resume")
    assert not journal.exists()
    if output == "points":
        names = sorted(path.name for path in whole(output).iterdir())
        assert sorted(path.name for path in target.iterdir()) == names
        for name in names:
            assert (target / name).read_bytes() == (whole(output) / name).read_bytes()
    else:
        assert target.read_bytes() == whole(output).read_bytes()


@pytest.mark.parametrize("output", ["a.csv", "a.npz", "a.parquet", "points/"])
def test_resuming_a_finished_run_adds_only_what_is_new(folder, tmp_path, capsys, output):
    target = f"{tmp_path}/{output}"
    run("-i", folder, "-o", target, capsys=capsys)
    Image.open(folder / "a.png").save(folder / "new.png")
    Image.open(folder / "a.png").save(folder / "zero.jpg", "PNG")
    told = run("-i", folder, "-o", target, "--resume", capsys=capsys).err
    # a, b, d and the empty one were done; the two unreadable ones are tried again.
    assert "read 2 images, found 2 faces, skipped 4 done before" in told
    if output == "points/":
        assert {p.name for p in Path(target).glob("*.txt")} >= {"a.txt", "new.txt", "zero.txt"}
    else:
        names = [Path(row.file).name for row in read_table(target)]
        assert names == ["a.png", "b.png", "d.png", "new.png", "zero.jpg"]
    problems = next(path for path in tmp_path.rglob("*.errors.csv")).read_text()
    assert "empty.png,,no face found" in problems
    assert "page.jpg is not" in problems
    assert "zero" not in problems


def test_resuming_with_other_settings_is_refused(folder, tmp_path, capsys):
    (tmp_path / "a.csv.partial").write_text(
        '{"settings":{"predictor":null,"detector":"cnn","upsample":null,"min_face":null,'
        '"faces":"all"}}\n{"file":"z.jpg","stem":"z","faces":[]}\n'
    )
    told = run("-i", folder, "-o", tmp_path / "a.csv", "--resume", code=2, capsys=capsys).err
    assert "detector was cnn, is hog" in told


@pytest.mark.parametrize("output", ["a.csv", "points/"])
def test_a_full_disk_is_told_and_loses_nothing(many, tmp_path, output):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    journal = tmp_path / ("a.csv.partial" if output == "a.csv" else "points/landmarks.partial")
    with command(
        "-i", many, "-o", f"{tmp_path}/{output}", "--jobs", 1, preexec_fn=limit
    ) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot be written: File too large" in told
    assert len(told.splitlines()) == 1
    kept = lines(journal) - 1
    assert kept > 3
    run("-i", many, "-o", f"{tmp_path}/{output}", "--resume")
    if output == "a.csv":
        assert len(list(read_table(tmp_path / "a.csv"))) == PHOTOGRAPHS
    else:
        assert len(list((tmp_path / "points").glob("[0-9]*.txt"))) == PHOTOGRAPHS


def test_a_reader_that_stops_reading_is_no_error(many):
    with command("-i", many, *LIGHT, "--upsample", 0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
