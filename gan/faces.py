"""Faces that a trained generator draws, from landmark images or from landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.config import Config
from gan.frame import Frame
from landmarks.image import resize

if TYPE_CHECKING:
    from torch import nn

Images = NDArray[np.uint8]

BATCH = 32


def frame_of(config: Config) -> Frame:
    """The frame of the pairs that a generator was trained on.

    Parameters
    ----------
    config : Config

    Returns
    -------
    frame : Frame
        The usual one of the generator's size where the pairs told none.
    """
    told = config.drawing.get("frame")
    return Frame(size=config.size) if told is None else Frame.of(told)


def resized(image: Images, size: int) -> Images:
    """A picture as the networks take it.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    size : int
        Wanted width and height in pixels.

    Returns
    -------
    resized : (size, size, 3) uint8 array
    """
    return resize(image, np.zeros((0, 2)), (size, size))[0]


def draw_landmarks(faces: Sequence[ArrayLike], config: Config) -> Images:
    """Landmark images as the generator was shown in training.

    Parameters
    ----------
    faces : sequence of (68, 2) array_like
        Landmarks (x, y) in pixels of any picture.
    config : Config

    Returns
    -------
    images : (n, size, size, 3) uint8 array
        RGB.

    Raises
    ------
    PointsError
        Not 68 finite points, or all in one place.
    """
    frame = frame_of(config)
    # Pairs of another size are resized when they are loaded, and so is this.
    drawn = [resized(frame.draw(frame.place(points)), config.size) for points in faces]
    return np.array(drawn, dtype=np.uint8).reshape(-1, config.size, config.size, 3)


def make_faces(generator: nn.Module, landmark_images: Images, *, batch: int = BATCH) -> Images:
    """Draw a face for each landmark image.

    Parameters
    ----------
    generator : torch.nn.Module
        As `load_generator` gives it, on its device.
    landmark_images : (n, size, size, 3) uint8 array
        RGB.
    batch : int, optional
        How many at once.

    Returns
    -------
    faces : (n, size, size, 3) uint8 array
        RGB.
    """
    import torch

    if batch < 1:
        raise ValueError(f"batch is {batch}: expected 1 or more")
    device = next(generator.parameters()).device
    faces = np.empty_like(landmark_images)
    with torch.inference_mode():
        for start in range(0, len(faces), batch):
            part = torch.from_numpy(landmark_images[start : start + batch].copy()).to(device)
            unit = generator(part.permute(0, 3, 1, 2).float() / 127.5 - 1)
            whole = ((unit.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
            faces[start : start + batch] = whole.permute(0, 2, 3, 1).cpu().numpy()
    return faces
