"""The second half of the demo: a translator learns from synthetic people, and draws the dial."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from calibration.dial import dial
from calibration.expression import ExpressionModel
from data.photos import file_hash
from data.progress import Lines
from landmarks.image import resize
from landmarks.runs.command import report, run
from landmarks.runs.options import Options, Outcome

PEOPLE = Path(__file__).parent.parent / "data" / "people_small.tar"
"""The synthetic people that ship."""

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_EPOCHS, _SIZE, _FILTERS = 24, 64, 16  # 897 steps of 0.1 seconds
_CELL, _LEFT, _TOP = 112, 96, 30
_TEXT = (40, 40, 60)


def workshop(folder: Path) -> Path:
    """Where, below a folder, pairs and translator of exactly these people stand.

    Another set of people, or another network, has another place: it would be refused in this one.
    """
    told = f"{file_hash(str(PEOPLE))} {_SIZE} {_FILTERS}"
    return folder / f"learnt-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def learn(folder: Path) -> int:
    """Make pairs of the synthetic people and train a small translator on them.

    Parameters
    ----------
    folder : Path
        A `workshop`. Gets `pairs/` and `model/`; what is there is not made again.

    Returns
    -------
    code : int
        0, or 2 when a sentence was told.
    """
    from data import make_pairs
    from gan.config import Config
    from landmarks.runs.devices import fast_precision, usable_device

    pairs, model = folder / "pairs", folder / "model"
    if code := make_pairs.main([str(PEOPLE), str(pairs), "--size", str(_SIZE), "--resume"]):
        return code
    config = Config(base_filters=_FILTERS, precision=fast_precision(usable_device(None)))
    options = Options(workers=os.cpu_count() or 1, log_every=5)

    def work() -> Outcome:
        from gan.training import train

        return train(pairs, _EPOCHS, model, config, options, report=Steps())

    return run("python -m scripts.demo", "gan", work, resume=True)


class Steps:
    """Takes the lines of a training; of those of its steps it makes one now and then."""

    def __init__(self) -> None:
        self._lines: Lines | None = None

    def __call__(self, line: str) -> None:
        step = re.match(r"step \d+, epoch ([\d.]+):", line)
        if step is None:
            report(line)
            return
        epoch = float(step[1])
        if self._lines is None:  # a training that was stopped does not begin at 0
            self._lines = Lines(_EPOCHS, "epochs", done=epoch, tell=report, first=5, every=15)
        else:
            self._lines.update(epoch - self._lines.done)


def draw(points: NDArray[np.float64], model: Path) -> Image.Image:
    """A face at several intensities of every emotion, as the translator draws it.

    Parameters
    ----------
    points : (68, 2) float array
        Landmarks in pixels.
    model : Path
        Folder of a trained translator.

    Returns
    -------
    picture : Image
        Emotions down, intensities across.
    """
    from gan import load_generator
    from gan.faces import draw_landmarks, make_faces

    expressions = ExpressionModel.load()
    wanted = dial(expressions, points, intensities=INTENSITIES)
    generator, config = load_generator(model)
    faces = make_faces(generator, draw_landmarks(list(wanted.reshape(-1, 68, 2)), config))
    rows, columns = wanted.shape[:2]
    picture = Image.new("RGB", (_LEFT + columns * _CELL, _TOP + rows * _CELL), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for column, intensity in enumerate(INTENSITIES):
        middle = (_LEFT + (column + 0.5) * _CELL, _TOP / 2)
        pen.text(middle, f"{intensity:g}", fill=_TEXT, font=font, anchor="mm")
    for row, emotion in enumerate(expressions.emotions):
        pen.text((10, _TOP + (row + 0.5) * _CELL), emotion, fill=_TEXT, font=font, anchor="lm")
        for column in range(columns):
            face = resize(faces[row * columns + column], np.zeros((0, 2)), (_CELL, _CELL))[0]
            picture.paste(Image.fromarray(face), (_LEFT + column * _CELL, _TOP + row * _CELL))
    return picture
