"""What the network is shown of one edit, beside the warped face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.square import SIDE
from gan.editor.warp import Moves
from landmarks import scheme
from landmarks.draw import landmark_image

CHANNELS = 11
"""Colour 0-2, wanted contours 3, inside of the wanted mouth 4, wanted eyes 5, shift 6-7, growth 8,
region 9, what was hidden 10."""

_INNER_MOUTH = list(scheme.REGIONS["inner_lips"])
_EYES = [list(scheme.REGIONS["right_eye"]), list(scheme.REGIONS["left_eye"])]
_SHIFT = 16.0  # pixels that become 1
_GROWTH = 3.0  # powers of two of the area that become 1
_FINE = 4  # binary digits of a pixel at which polygons are drawn


def network_input(
    warped: NDArray[np.uint8],
    wanted: NDArray[np.float64],
    moved: Moves,
    mask: NDArray[np.float32],
) -> NDArray[np.float32]:
    """One edit as the network reads it.

    Parameters
    ----------
    warped : (SIDE, SIDE, 3) uint8 array
        The source face, moved, RGB.
    wanted : (68, 2) float array
        Landmarks in pixels of the square.
    moved : Moves
        How it was moved.
    mask : (SIDE, SIDE) float32 array
        As `gan.editor.region.region` gives it.

    Returns
    -------
    planes : (CHANNELS, SIDE, SIDE) float32 array
        About −1 to 1.
    """
    planes = np.empty((CHANNELS, SIDE, SIDE), np.float32)
    planes[:3] = warped.transpose(2, 0, 1) / np.float32(127.5) - 1
    planes[3] = landmark_image(wanted, (SIDE, SIDE), style="contours").max(axis=2) / np.float32(255)
    planes[4] = _inside(wanted, [_INNER_MOUTH])
    planes[5] = _inside(wanted, _EYES)
    coordinates = moved.whole()
    one = np.arange(SIDE, dtype=np.float32)
    planes[6] = (coordinates[..., 0] - one) / _SHIFT
    planes[7] = (coordinates[..., 1] - one[:, None]) / _SHIFT
    planes[8] = _growth(coordinates)
    planes[9] = mask
    planes[10] = 0 if moved.mouth is None else moved.mouth.hidden()
    return planes


def _inside(points: NDArray[np.float64], polygons: list[list[int]]) -> NDArray[np.float32]:
    """1 inside of closed polygons of landmarks."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    fixed = np.round(np.clip(points, -SIDE, 2 * SIDE) * (1 << _FINE)).astype(np.int32)
    for polygon in polygons:
        cv2.fillPoly(drawn, [fixed[polygon]], 255, cv2.LINE_AA, _FINE)
    return drawn / np.float32(255)


def _growth(coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much larger each place has become, as a power of two over `_GROWTH`, within ±1."""
    down, across = np.asarray(np.gradient(coordinates, axis=(0, 1)))
    shrunk = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    powers = -np.log2(np.maximum(shrunk, np.float32(2.0 ** (-2 * _GROWTH))))
    growth: NDArray[np.float32] = np.clip(powers / _GROWTH, -1, 1).astype(np.float32)
    return growth
