"""Command: calibrate one low-intensity face towards one high-intensity (gold) face."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.checks import Points
from calibration.console import face_in, run
from calibration.figure import draw_calibration, encode_png
from calibration.polynomial import apply_calibration, calibrate
from landmarks.files import POINT_SUFFIXES, format_points, replacing
from landmarks.image import read_image

_COEFFICIENTS = {"par_x.txt", "par_y.txt"}


@dataclass(frozen=True, eq=False)
class _Face:
    photograph: NDArray[np.uint8] | None
    points: Points


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr and nothing written.
    """
    args = _parser().parse_args(argv)
    return run("python -m calibration", lambda: _calibrate(args))


def _calibrate(args: argparse.Namespace) -> None:
    gold = _face("gold", args.gold, args.gold_face, args)
    sample = _face("sample", args.sample, args.sample_face, args)
    if args.method == "ours":
        results = _our_results(gold, sample, args.intensity)
    elif args.intensity is None:
        results = _results(gold, sample)
    else:
        raise ValueError("--intensity goes with --method ours: the published map has none")
    for path in _write_all(args.output, results):
        print(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m calibration", description=__doc__)
    either = f"a photograph, or its points ({', '.join(POINT_SUFFIXES)})"
    parser.add_argument("gold", help=f"the face of high intensity: {either}")
    parser.add_argument("sample", help=f"the face of low intensity: {either}")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("calibrated"), metavar="OUTDIR",
        help="folder for calibrated.txt (x y lines, in the gold photograph's pixels, or with "
        "--method ours in the sample's), par_x.txt and par_y.txt (published: coefficients of "
        "y^2, x^2, xy, y, x, 1) and calibration.png "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--method", choices=["published", "ours"], default="published",
        help="published: the quadratic map between the two faces; ours: the gold face's expression "
        "on the sample person, in the sample photograph's pixels (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--intensity", type=float, metavar="X",
        help="of the result with --method ours, 0 neutral, 1 full (default: the gold face's)",
    )  # fmt: skip
    for name in ("gold", "sample"):
        parser.add_argument(
            f"--{name}-face", metavar="PHOTO", help=f"photograph to draw, where {name} is points"
        )
    parser.add_argument(
        "-p", "--predictor", help="landmark predictor for photographs (default: the one shipped)"
    )
    parser.add_argument(
        "--detector", default="hog", help="face detector: hog, cnn or haar (default: %(default)s)"
    )
    return parser


def _face(role: str, given: str, drawn_on: str | None, args: argparse.Namespace) -> _Face:
    photograph, points = face_in(
        given, count=None, predictor=args.predictor, detector=args.detector
    )
    if drawn_on is not None:
        if photograph is not None:
            raise ValueError(
                f"--{role}-face goes with a file of points, and {given} is a photograph"
            )
        photograph = read_image(drawn_on)
    return _Face(photograph, points)


def _results(gold: _Face, sample: _Face) -> dict[str, bytes]:
    """Contents of every file to write."""
    par_x, par_y = calibrate(gold.photograph, gold.points, sample.photograph, sample.points)
    calibrated = apply_calibration(par_x, par_y, sample.points)
    figure = draw_calibration(
        gold.photograph, gold.points, sample.photograph, sample.points, calibrated
    )
    return {
        "calibrated.txt": format_points(calibrated).encode(),
        "par_x.txt": _line(par_x),
        "par_y.txt": _line(par_y),
        "calibration.png": encode_png(figure),
    }


def _our_results(gold: _Face, sample: _Face, intensity: float | None) -> dict[str, bytes]:
    """Contents of every file to write; the map has no coefficients."""
    from calibration.expression import ExpressionModel

    model = ExpressionModel.load()
    calibrated = model.calibrate_to_gold(sample.points, gold.points, intensity=intensity)
    figure = draw_calibration(
        gold.photograph, gold.points, sample.photograph, sample.points, calibrated
    )
    return {
        "calibrated.txt": format_points(calibrated).encode(),
        "calibration.png": encode_png(figure),
    }


def _line(par: NDArray[np.float64]) -> bytes:
    return (",".join(repr(value) for value in par.tolist()) + "\n").encode()


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write all files or none; coefficients of another result do not stay beside them."""
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in contents]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(replacing(path, "wb")) for path in paths]
            for file, content in zip(files, contents.values(), strict=True):
                file.write(content)
                # A full disk is met here, before the first file takes its name.
                file.flush()
                os.fsync(file.fileno())
        for name in _COEFFICIENTS - contents.keys():
            (folder / name).unlink(missing_ok=True)  # of an earlier run with the published map
    except BaseException:
        if not existed:
            folder.rmdir()
        raise
    return paths


if __name__ == "__main__":
    sys.exit(main())
