"""Frames of a film, with their numbers and times."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from landmarks.errors import ImageError

# Damage is told by us, in one sentence; the decoder's own lines would come on top.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_COMPLETE = 0.95


def read_film(
    path: str, *, skip: Callable[[int], bool] = lambda frame: False
) -> Iterator[tuple[int, float, NDArray[np.uint8] | None]]:
    """Decode a film frame by frame; memory holds one frame.

    Parameters
    ----------
    path : str
        What the FFmpeg in OpenCV can read: mp4, avi, mov, mkv, webm, …
    skip : callable, optional
        Frame number → True where the picture is not needed.

    Yields
    ------
    frame : int
        0-based.
    seconds : float
        When it is shown.
    image : (H, W, 3) uint8 array or None
        RGB; None where this frame is damaged.

    Raises
    ------
    ImageError
        The file is missing, empty, or no film; or, after the last frame, it is shorter than it
        announces.
    """
    if not os.path.isfile(path):
        raise ImageError(f"{path} does not exist: expected a film")
    capture = cv2.VideoCapture(os.path.abspath(path))  # "a:b.mp4" would be taken for a protocol
    try:
        number = 0
        while capture.isOpened() and capture.grab():
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not skip(number):
                decoded, image = capture.retrieve()
                rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if decoded else None
                yield number, seconds, rgb
            number += 1
        if number == 0:
            raise ImageError(f"{path} is not a film that can be read: it has no frame")
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        # Many formats only estimate their number of frames.
        if number < announced * _COMPLETE - 1:
            raise ImageError(f"{path} ends after {number} of {announced} frames: is it cut off?")
    finally:
        capture.release()
