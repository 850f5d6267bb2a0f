"""Benchmark: how long an edit takes, beside finding the face.

python -m scripts.bench.editor_speed

The photograph is scikit-image's portrait of 512 pixels. Told are medians in milliseconds of finding
the face with its landmarks, which is the baseline; of an edit of a face whose landmarks are known,
once and, for each emotion, with the correction loop, which ends sooner where the first edit shows
what was asked for; of the network alone; and seconds of the whole command, start included.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gan.editor import Editor
from gan.editor.inputs import CHANNELS
from gan.editor.onnx_file import read_onnx
from gan.editor.repair import SHIPPED
from gan.editor.square import SIDE
from landmarks import detect


def median(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds."""
    work()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - start))
    return statistics.median(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.editor_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(argv).rounds
    from skimage import data

    image = data.astronaut()
    [face] = detect(image, faces="largest")
    editor, points = Editor.load(), face.points
    planes = np.zeros((1, CHANNELS, SIDE, SIDE), np.float32)
    network = read_onnx(SHIPPED)

    def edit(emotion: str, exact: bool = True) -> object:
        return editor.edit(image, emotion=emotion, intensity=1.0, source=points, exact=exact)

    rows = {
        "finding the face and its landmarks": median(lambda: detect(image), rounds),
        "an edit, once": median(lambda: edit("surprise", False), rounds),
        "the network alone": median(lambda: network(planes), rounds),
    }
    for emotion in editor.model.emotions:
        rows[f"corrected: {emotion}"] = median(lambda name=emotion: edit(name), rounds)  # type: ignore[misc]
    base = rows["finding the face and its landmarks"]
    for name, value in rows.items():
        print(f"{name:36} {value:7.1f} ms, {value / base:5.2f} of the baseline", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photo, out = Path(folder, "photo.png"), Path(folder, "out.png")
        Image.fromarray(image).save(photo)
        command = [sys.executable, "-m", "gan.edit", str(photo), "--emotion", "surprise"]
        whole = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([*command, "-o", str(out)], check=True, capture_output=True)
            whole.append(time.perf_counter() - start)
    print(f"the whole command, start included: {min(whole):.2f} s (best of three)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
