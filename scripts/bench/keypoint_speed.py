"""Benchmark: what placing 68 points costs, by our networks and by dlib's predictor.

python -m scripts.bench.keypoint_speed [--model MODEL] [--pfld FILE.onnx] [--rounds N]

One face: processor time of placing the points of one box in one grey picture, one thread, five
times each in turn, median. The network alone: by each runtime that is installed, and how near that
comes to the rate of a product of large matrices, all in turn. Batch: 256 faces with as many threads
as there are cores. Cold start: a process that imports, loads and places the points of one face.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from subprocess import run
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.image import read_image
from landmarks.keypoints.onnx_file import compute, read_onnx
from landmarks.keypoints.predictor import SHIPPED, SMALL, Predictor, load_predictor
from landmarks.keypoints.runtimes import Runtime, TorchRuntime
from landmarks.predictor import load_predictor as load_dlib

Array = NDArray[Any]
Call = Callable[[], object]

_BATCH = 256
_MATRIX = 512

_COLD = {
    "landmarks": """
from landmarks.keypoints import load_predictor
import numpy
predictor = load_predictor({model!r})
predictor.predict(numpy.zeros((200, 200), numpy.uint8), [(50, 50, 150, 150)])
""",
    "dlib": """
import dlib, numpy
predictor = dlib.shape_predictor({dlib!r})
predictor(numpy.zeros((200, 200), numpy.uint8), dlib.rectangle(50, 50, 150, 150))
""",
}


def in_turn(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Median milliseconds of processor time of each call, five times each in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(1 + rounds // 5):
        for name, call in calls.items():
            for _ in range(5):
                start = time.process_time()
                call()
                times[name].append(time.process_time() - start)
    return {name: 1000 * float(np.median(values)) for name, values in times.items()}


def pfld(path: str, grey: Array, box: Box) -> Call:
    """PFLD by ONNX Runtime on one thread, from the same picture and box."""
    import onnxruntime

    from landmarks.keypoints.crops import crop_around

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    side = int(given.shape[2])

    def call() -> None:
        crop = crop_around((box.left, box.top, box.right, box.bottom), side, factor=1.2).cut(grey)
        values = np.repeat(crop[None, None].astype(np.float32) / 255, 3, axis=1)
        session.run(None, {given.name: values})

    return call


def cold_start(code: str, rounds: int = 7) -> tuple[float, float]:
    """Smallest seconds of a process from its start to its end: on the clock, of processor time."""
    import resource

    clocks, works = [], []
    for _ in range(rounds):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run([sys.executable, "-c", code], check=True)
        clocks.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        works.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(clocks), min(works)


def traffic(model: str) -> tuple[int, int, int] | None:
    """Multiply-adds of a face, bytes of weights, bytes of what layers read and write.

    None without torch, or where the weights are not at hand.
    """
    try:
        import torch

        from landmarks.keypoints.model_file import load_model
        from landmarks.keypoints.networks import multiply_adds
    except ModuleNotFoundError:
        return None
    weights = str(SHIPPED.with_suffix(".safetensors")) if model == SMALL else model
    if weights.endswith(".onnx"):
        weights = weights[:-5] + ".safetensors"
    if not Path(weights).exists():
        return None
    network, config = load_model(weights)
    moved = 0

    def count(_: object, given: tuple[Any, ...], answer: Any) -> None:
        nonlocal moved
        moved += 4 * (given[0].numel() + answer.numel())

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(count)
    network(torch.zeros(1, config.channels, config.side, config.side))
    held = 4 * sum(parameter.numel() for parameter in network.parameters())
    return multiply_adds(network, config.channels, config.side), held, moved


def runtimes_of(model: str) -> dict[str, Runtime]:
    """Everything here that can compute the network, the one that `load_predictor` takes first."""
    file = str(SHIPPED) if model == SMALL else model
    if not file.lower().endswith(".onnx"):
        return {"TorchRuntime, which is used": TorchRuntime(file)}
    used, _ = read_onnx(file)
    found = {f"{type(used).__name__}, which is used": used}
    found["OpenCV"], _ = compute(Path(file).read_bytes(), file, opencv=True)
    try:
        found["torch"] = TorchRuntime(Path(file).with_suffix(".safetensors"), device="cpu")
    except InputError as error:
        print(f"not compared with torch: {error}")
    return found


def one_face(predictor: Predictor, args: argparse.Namespace, grey: Array, box: Box) -> None:
    """Print what one face costs, and the network alone by each runtime."""
    sides = [(box.left, box.top, box.right, box.bottom)]
    dlibs = load_dlib()
    calls: dict[str, Call] = {
        "dlib": lambda: dlibs(grey, box),
        "ours": lambda: predictor.predict(grey, sides),
    }
    if args.pfld:
        calls["PFLD"] = pfld(args.pfld, grey, box)
    found = in_turn(calls, args.rounds)
    print("one face, one thread, from picture and box to points")
    for name, value in found.items():
        print(f"  {name}: {value:.2f} ms, {value / found['dlib']:.2f} of dlib's predictor")
    if args.pfld:
        print(f"  ours / PFLD: {found['ours'] / found['PFLD']:.2f}")

    side, channels = predictor.config.side, predictor.config.channels
    crop = np.random.default_rng(0).integers(0, 256, (1, side, side), dtype=np.uint8)
    crop = crop if channels == 1 else np.repeat(crop[..., None], 3, axis=3)
    eight = np.repeat(crop, 8, axis=0)
    factor = np.random.default_rng(0).random((_MATRIX, _MATRIX), np.float32)
    runtimes = runtimes_of(args.model)
    calls = {"": lambda: factor @ factor}
    for name, runtime in runtimes.items():
        calls[name] = partial(runtime, crop)
        calls[f"{name} 8"] = partial(runtime, eight)
    found = in_turn(calls, args.rounds)
    rate = _MATRIX**3 / found[""]
    counted = traffic(args.model)
    told = f"{rate / 1e6:.1f} thousand million multiply-adds a second"
    print(f"the network alone; limit: a product of large matrices, {told}")
    if counted is not None:
        adds, held, moved = counted
        print(
            f"  {adds / 1e6:.1f} million multiply-adds: {adds / rate:.2f} ms at the limit; "
            f"{held / 1e6:.2f} MB of weights, {moved / 1e6:.1f} MB into and out of layers"
        )
    for name in runtimes:
        one, many = found[name], found[f"{name} 8"] / 8
        shares = "" if counted is None else f" ({adds / rate / one:.0%} of the limit)"
        told = "" if counted is None else f" ({adds / rate / many:.0%})"
        print(f"  {name}: {one:.2f} ms a face{shares}, in eights {many:.2f} ms{told}")


def batch(predictor: Predictor, threads: int, grey: Array, box: Box, rounds: int) -> None:
    """Print faces a second."""
    boxes = np.tile((box.left, box.top, box.right, box.bottom), (_BATCH, 1))
    clocks, works = [], []
    cv2.setNumThreads(threads)
    for _ in range(max(3, rounds // 20)):
        start, work = time.perf_counter(), time.process_time()
        predictor.predict(grey, boxes)
        clocks.append(time.perf_counter() - start)
        works.append(time.process_time() - work)
    each = float(np.median(works)) / _BATCH
    print(
        f"batch of {_BATCH}, {threads} threads: {_BATCH / min(clocks):.0f} faces a second on the "
        f"clock (best); {1e3 * each:.2f} ms of processor time a face, so {threads / each:.0f} a "
        f"second where {threads} cores are free"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default=SMALL, help="as landmarks.extract -p (small)")
    parser.add_argument("--pfld", metavar="FILE.onnx", help="PFLD, by ONNX Runtime")
    parser.add_argument("--image", help="a portrait (the astronaut of scikit-image)")
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args(argv)
    try:
        predictor = load_predictor(args.model)
        image = read_image(args.image) if args.image else _astronaut()
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        faces = _detect(grey)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        one_face(predictor, args, grey, faces[0])
    batch(predictor, threads, grey, faces[0], args.rounds)
    paths = {"model": args.model, "dlib": str(load_dlib().path)}
    cold = {name: cold_start(code.format(**paths)) for name, code in _COLD.items()}
    for name, (clock, work) in cold.items():
        print(
            f"cold start, {name}: {clock:.2f} s on the clock, {work:.2f} s of processor time, "
            f"{work / cold['dlib'][1]:.2f} of dlib's"
        )
    return 0


def _astronaut() -> NDArray[np.uint8]:
    from skimage import data

    image: NDArray[np.uint8] = data.astronaut()
    return image


def _detect(grey: Array) -> list[Box]:
    from landmarks.faces import detect

    if faces := detect(grey):
        return [face.box for face in faces]
    raise InputError("the picture shows no face: expected a portrait")


if __name__ == "__main__":
    sys.exit(main())
