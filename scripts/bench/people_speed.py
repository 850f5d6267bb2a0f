"""Benchmark: pictures per second of `data.people`, against the bare path tracer.

python -m scripts.bench.people_speed --ict FOLDER --people 10 --jobs 2

The whole command runs with its start, labels and shards included. The baseline is Mitsuba's own
work on the same scenes at the same samples, one after the other in one process: the time within
`mitsuba.load_dict` of the finished scene and `mitsuba.render`, measured while this process renders
the first pictures of the same set. The resident memory of the command and its processes is read all
along; its medians over the second and the ninth tenth of the run are compared.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.people.head_model import read_head_model
from data.people.settings import Settings
from data.people.write import Order, one_thread, painter
from scripts.bench.extract_memory import resident

_MEGABYTE = 1024  # /proc counts in kB


class Timed:
    """Seconds of processor time spent in a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *args: Any, **options: Any) -> Any:
        begun = time.process_time()
        result = self._function(*args, **options)
        self.seconds += time.process_time() - begun
        return result


def bare(order: Order, pictures: int) -> tuple[float, float]:
    """Processor seconds for each picture in this process: of Mitsuba alone, and of all."""
    import mitsuba

    paint = painter(order)
    with one_thread():
        paint(0)  # what is imported and cached with the first picture belongs to the start
        load, render = Timed(mitsuba.load_dict), Timed(mitsuba.render)
        mitsuba.load_dict, mitsuba.render = load, render
        begun = time.process_time()
        for index in range(pictures):
            paint(index)
        whole = time.process_time() - begun
    return (load.seconds + render.seconds) / pictures, whole / pictures


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code of the command that it measures."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.people_speed")
    parser.add_argument("--ict", required=True, metavar="FOLDER", help="ICT-FaceKit")
    parser.add_argument("--people", type=int, default=10, help="how many (10)")
    parser.add_argument("--per-person", type=int, default=40, help="pictures of each (40)")
    parser.add_argument("--size", type=int, default=128, help="pixels (128)")
    parser.add_argument("--samples", type=int, default=8, help="light paths of a pixel (8)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--bare", type=int, default=40, help="pictures of the baseline (40)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        options = ["--people", args.people, "--per-person", args.per_person, "--size", args.size]
        options += ["--samples", args.samples, "--jobs", args.jobs, "--ict", args.ict]
        command = [sys.executable, "-m", "data.people", str(Path(temporary, "people"))]
        memory: list[int] = []
        begun = time.perf_counter()
        with subprocess.Popen([*command, *map(str, options)]) as process:
            while process.poll() is None:
                memory.append(resident(process.pid))
                time.sleep(0.25)
        seconds = time.perf_counter() - begun
    if process.returncode:
        return process.returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = args.people * args.per_person
    busy = (used.ru_utime + used.ru_stime) / count
    model = read_head_model(args.ict)
    settings = Settings.of(model, people=args.people, per_person=args.per_person, size=args.size)
    alone, whole = bare(Order(args.ict, settings, args.samples), min(args.bare, count))
    print(
        f"{count} pictures of {args.size} px, {args.samples} samples, {args.jobs} processes:"
        f" {seconds:.1f} s, {count / seconds:.2f} pictures/s (aim: at least 6 on 2 cores)"
    )
    print(
        f"processor time of a picture: {1e3 * busy:.0f} ms with start and writing,"
        f" {1e3 * whole:.0f} ms rendered in one process, of which bare Mitsuba {1e3 * alone:.0f} ms"
    )
    print(
        f"bare Mitsuba, one process: {1 / alone:.2f} pictures/s; the command makes"
        f" {count / seconds * alone:.2f} times as many"
    )
    tenth = max(1, len(memory) // 10)
    early = statistics.median(memory[tenth : 2 * tenth]) / _MEGABYTE
    late = statistics.median(memory[-2 * tenth : -tenth]) / _MEGABYTE
    print(
        f"memory of all processes: {early:.0f} MB early, {late:.0f} MB late, ratio"
        f" {late / early:.3f}; peak {max(memory) / _MEGABYTE:.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
