"""A translator from landmark images to faces as an editor: what the editor is compared with."""

from __future__ import annotations

import os

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gan.editor.batches import Pair
from gan.editor.measuring import Method
from gan.editor.region import region
from gan.editor.square import SIDE
from gan.frame import Frame
from gan.model_file import load_generator
from landmarks.errors import InputError


def translated(modeldir: str | os.PathLike[str]) -> Method:
    """The face that a translator draws for the wanted landmarks, put into the square.

    Parameters
    ----------
    modeldir : path-like
        Of `python -m gan.train`, trained on pairs whose drawing is told.

    Raises
    ------
    InputError
        It holds no generator, or does not tell how its landmark images are drawn.
    """
    generator, config = load_generator(modeldir)
    if "frame" not in config.drawing:
        raise InputError(f"{modeldir} does not tell how its landmark images are drawn")
    frame = Frame.of(config.drawing["frame"])

    def method(pair: Pair) -> NDArray[np.uint8]:
        drawn = frame.draw(frame.place(pair.after))
        given = torch.from_numpy(drawn).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            answer = generator(given)[0].clamp(-1, 1).permute(1, 2, 0).numpy()
        face = np.rint((answer + 1) * 127.5).astype(np.uint8)
        left, top, right, _ = frame.box(pair.after)
        ratio = frame.size / (right - left)
        # Pixel x of the square lies at (x + 0.5 − left) · ratio − 0.5 of the drawn face.
        shift = (0.5 - np.array([left, top])) * ratio - 0.5
        back = np.array([[ratio, 0, shift[0]], [0, ratio, shift[1]]])
        there = cv2.warpAffine(
            face,
            back,
            (SIDE, SIDE),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask = region(pair.before, pair.after)[..., None]
        mixed = pair.source * (1 - mask) + there * mask
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    return method
