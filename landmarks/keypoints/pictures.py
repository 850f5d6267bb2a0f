"""Pictures of what a network sees and says, for the folder of a run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]

_ZOOM = 224  # side of one face in a picture of many
_TRUE, _SAID = (60, 220, 90), (240, 60, 60)


def predictions(images: Array, truth: Array, said: Array, *, columns: int = 4) -> Array:
    """Faces with true points (green) and predicted ones (red).

    Parameters
    ----------
    images : (n, side, side) or (n, side, side, 3) uint8 array
    truth, said : (n, 68, 2) float arrays
        Fractions of the side.
    columns : int, optional

    Returns
    -------
    picture : (H, W, 3) uint8 array
    """
    faces = []
    for image, true_points, said_points in zip(images, truth, said, strict=True):
        large = cv2.resize(image, (_ZOOM, _ZOOM), interpolation=cv2.INTER_CUBIC)
        large = large if large.ndim == 3 else cv2.cvtColor(large, cv2.COLOR_GRAY2RGB)
        for points, color in ((true_points, _TRUE), (said_points, _SAID)):
            for x, y in np.asarray(points) * _ZOOM - 0.5:
                # A broken network may point anywhere.
                if np.isfinite((x, y)).all() and max(abs(x), abs(y)) < 10 * _ZOOM:
                    cv2.circle(large, (round(x), round(y)), 2, color, -1, cv2.LINE_AA)
        faces.append(large)
    return _grid(faces, columns)


def feature_maps(network: nn.Module, image: Tensor, *, layers: int = 2) -> Array:
    """What the first convolutions answer to one picture.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    image : (1, C, side, side) tensor
        In [−1, 1].
    layers : int, optional
        How many convolutions, counted from the picture.

    Returns
    -------
    picture : (H, W, 3) uint8 array
        One square for each channel, layer below layer, each from its own black to its own white.
    """
    found: list[Tensor] = []
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][:layers]
    hooks = [
        layer.register_forward_hook(lambda _layer, _given, answer: found.append(answer))
        for layer in convolutions
    ]
    try:
        with torch.no_grad():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    squares = []
    for answer in found:
        for channel in answer[0].float().cpu().numpy():
            low, high = float(channel.min()), float(channel.max())
            grey = (255 * (channel - low) / max(high - low, 1e-12)).round().astype(np.uint8)
            grey = cv2.resize(grey, (_ZOOM // 2, _ZOOM // 2), interpolation=cv2.INTER_NEAREST)
            squares.append(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    return _grid(squares, 8)


def _grid(squares: list[Array], columns: int) -> Array:
    columns = min(columns, len(squares))
    blank = [np.zeros_like(squares[0])] * (-len(squares) % columns)
    filled = [*squares, *blank]
    lines = [np.concatenate(filled[k : k + columns], 1) for k in range(0, len(filled), columns)]
    return np.ascontiguousarray(np.concatenate(lines, 0))
