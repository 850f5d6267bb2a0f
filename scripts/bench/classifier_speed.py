"""Benchmark: seconds of `classifier.predict` for many photographs, against their landmarks alone.

python -m scripts.bench.classifier_speed FOLDER

The first photographs below FOLDER are laid into a temporary folder, with longer sides of 224
pixels. Both commands run whole, start included, with the same landmark network and as many
processes, and take turns: `landmarks.extract` finds the faces and writes their landmarks,
`classifier.predict` also tells emotions and intensities. On a machine that does other work too, the
processor time says more than the clock; the least of the rounds is told of each.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from landmarks.errors import ImageError, InputError
from landmarks.image import SUFFIXES, Picture


def main(argv: Sequence[str] | None = None) -> int:
    """Print seconds and ratios; returns 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.classifier_speed")
    parser.add_argument("folder", help="photographs, also in folders below")
    parser.add_argument("--count", type=int, default=1000, help="photographs (1000)")
    parser.add_argument("--side", type=int, default=224, help="their longer side in pixels (224)")
    parser.add_argument("--jobs", type=int, default=2, help="processes of each command (2)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each takes (3)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        photographs = Path(temporary, "photographs")
        photographs.mkdir()
        try:
            _lay(Path(args.folder), photographs, args.count, args.side)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        rest = ["-o", f"{temporary}/out.csv", "--jobs", str(args.jobs)]
        commands = {
            "landmarks.extract": ["-p", "small", "-i", str(photographs), *rest],
            "classifier.predict": [str(photographs), *rest],
        }
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, arguments in commands.items():
                turns[name].append(_seconds(name, arguments))
    walls, busy = ({n: min(turn[k] for turn in t) for n, t in turns.items()} for k in (0, 1))
    alone, told = commands
    print(
        f"{args.count} photographs of {args.side} pixels, {args.jobs} processes, start included: "
        f"{told} {walls[told]:.1f} s, {alone} {walls[alone]:.1f} s, ratio "
        f"{walls[told] / walls[alone]:.2f}; of processor time {busy[told]:.1f} s and "
        f"{busy[alone]:.1f} s, ratio {busy[told] / busy[alone]:.2f}"
    )
    return 0


def _lay(source: Path, folder: Path, count: int, side: int) -> None:
    done = 0
    for path in sorted(source.rglob("*")):
        if done == count:
            return
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            image = Picture(str(path)).rgb()
        except ImageError:
            continue
        scale = side / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{done:05d}.jpg"), small[:, :, ::-1])
        done += 1
    if done < count:
        raise InputError(f"{source} holds {done} photographs: expected {count} (--count)")


def _seconds(name: str, arguments: list[str]) -> tuple[float, float]:
    """Seconds that a command takes, by the clock and of processor time."""
    begun, busy = time.perf_counter(), _busy()
    command = [sys.executable, "-m", name, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun, _busy() - busy


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
