"""Command: python -m scripts.bench.expression_speed

Time of the expression model on one core: a single face, and batches as faces per second, with
the published quadratic calibration of the same faces in the same run as the baseline.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration import apply_calibration, calibrate
from calibration.expression import ExpressionModel
from calibration.gaussian import Array


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Best time of `repeats` calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="model file (default: the one that ships)")
    parser.add_argument("--count", type=int, default=50000, help="faces in a batch")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(argv)
    threadpool_limits(1)
    try:
        start = time.perf_counter()
        model = ExpressionModel.load(options.model)
    except ValueError as problem:
        print(f"expression_speed: {problem}", file=sys.stderr)
        return 2
    print(f"load {1000 * (time.perf_counter() - start):.0f} ms")
    rng = np.random.default_rng(0)
    mean = 100 * model.frame.mean[:, :2] + 128
    faces = np.empty((options.count, 68, 2))
    for row in range(0, options.count, 1000):
        size = min(1000, options.count - row)
        faces[row : row + size] = mean + rng.standard_normal((size, 68, 2))
        faces[row : row + size] += 20 * rng.standard_normal((size, 1, 2))
    strengths = rng.uniform(0.1, 0.6, options.count)
    faces = model.intensify(faces, strengths, "happiness")
    neutral = model.intensify(faces, 0.0, "happiness")

    def quadratic() -> None:
        apply_calibration(*calibrate(None, faces[1], None, faces[0]), faces[0])

    base = seconds(quadratic, 200)
    print(f"published quadratic, one face: {1e3 * base:.3f} ms (baseline)")

    def time_of(title: str, call: Callable[..., object], zero: Array | None, **given: Any) -> None:
        one = None if zero is None else zero[0]
        single = seconds(lambda: call(faces[0], neutral=one, **given), 200)
        batch = seconds(lambda: call(faces, neutral=zero, **given), options.repeats)
        print(
            f"{title:52s} one face {1e3 * single:.3f} ms ({single / base:.1f} x baseline), "
            f"batch {options.count / batch:.0f} faces/s"
        )

    for known, zero in (("neutral known", neutral), ("neutral unknown", None)):
        time_of(f"intensify, {known}, emotion given", model.intensify, zero, emotion="surprise")
        time_of(f"intensify, {known}, own emotion", model.intensify, zero)
        time_of(f"estimate, {known}", model.estimate, zero)
    return 0


if __name__ == "__main__":
    sys.exit(main())
