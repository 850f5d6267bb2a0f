"""The figure people know: gold; sample in red; calibrated in green over the sample."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from calibration.checks import FaceSource, Points
from calibration.procrustes import align_similarity
from landmarks import scheme
from landmarks.draw import draw_contours, draw_points
from landmarks.files import replacing
from landmarks.image import as_rgb, read_image, resize

HEIGHT = 480
"""Of each panel, in pixels."""

_CAPTION = 34
_GAP = 12
_GOLD, _RED, _GREEN = (255, 190, 0), (235, 30, 30), (20, 170, 60)


def draw_calibration(
    goldface: FaceSource,
    gold: Points,
    targetface: FaceSource,
    target: Points,
    calibrated: Points,
) -> NDArray[np.uint8]:
    """Draw three panels side by side.

    Parameters
    ----------
    goldface, targetface : path, (H, W, 3) uint8 RGB array or None
        The photographs; None leaves the panel white.
    gold, target : (N, 2) float array
        Landmarks (x, y) in pixels of their photographs.
    calibrated : (N, 2) float array
        The sample's points after the map, in pixels of the gold photograph.

    Returns
    -------
    figure : (H, W, 3) uint8 array
        RGB.

    Raises
    ------
    ValueError
        A photograph cannot be read.

    Notes
    -----
    Where the two photographs frame their faces alike, the calibrated points are drawn as they
    are. Otherwise they would lie beside the sample's face, so a similarity carries them back onto
    it, and the caption says so; the form of the calibrated face is the same in both cases.
    """
    shown, caption = _on_the_sample(calibrated, target)
    goldphoto, targetphoto = _photograph(goldface), _photograph(targetface)
    both = np.concatenate([target, shown])
    panels = [
        _panel(goldphoto, gold, gold, _GOLD, "gold"),
        _panel(targetphoto, target, both, _RED, "sample"),
        _panel(targetphoto, shown, both, _GREEN, caption),
    ]
    gap = np.full((HEIGHT + _CAPTION, _GAP, 3), 255, np.uint8)
    return np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """The picture as the bytes of a .png file.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.

    Returns
    -------
    png : bytes
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def write_png(path: str | os.PathLike[str], image: NDArray[np.uint8]) -> None:
    """Write a picture, whole or not at all.

    Parameters
    ----------
    path : path
    image : (H, W, 3) uint8 array
        RGB.

    Raises
    ------
    ValueError
        The name does not end in ``.png``.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are written as .png")
    with replacing(path, "wb") as file:
        file.write(encode_png(image))


def _photograph(face: FaceSource) -> NDArray[np.uint8] | None:
    if face is None:
        return None
    return read_image(face) if isinstance(face, (str, os.PathLike)) else as_rgb(face)


def _on_the_sample(calibrated: Points, target: Points) -> tuple[Points, str]:
    size = np.sqrt(target.var(axis=0).sum())
    if np.linalg.norm(calibrated - target, axis=1).mean() < size / 2:
        return calibrated, "calibrated"
    return align_similarity(calibrated, target).apply(
        calibrated
    ), "calibrated, moved onto the sample"


def _panel(
    photograph: NDArray[np.uint8] | None,
    points: Points,
    framed: Points,
    color: tuple[int, int, int],
    caption: str,
) -> NDArray[np.uint8]:
    first, last = _window(photograph, framed)
    ratio = HEIGHT / (last - first)[1]
    width = max(1, round((last - first)[0] * ratio))
    panel = np.full((HEIGHT, width, 3), 255, np.uint8)
    if photograph is not None:
        _paste(panel, photograph, first, last, ratio)
    placed = (points + 0.5 - first) * ratio - 0.5
    if len(points) == scheme.COUNT:
        draw_contours(panel, placed, color, 1)
    draw_points(panel, placed, (0, 0, 0), 3.5)
    draw_points(panel, placed, color, 2.6)

    titled = Image.new("RGB", (width, HEIGHT + _CAPTION), "white")
    titled.paste(Image.fromarray(panel), (0, _CAPTION))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(titled).text((width / 2, _CAPTION / 2), caption, "black", font, anchor="mm")
    return np.asarray(titled)


def _window(photograph: NDArray[np.uint8] | None, points: Points) -> tuple[Points, Points]:
    """Corners of the part to show, measured from the edge of the first pixel: generous around the
    points, but not beyond the photograph."""
    low, high = points.min(axis=0) + 0.5, points.max(axis=0) + 0.5
    size = float((high - low).max())
    first, last = low - 0.35 * size, high + 0.35 * size
    if photograph is not None:
        # Points outside the photograph are still shown, on white.
        edge = np.array(photograph.shape[1::-1])
        first = np.minimum(np.maximum(first, 0), low - 0.04 * size)
        last = np.maximum(np.minimum(last, edge), high + 0.04 * size)
    return first, last


def _paste(
    panel: NDArray[np.uint8],
    photograph: NDArray[np.uint8],
    first: Points,
    last: Points,
    ratio: float,
) -> None:
    """Put the shown part of the photograph, enlarged by `ratio`, into the panel."""
    low = np.maximum(np.floor(first), 0).astype(int)
    high = np.minimum(np.ceil(last), photograph.shape[1::-1]).astype(int)
    if (low >= high).any():
        return
    # Whole pixels are enlarged; what they show beyond the window is cut off again.
    x, y = np.round((low - first) * ratio).astype(int).tolist()
    width, height = np.maximum(np.round((high - low) * ratio), 1).astype(int).tolist()
    part, _ = resize(photograph[low[1] : high[1], low[0] : high[0]], first, (width, height))
    part = part[max(-y, 0) :, max(-x, 0) :]
    place = panel[max(y, 0) :, max(x, 0) :][: part.shape[0], : part.shape[1]]
    place[:] = part[: place.shape[0], : place.shape[1]]
