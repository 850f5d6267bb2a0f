"""Boxes in pictures without faces: what a network must not trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from landmarks.errors import ImageError, InputError
from landmarks.image import read_image
from landmarks.inputs import expand
from landmarks.keypoints.predictor import Fits

CROPS = 5000

SMALLEST = 24
"""Side of the smallest box, in pixels."""


class Network(Protocol):
    """`landmarks.keypoints.predictor.Predictor`, or whatever answers alike."""

    def predict(self, image: Any, boxes: Any) -> Fits:
        """Landmarks in boxes of one picture."""
        ...


class NoFaces(NamedTuple):
    """What a network thinks of what is no face.

    Attributes
    ----------
    trust : (n,) float array
    pictures : int
    errors : tuple of str
        Pictures that could not be used: a sentence for each.
    """

    trust: NDArray[np.float64]
    pictures: int
    errors: tuple[str, ...]


def random_boxes(
    size: tuple[int, int], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Square boxes within a picture, as a detector would draw them.

    Parameters
    ----------
    size : (int, int)
        Width and height of the picture.
    count : int
    rng : numpy.random.Generator

    Returns
    -------
    boxes : (count, 4) float array
        Left, top, right, bottom; sides from `SMALLEST` pixels to the picture's shorter side, all
        octaves alike.
    """
    longest = min(size)
    sides = np.exp(rng.uniform(np.log(min(SMALLEST, longest)), np.log(longest), count))
    low = rng.uniform(0, 1, (count, 2)) * (np.array(size) - sides[:, None])
    return np.concatenate([low, low + sides[:, None] - 1], axis=1)


def ask_without_faces(
    network: Network,
    pictures: Sequence[str],
    *,
    count: int = CROPS,
    seed: int = 0,
    progress: bool = False,
    read: Callable[[str], NDArray[np.uint8]] = read_image,
) -> NoFaces:
    """Trust in random boxes of pictures that show no face.

    Parameters
    ----------
    network : Network
    pictures : sequence of str
        Files, or folders of them; each gives the same number of boxes.
    count : int, optional
        Boxes in all.
    seed : int, optional
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.
    read : callable, optional
        Reads a picture.

    Returns
    -------
    asked : NoFaces

    Raises
    ------
    InputError
        A path is missing, no picture can be used, or the network tells no trust.
    """
    errors: list[str] = []
    trust: list[NDArray[np.float64]] = []
    paths = [source.path for source in expand(pictures, recursive=True) if not source.film]
    used = 0
    bar = tqdm(paths, desc="no faces", unit="img", leave=False, disable=None if progress else True)
    waiting = count
    for number, path in enumerate(bar):
        # What unreadable pictures would have given is shared by those behind them.
        share = -(-waiting // (len(paths) - number))
        if share == 0:
            break
        try:
            image = read(path)
        except ImageError as error:
            errors.append(str(error))
            continue
        height, width = image.shape[:2]
        if min(height, width) < 8:
            errors.append(f"{path} has {width}×{height} pixels: too few for a box")
            continue
        boxes = random_boxes((width, height), share, np.random.default_rng([seed, number]))
        fits = network.predict(image, boxes)
        if fits.trust is None:
            raise InputError("this network tells no trust: faces and others cannot be compared")
        trust.append(fits.trust)
        used, waiting = used + 1, waiting - share
    if not trust:
        told = f" ({errors[0]})" if errors else ""
        raise InputError(f"{', '.join(pictures)}: no picture could be used{told}")
    return NoFaces(np.concatenate(trust), used, tuple(errors))
