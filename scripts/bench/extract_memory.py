"""Benchmark: does the memory of `landmarks.extract` stay flat over many pictures?

python -m scripts.bench.extract_memory FOLDER --images 20000

FOLDER holds some pictures, which are linked as often as needed. The resident memory of the command
and its processes is read all along; printed are its medians over the second and the ninth tenth of
the run (in the last the processes have ended), and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from landmarks.inputs import expand

_MEGABYTE = 1024  # /proc counts in kB


def resident(process: int) -> int:
    """Resident memory in kB of a process and all below it (Linux)."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(own.split()[1]) + sum(resident(child) for child in children)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.extract_memory")
    parser.add_argument("folder", help="some pictures")
    parser.add_argument("--images", type=int, default=20_000, help="how many to read (20000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    args = parser.parse_args(argv)
    pictures = [Path(source.path).absolute() for source in expand([args.folder], recursive=True)]
    with tempfile.TemporaryDirectory() as temporary:
        links = Path(temporary, "pictures")
        links.mkdir()
        for number in range(args.images):
            original = pictures[number % len(pictures)]
            (links / f"{number:06d}{original.suffix}").symlink_to(original)
        output = Path(temporary, "faces.csv")
        command = [sys.executable, "-m", "landmarks.extract", "-i", str(links), "-o", str(output)]
        samples: list[int] = []
        begun = time.perf_counter()
        with subprocess.Popen([*command, "--jobs", str(args.jobs)]) as process:
            while process.poll() is None:
                samples.append(resident(process.pid))
                time.sleep(0.5)
        seconds = time.perf_counter() - begun
    tenth = max(1, len(samples) // 10)
    early = statistics.median(samples[tenth : 2 * tenth]) / _MEGABYTE
    late = statistics.median(samples[-2 * tenth : -tenth]) / _MEGABYTE
    print(f"{args.images} pictures in {seconds:.0f} s, exit code {process.returncode}")
    print(f"memory {early:.0f} MB early, {late:.0f} MB late: ratio {late / early:.3f}")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
