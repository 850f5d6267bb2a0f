"""Points, radii and trust of faces that a detector has found.

Importing this loads no torch, and neither does the network that ships.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import scheme
from landmarks.detector import Box
from landmarks.errors import ImageError, InputError
from landmarks.image import as_rgb
from landmarks.keypoints.config import Config
from landmarks.keypoints.crops import Crop, crop_around
from landmarks.keypoints.onnx_file import read_onnx
from landmarks.keypoints.runtimes import Answers, Runtime, TorchRuntime

Array = NDArray[Any]

SMALL = "small"
"""Name of the network that ships."""

SHIPPED = Path(__file__).with_name("small.onnx")
"""Its file; the one beside it, which ends in .safetensors, holds the weights that it is made of."""

_BATCH = 256  # crops that are held at once
_WIDEST = 1_000_000


class Fits(NamedTuple):
    """What a network says of n faces.

    Attributes
    ----------
    points : (n, 68, 2) float array
        Landmarks (x, y) in pixels of the picture, iBUG-68 order.
    radius : (n, 68) float array or None
        In the picture's pixels: the truth lies within it of its point in 90 % of all cases; None
        where the network does not tell.
    trust : (n,) float array or None
        0…1: how sure the network is that this is a face and that the points fit it.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64] | None
    trust: NDArray[np.float64] | None


class Predictor:
    """Places 68 landmarks in faces.

    Parameters
    ----------
    runtime : Runtime
        Computes the network.
    config : Config
        Its settings.
    """

    def __init__(self, runtime: Runtime, config: Config) -> None:
        self.config = config
        self._runtime = runtime

    def predict(self, image: ArrayLike, boxes: ArrayLike | Sequence[Box]) -> Fits:
        """Landmarks of the faces of one picture.

        Parameters
        ----------
        image : (H, W, 3), (H, W, 4), (H, W, 1) or (H, W) uint8 array_like
            RGB, RGBA (alpha is ignored) or grey.
        boxes : (n, 4) array_like or sequence of Box
            Left, top, right, bottom of each face in pixels, as a detector draws them (right and
            bottom are inside). Where one leaves the picture, its border is repeated.

        Returns
        -------
        fits : Fits
            n faces; no boxes, no faces.

        Raises
        ------
        ImageError
            The array is no picture.
        InputError
            A box is not four finite numbers, is empty, or lies wholly outside of the picture.
        """
        picture = _picture(image)
        return self._fits((picture, box) for box in _boxes(boxes))

    def predict_many(self, images: Iterable[ArrayLike], boxes: ArrayLike | Sequence[Box]) -> Fits:
        """Landmarks of one face in each of many pictures.

        Parameters
        ----------
        images : iterable of n uint8 arrays
            Each as for `predict`; taken one after another.
        boxes : (n, 4) array_like
            One for each picture.

        Returns
        -------
        fits : Fits
            n faces.

        Raises
        ------
        ImageError
            An array is no picture.
        InputError
            As for `predict`, or there are not as many pictures as boxes.
        """
        return self._fits(_pairs(images, _boxes(boxes)))

    def _fits(self, faces: Iterable[tuple[Array, Array]]) -> Fits:
        parts = []
        cut = (self._cut(row, *face) for row, face in enumerate(faces))
        while chunk := list(itertools.islice(cut, _BATCH)):
            crops, pixels = zip(*chunk, strict=True)
            parts.append(_in_pictures(self._runtime(np.stack(pixels)), crops))
        if not parts:
            told = self.config.network == "small"
            shapes = (0, scheme.COUNT), (0,)
            radius, trust = (np.empty(shape) if told else None for shape in shapes)
            return Fits(np.empty((0, scheme.COUNT, 2)), radius, trust)
        points, radius, trust = (_joined(values) for values in zip(*parts, strict=True))
        assert points is not None
        return Fits(points, radius, trust)

    def _cut(self, row: int, picture: Array, box: Array) -> tuple[Crop, Array]:
        left, top, right, bottom = box.tolist()
        height, width = picture.shape[:2]
        if right <= -1 or bottom <= -1 or left >= width or top >= height:
            raise InputError(
                f"box {row} is {left:g} {top:g} {right:g} {bottom:g}, which lies outside of the "
                f"picture of {width}×{height} pixels"
            )
        crop = crop_around(box, self.config.side, factor=self.config.factor)
        near, part = _surroundings(crop, picture)
        if self.config.channels == 1 and part.ndim == 3:
            part = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
        pixels = near.cut(part)
        if self.config.channels == 3 and pixels.ndim == 2:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
        return crop, pixels


def load_predictor(
    source: str | os.PathLike[str] = SMALL, *, device: str | None = None
) -> Predictor:
    """A landmark network, ready to place points.

    Parameters
    ----------
    source : path-like, optional
        'small', the network that ships; a .onnx file of `python -m landmarks.keypoints.export`;
        or, computed by torch, a `modeldir` of `python -m landmarks.keypoints.train` or a
        .safetensors file of it.
    device : str, optional
        torch's name of a device, which then computes 'small' too. Left out: what needs torch is
        computed by a GPU where torch can use one, all else by the processor.

    Returns
    -------
    predictor : Predictor

    Raises
    ------
    InputError
        There is no such network, its file is damaged or of another kind, torch is needed and not
        installed, or the device cannot be used.
    """
    name = network_path(source, ".onnx" if device is None else ".safetensors")
    if not name.lower().endswith(".onnx"):
        runtime = TorchRuntime(name, device=device)
        return Predictor(runtime, runtime.config)
    if device is not None:
        raise InputError(f"{name} is computed by the processor: expected no device, got {device}")
    return Predictor(*read_onnx(name))


