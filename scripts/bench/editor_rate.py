"""Benchmark: how many faces a second are edited, in batches.

python -m scripts.bench.editor_rate PHOTO --device cuda

The photograph's largest face is scaled to the square's 128 pixels, its landmarks are known, and
edits are made once, without looking at the result. Told are faces per second one after the other,
which is the baseline; in batches; of the network alone on the device; and of all but the network,
which is done on the processor, with as many threads as it has cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from gan.editor import Editor
from gan.editor.inputs import CHANNELS
from gan.editor.square import SIDE, square_of
from landmarks import detect, read_image
from landmarks.batch import cores
from landmarks.errors import InputError


def rate(work: Callable[[], object], faces: int, rounds: int) -> float:
    """Faces per second, in the best round."""
    work()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return faces / min(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.editor_rate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photo", help="with a face")
    parser.add_argument("--device", help="as torch names it (default: the processor without torch)")
    parser.add_argument("--faces", type=int, default=64, help="of a batch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    if min(args.faces, args.rounds) < 1:
        parser.error("--faces and --rounds: expected 1 or more")
    try:
        _run(args)
    except (InputError, OSError) as problem:
        print(f"{parser.prog}: {problem}", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> None:
    image, editor = read_image(args.photo), Editor.load(device=args.device)
    faces = detect(image, faces="largest")
    if not faces:
        raise InputError(f"{args.photo}: no face was found")
    scale = float(np.hypot(*square_of(faces[0].points).matrix[:, 0]))
    size = tuple(max(round(scale * side), 1) for side in image.shape[1::-1])
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    points = (faces[0].points + 0.5) * scale - 0.5
    wish: dict[str, Any] = {"emotion": "surprise", "source": points, "exact": False}
    planes = np.zeros((args.faces, CHANNELS, SIDE, SIDE), np.float32)
    warped = Editor.load(warp_only=True)
    many = [small] * args.faces
    rates: dict[str, Callable[[], object]] = {
        "one after the other": lambda: [editor.edit(small, **wish) for _ in many],
        "in a batch": lambda: editor.edit_batch(many, **wish),
        "the network alone": lambda: editor.repairer.residuals(planes),
        "all but the network": lambda: warped.edit_batch(many, **wish),
    }
    base = None
    print(f"{args.faces} faces, {args.device or 'ONNX Runtime'}, {cores()} cores")
    for name, work in rates.items():
        found = rate(work, args.faces, args.rounds)
        base = base or found
        print(f"{name:20} {found:7.1f} faces/s, {found / base:5.2f} of the baseline", flush=True)


if __name__ == "__main__":
    sys.exit(main())
