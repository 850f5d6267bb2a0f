"""Speed of the loader alone against the training step: loading must never be waited for.

    python -m scripts.bench.gan_loader
    python -m scripts.bench.gan_loader --recipe better --size 128 --base-filters 32

Pictures are made up, as many as asked for, and decoded once, as `gan.train` does before its first
step. Loader and step take turns in one process; medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gan.config import SETTINGS, Config
from gan.networks import build_networks
from gan.pairs import pair_name, read_index
from gan.recipes import make_optimizer
from gan.store import load_pairs
from scripts.bench.gan_speed import our_step


def write_folder(folder: Path, count: int, size: int) -> None:
    """`count` pairs of noise, four of each person."""
    rng = np.random.default_rng(0)
    for number in range(count):
        for face in (False, True):
            pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
            name = pair_name(str(number // 4), face=face, image=number % 4)
            Image.fromarray(pixels).save(folder / name)


def main(argv: list[str] | None = None) -> int:
    """Print milliseconds of both, and the ratio."""
    parser = argparse.ArgumentParser(prog="gan_loader", description=__doc__)
    parser.add_argument("--recipe", choices=["published", "better"], default="published")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--base-filters", type=int, default=96)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), args.pairs, args.size)
        start = time.perf_counter()
        store, _ = load_pairs(read_index(folder).pairs, args.size, workers=args.threads)
    taken = time.perf_counter() - start
    print(f"decoded {2 * args.pairs} pictures once: {taken:.1f} s")
    config = Config(
        size=args.size,
        base_filters=args.base_filters,
        recipe=args.recipe,
        batch=args.batch,
        precision="bf16",
        settings=SETTINGS[args.recipe],
    )
    networks = build_networks(config).train()
    optimizer = make_optimizer(networks, config)
    device = torch.device("cpu")
    loading, stepping = [], []
    for step in range(args.rounds + 1):
        start = time.perf_counter()
        batch = store.batch(step, seed=0, batch=args.batch, device=device)
        loaded = time.perf_counter()
        our_step(networks, optimizer, batch, config)
        if step:  # the first round warms up
            loading.append(loaded - start)
            stepping.append(time.perf_counter() - loaded)
    load, step_time = statistics.median(loading), statistics.median(stepping)
    print(f"loader {1000 * load:.1f} ms, step {1000 * step_time:.0f} ms at batch {args.batch}:")
    print(f"the loader alone is {step_time / load:.0f} times faster than the step")
    return 0


if __name__ == "__main__":
    sys.exit(main())
