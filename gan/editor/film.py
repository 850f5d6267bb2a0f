"""Films of a face that goes from neutral to an expression and back."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.editor.output import check_output
from gan.marked_png import EDITED, one_line
from landmarks.errors import InputError
from landmarks.files import replacing

LARGEST = {".gif": 480, ".mp4": 1080}
"""File ending → longest side of a frame in pixels."""

FRAMES = 1000
"""No film has more."""

_SAMPLED = 5  # frames from which a GIF's colours are taken
_SPREAD = 10.0  # grey levels over which neighbouring colours of a GIF are mixed
_PATTERN = (
    np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.47
)


def rising(seconds: float, fps: float, peak: float) -> list[float]:
    """Intensities of the first half of a film; the second half is the first, backwards.

    Parameters
    ----------
    seconds : float
        Of the whole film.
    fps : float
        Frames in a second.
    peak : float
        The last intensity.

    Returns
    -------
    intensities : list of float
        From 0 to `peak`, slow at both ends; two or more.

    Raises
    ------
    InputError
        Numbers that make no film.
    """
    if not (0 < fps <= 60 and seconds > 0 and seconds * fps <= FRAMES):
        raise InputError(
            f"a film of {seconds:g} s with {fps:g} frames a second: expected more than 0 s, at "
            f"most 60 frames a second and {FRAMES} frames in all"
        )
    count = max(2, round(seconds * fps / 2) + 1)
    turned = np.cos(np.linspace(0, np.pi, count))
    return [float(value) for value in peak * (1 - turned) / 2]


def there_and_back(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Frames, and then the same backwards; played again and again, none is shown twice in a row."""
    return [*frames, *frames[-2:0:-1]]


def reduced(
    photograph: NDArray[np.uint8], suffix: str
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A photograph as large as a film shows it.

    Parameters
    ----------
    photograph : (H, W, 3) uint8 array
    suffix : str
        Of the film, one of `LARGEST`.

    Returns
    -------
    frame : (h, w, 3) uint8 array
        Both sides even.
    matrix : (2, 3) float array
        Pixels of the photograph → pixels of the frame.
    """
    height, width = photograph.shape[:2]
    scale = min(1.0, LARGEST[suffix] / max(height, width))
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    if scale == 1:
        even = photograph[: max(2, height // 2 * 2), : max(2, width // 2 * 2)]
        return np.ascontiguousarray(even), np.eye(2, 3)
    frame = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([size[0] / width, size[1] / height])
    # Pixel centres, not corners, are the whole numbers.
    matrix = np.concatenate([np.diag(ratio), (0.5 * ratio - 0.5)[:, None]], axis=1)
    return np.asarray(frame, np.uint8), matrix


def check_film(path: str | os.PathLike[str]) -> None:
    """Refuse a file that cannot hold a film, or that cannot be written.

    Raises
    ------
    InputError
    ModuleNotFoundError
        MP4 needs imageio with its FFmpeg.
    """
    check_output(path, LARGEST)
    if Path(path).suffix.lower() == ".mp4":
        for package in ("imageio", "imageio_ffmpeg"):
            importlib.import_module(package)


def write_film(
    path: str | os.PathLike[str],
    frames: Sequence[NDArray[np.uint8]],
    fps: float,
    told: dict[str, str],
) -> None:
    """Write a film with its mark, whole or not at all.

    Parameters
    ----------
    path : path-like
        `.gif` or `.mp4`.
    frames : sequence of (h, w, 3) uint8 arrays
        RGB, all of one size, sides even.
    fps : float
        Frames in a second.
    told : dict
        What the mark says beside `EDITED`.

    Raises
    ------
    InputError
        Another ending.
    ModuleNotFoundError
        MP4 needs imageio with its FFmpeg.
    OSError
        The file cannot be written.
    """
    suffix, sentence = Path(path).suffix.lower(), one_line(EDITED, **told)
    if suffix not in LARGEST:
        raise InputError(f"{path}: expected a film that ends in {' or '.join(LARGEST)}")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, f"film{suffix}")
        (_write_gif if suffix == ".gif" else _write_mp4)(made, frames, fps, sentence)
        with replacing(path, "wb", durable=False) as handle:
            handle.write(made.read_bytes())


def _write_gif(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float, sentence: str) -> None:
    """One table of colours and a fixed pattern for all frames: what does not move, stays still."""
    chosen = np.linspace(0, len(frames) - 1, min(_SAMPLED, len(frames))).astype(int)
    sample = Image.fromarray(np.concatenate([frames[k] for k in chosen]))
    table = sample.quantize(255, method=Image.Quantize.MEDIANCUT)
    height, width = frames[0].shape[:2]
    pattern = np.tile(_PATTERN, (height // 4 + 1, width // 4 + 1))[:height, :width, None]
    pictures = []
    for frame in frames:
        mixed = np.clip(frame + _SPREAD * pattern, 0, 255).astype(np.uint8)
        pictures.append(Image.fromarray(mixed).quantize(palette=table, dither=Image.Dither.NONE))
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=max(20, round(1000 / fps / 10) * 10),
        loop=0,
        comment=sentence.encode(),
        optimize=False,
    )


def _write_mp4(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float, sentence: str) -> None:
    import imageio
    import imageio_ffmpeg  # type: ignore[import-untyped]  # noqa: F401

    colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    mark = [
        part for key in ("comment", "description") for part in ("-metadata", f"{key}={sentence}")
    ]
    writer: Any = imageio.get_writer(
        path,
        format="FFMPEG",
        mode="I",
        fps=fps,
        codec="libx264",
        quality=None,
        macro_block_size=1,
        ffmpeg_log_level="error",
        output_params=[
            *("-crf", "16", "-vf", "scale=out_color_matrix=bt709:out_range=tv"),
            *colours,
            *mark,
            *("-movflags", "+faststart"),
        ],
    )
    with writer:
        for frame in frames:
            writer.append_data(frame)
