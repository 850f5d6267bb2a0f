"""Command: one face at seven intensities of every emotion, as a strip of line drawings."""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from calibration.checks import Points
from calibration.console import face_in, run
from calibration.expression import ExpressionModel
from calibration.figure import write_png
from landmarks.draw import draw_contours
from landmarks.files import POINT_SUFFIXES

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
_SCALE = 4  # lines are drawn large and made small, so that they are smooth
_MARGIN, _TOP, _LEFT = 0.12, 34, 96
_INK, _FRAME, _TEXT = (25, 25, 35), (222, 222, 228), (40, 40, 60)


def dial(
    model: ExpressionModel,
    points: Points,
    neutral: Points | None = None,
    intensities: tuple[float, ...] = INTENSITIES,
) -> NDArray[np.float64]:
    """A face at every intensity of every emotion.

    Parameters
    ----------
    model : ExpressionModel
    points : (68, 2) float array
        Landmarks in pixels.
    neutral : (68, 2) float array, optional
        The same person without expression.
    intensities : tuple of float, optional
        0 neutral, 1 full.

    Returns
    -------
    faces : (E, S, 68, 2) float array
        Emotions in the model's order by intensities, in the pixels of `points`.
    """
    count = len(intensities)
    repeated = np.repeat(points[None], count, 0)
    return np.stack(
        [
            model.intensify(repeated, np.array(intensities), emotion, neutral)
            for emotion in model.emotions
        ]
    )


def draw_dial(
    faces: NDArray[np.float64],
    emotions: tuple[str, ...],
    intensities: tuple[float, ...],
    size: int = 150,
) -> NDArray[np.uint8]:
    """Line drawings of faces in a grid: emotions down, intensities across.

    Parameters
    ----------
    faces : (E, S, 68, 2) float array
        All in one frame; they keep their common scale and place.
    emotions : tuple of str
    intensities : tuple of float
    size : int, optional
        Width and height of a cell in pixels.

    Returns
    -------
    figure : (H, W, 3) uint8 array
        RGB, H = 34 + E * size and W = 96 + S * size.
    """
    low, high = faces.min((0, 1, 2)), faces.max((0, 1, 2))
    span = float((high - low).max()) * (1 + 2 * _MARGIN)
    origin = (low + high) / 2 - span / 2
    rows, columns = faces.shape[:2]
    figure = Image.new("RGB", (_LEFT + columns * size, _TOP + rows * size), "white")
    pen = ImageDraw.Draw(figure)
    font = ImageFont.load_default(15)
    for column, intensity in enumerate(intensities):
        middle = (_LEFT + (column + 0.5) * size, _TOP / 2)
        pen.text(middle, f"{intensity:g}", fill=_TEXT, font=font, anchor="mm")
    for row, emotion in enumerate(emotions):
        pen.text((10, _TOP + (row + 0.5) * size), emotion, fill=_TEXT, font=font, anchor="lm")
        for column in range(columns):
            cell = np.full((size * _SCALE, size * _SCALE, 3), 255, np.uint8)
            place = (faces[row, column] - origin) * (size * _SCALE / span)
            draw_contours(cell, place, _INK, thickness=2 * _SCALE - 2)
            corner = (_LEFT + column * size, _TOP + row * size)
            small = Image.fromarray(cell).resize((size, size), Image.Resampling.LANCZOS)
            figure.paste(small, corner)
            pen.rectangle((*corner, corner[0] + size - 1, corner[1] + size - 1), outline=_FRAME)
    return np.asarray(figure)


def main(argv: list[str] | None = None) -> int:
    """Draw the strip.

    Parameters
    ----------
    argv : list of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr and nothing written.
    """
    parser = argparse.ArgumentParser(prog="python -m calibration.dial", description=__doc__)
    either = f"a photograph, or its 68 points ({', '.join(POINT_SUFFIXES)})"
    parser.add_argument("face", help=either)
    parser.add_argument("-o", "--output", default="dial.png", help=".png (default: %(default)s)")
    parser.add_argument("-n", "--neutral", help=f"the same person without expression: {either}")
    parser.add_argument("-m", "--model", help="expression model (default: the one shipped)")
    parser.add_argument("--size", type=int, default=150, help="of a face in pixels (default: 150)")
    options = parser.parse_args(argv)
    return run("python -m calibration.dial", lambda: _draw(options))


def _draw(options: argparse.Namespace) -> None:
    if not 32 <= options.size <= 1000:
        raise ValueError(f"--size {options.size}: expected 32 to 1000 pixels")
    model = ExpressionModel.load(options.model)
    _, points = face_in(options.face)
    neutral = None if options.neutral is None else face_in(options.neutral)[1]
    estimate = model.estimate(points, neutral)
    faces = dial(model, points, neutral)
    write_png(options.output, draw_dial(faces, model.emotions, INTENSITIES, options.size))
    print(
        f"{options.output}: {estimate.emotion} ({100 * max(estimate.probability):.0f} %), "
        f"intensity {estimate.intensity:.2f}, {estimate.distance:.1f} standard deviations from "
        "known faces"
    )


if __name__ == "__main__":
    sys.exit(main())