def network_path(source: str | os.PathLike[str], suffix: str) -> str:
    """Where a network is, before anything of it is read.

    Parameters
    ----------
    source : path-like
        As for `load_predictor`.
    suffix : {'.onnx', '.safetensors'}
        Which file of the network that ships is meant by 'small'.

    Raises
    ------
    InputError
        Nothing is there.
    """
    if source == SMALL:  # not Path("small"), which is a folder of that name
        path = SHIPPED.with_suffix(suffix)
        if not path.is_file():
            raise InputError(f"the network {SMALL!r} is not part of this installation: no {path}")
        return str(path)
    name = os.fspath(source)
    if not name.lower().endswith(".onnx") and not os.path.exists(name):
        raise InputError(
            f"the network {name} does not exist: expected {SMALL!r}, a modeldir, a .safetensors or "
            "an .onnx file"
        )
    return name


def _picture(image: ArrayLike) -> Array:
    """(H, W) or (H, W, 3), and nothing else."""
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 2 and array.dtype == np.uint8 and array.size:
        return array
    return as_rgb(image)


def _boxes(boxes: ArrayLike | Sequence[Box]) -> NDArray[np.float64]:
    if isinstance(boxes, list | tuple):
        boxes = [(b.left, b.top, b.right, b.bottom) if isinstance(b, Box) else b for b in boxes]
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (ValueError, TypeError):
        raise InputError(
            "the boxes are no array of numbers: expected four for each face, left top right bottom"
        ) from None
    if array.size == 0 and array.shape in ((0,), (0, 4)):
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(
            f"the boxes have shape {array.shape}: expected (n, 4), left top right bottom"
        )
    size = array[:, 2:] - array[:, :2]
    if not (np.isfinite(array).all() and (size > 0).all() and (size <= _WIDEST).all()):
        raise InputError(_wrong(array))
    return array


def _wrong(boxes: Array) -> str:
    """What is wrong with the first box that cannot be."""
    for row, (left, top, right, bottom) in enumerate(boxes.tolist()):
        told = f"box {row} is {left:g} {top:g} {right:g} {bottom:g}"
        if not np.isfinite(boxes[row]).all():
            return f"{told}: expected four finite numbers, left top right bottom"
        if right <= left or bottom <= top:
            return f"{told}, which is empty: expected left < right and top < bottom"
        if max(right - left, bottom - top) > _WIDEST:
            break
    return f"{told}: expected a box of at most {_WIDEST:,} pixels"


def _pairs(images: Iterable[ArrayLike], boxes: Array) -> Iterator[tuple[Array, Array]]:
    count = 0
    for image in images:
        if count == len(boxes):
            raise InputError(f"the boxes end after {count}, the pictures go on: expected pairs")
        try:
            picture = _picture(image)
        except ImageError as error:
            raise ImageError(f"picture {count}: {error}") from None
        yield picture, boxes[count]
        count += 1
    if count < len(boxes):
        raise InputError(f"the pictures end after {count}, the boxes go on: expected pairs")


def _surroundings(crop: Crop, picture: Array) -> tuple[Crop, Array]:
    """The part of a picture that a crop shows, and the same crop of that part.

    A picture may be a thousand times as large as its face, and wider than OpenCV can turn.
    """
    height, width = picture.shape[:2]
    scale, (across, down) = crop.matrix[0, 0], crop.matrix[:, 2]
    left, right = _near(-across / scale, crop.side / scale, width)
    top, bottom = _near(-down / scale, crop.side / scale, height)
    matrix = crop.matrix.copy()
    matrix[:, 2] += scale * left, scale * top
    return Crop(matrix, crop.side), picture[top:bottom, left:right]


def _near(start: float, length: float, limit: int) -> tuple[int, int]:
    """Whole pixels around a stretch, a fifth of it on either side, within the picture."""
    low = min(max(math.floor(start - 0.2 * length), 0), limit - 1)
    return low, min(max(math.ceil(start + 1.2 * length) + 1, low + 1), limit)


def _in_pictures(answers: Answers, crops: tuple[Crop, ...]) -> Fits:
    """Fractions of crops become pixels of pictures, a logit becomes a share."""
    # What `Crop.to_picture` does, for all at once: crops around boxes are not turned.
    matrices = np.stack([crop.matrix for crop in crops])
    scale, shift, side = matrices[:, 0, 0, None], matrices[:, None, :, 2], crops[0].side
    points = (answers.points.astype(np.float64) * side - 0.5 - shift) / scale[..., None]
    radius = trust = None
    if answers.radius is not None:
        radius = answers.radius * (side / scale)
    if answers.trust is not None:
        trust = 0.5 * (1 + np.tanh(answers.trust.astype(np.float64) / 2))  # no overflow
    return Fits(points, radius, trust)


def _joined(parts: tuple[Any, ...]) -> Array | None:
    return None if parts[0] is None else np.concatenate(parts)
