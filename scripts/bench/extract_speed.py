"""Benchmark: images per second of `landmarks.extract` against the published way.

python -m scripts.bench.extract_speed --portraits ZIP --groups FOLDER --background FILE

Portraits at 600×500 and 4,000×3,000 pixels are made in a temporary folder from the photographs in
ZIP (one face each); the groups are the photographs in FOLDER, each linked several times. The
published way (read, grey, HOG on the picture enlarged by 2, shape predictor) runs in this process,
its models loaded beforehand; ours is the whole command with its default settings, its start
included. The two take turns; the medians of the rounds are compared. On a machine that does other
work too, the processor time (the least of the rounds) says more: times the cores, it is the ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from scripts.bench.portraits import Published, make_portraits


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.extract_speed")
    parser.add_argument("--portraits", metavar="ZIP", help="photographs of one face each")
    parser.add_argument("--groups", metavar="FOLDER", help="photographs of several faces")
    parser.add_argument(
        "--background", metavar="FILE", action="append", default=[], help="shows no face"
    )
    parser.add_argument("--jobs", type=int, default=2, help="our processes (2)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each takes (3)")
    parser.add_argument("--images", type=int, default=1000, help="portraits at 600×500 (1000)")
    parser.add_argument("--large", type=int, default=40, help="portraits at 4,000×3,000 (40)")
    parser.add_argument("--repeat", type=int, default=40, help="links to each group photo (40)")
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    published = Published()
    with tempfile.TemporaryDirectory() as temporary:
        if args.portraits:
            for size, count, every in (
                ((600, 500), args.images, 10),
                ((4000, 3000), args.large, 20),
            ):
                folder = Path(temporary, f"{size[0]}x{size[1]}")
                folder.mkdir()
                paths = make_portraits(args.portraits, args.background, size, count, folder)
                _compare(f"portraits {size[0]}×{size[1]}", paths, paths[::every], args, published)
        if args.groups:
            folder = Path(temporary, "groups")
            folder.mkdir()
            originals = sorted(Path(args.groups).glob("*.jpg"))
            paths = []
            for turn in range(args.repeat):
                for original in originals:
                    paths.append(folder / f"{turn:04d}_{original.name}")
                    paths[-1].symlink_to(original.absolute())
            _compare("group photographs", paths, paths[: len(originals)], args, published)
    return 0


def _compare(
    title: str,
    paths: list[Path],
    sample: list[Path],
    args: argparse.Namespace,
    published: Published,
) -> None:
    """Take turns; the published way is slow, so it works on a sample of the same pictures."""
    theirs: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    faces = 0
    for _ in range(args.rounds):
        begun, busy = time.perf_counter(), time.process_time()
        faces = sum(len(published(path)) for path in sample)
        theirs.append((time.perf_counter() - begun, time.process_time() - busy))
        ours.append(_seconds(paths[0].parent, args.jobs))
    rates = [
        (count / statistics.median(wall for wall, _ in turns), min(cpu for _, cpu in turns) / count)
        for count, turns in ((len(sample), theirs), (len(paths), ours))
    ]
    print(
        f"{title}: published {rates[0][0]:.2f} images/s (1 process, {len(sample)} images,"
        f" {faces} faces); landmarks.extract {rates[1][0]:.2f} images/s ({args.jobs} processes,"
        f" {len(paths)} images); ratio {rates[1][0] / rates[0][0]:.1f}\n"
        f"  processor time per image: {1e3 * rates[0][1]:.1f} ms and {1e3 * rates[1][1]:.1f} ms;"
        f" ratio {rates[0][1] / rates[1][1]:.1f} for each core",
        flush=True,
    )


def _seconds(folder: Path, jobs: int) -> tuple[float, float]:
    """Seconds that the command takes, by the clock and of processor time."""
    output = folder.parent / "faces.csv"
    command = [sys.executable, "-m", "landmarks.extract", "-i", str(folder), "-o", str(output)]
    begun, busy = time.perf_counter(), _busy()
    subprocess.run([*command, "--jobs", str(jobs)], check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun, _busy() - busy
    for name in (output, output.with_suffix(".errors.csv")):
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
    return seconds


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
