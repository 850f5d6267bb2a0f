"""The batches of a run: each a pure function of its step."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.editor.frames import Frames
from gan.editor.inputs import network_input
from gan.editor.mouth import LOWER, UPPER
from gan.editor.region import region
from gan.editor.square import SIDE, after, into, laid_over, square_of
from gan.editor.warp import moves, warp
from landmarks import scheme
from landmarks.keypoints.crops import Crop

_FEATURES = 3.0
# Mouth and eyes count so many times more than the rest of the face.
_REACH = 5
# Pixels around their landmarks that belong to them.
_GAINS = (0.6, 1.6)
# Light of two moments is made equal within these factors.
_OFTENER = 3
# How often pairs are drawn whose mouths open or close.
PARTED = 0.06
"""Change of `opening` from which on a mouth opens or closes."""


class Batch(NamedTuple):
    """What a step is trained on.

    Attributes
    ----------
    planes : (B, CHANNELS, SIDE, SIDE) float tensor
        As `gan.editor.inputs.network_input`.
    target : (B, 3, SIDE, SIDE) float tensor
        In [−1, 1]: the same person's other picture, in the place and the light of the first.
    weight : (B, 1, SIDE, SIDE) float tensor
        0 outside of the face, 1 on it, more on mouth and eyes.
    wanted : (B, 68, 2) float tensor
        In pixels of the square.
    """

    planes: Tensor
    target: Tensor
    weight: Tensor
    wanted: Tensor


class Pair(NamedTuple):
    """Two pictures of a person in one square.

    Attributes
    ----------
    source, target : (SIDE, SIDE, 3) uint8 array
    before, after : (68, 2) float array
        Their landmarks, in pixels of the square.
    """

    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def matched(frames: Frames, row: int, jitter: NDArray[np.float64] | None = None) -> Pair:
    """One pair of a source, the second picture laid over the first by nose and eyes.

    Parameters
    ----------
    frames : Frames
    row : int
        Of `frames.pairs`.
    jitter : (2, 3) float array, optional
        Moves the square's pixels.
    """
    one, other = frames.pairs[row]
    matrix = square_of(frames.points[one]).matrix
    if jitter is not None:
        matrix = after(jitter, matrix)
    over = after(matrix, laid_over(frames.points[other], frames.points[one]))
    return Pair(
        Crop(matrix, SIDE).cut(frames.images[one]),
        Crop(over, SIDE).cut(frames.images[other]),
        into(matrix, frames.points[one]),
        into(over, frames.points[other]),
    )


class Batches:
    """The batches of a run: a pure function of the step.

    Every source has the same share. Each of its pairs is drawn once before any is drawn again;
    those whose mouth opens or closes count as several.

    Parameters
    ----------
    sources : sequence of Frames
    batch, seed : int
    """

    def __init__(self, sources: Sequence[Frames], batch: int, seed: int) -> None:
        self._sources, self._batch, self._seed = tuple(sources), batch, seed
        self._rows = [_rows(frames) for frames in sources]

    def __call__(self, step: int, pool: Executor | None = None) -> Batch:
        """The batch of a step, counted from 0; the threads of `pool` share the work."""
        places = range(step * self._batch, (step + 1) * self._batch)
        return stack(list((pool.map if pool else map)(self._one, places)))

    def _one(self, position: int) -> Batch:
        number, drawn = position % len(self._sources), position // len(self._sources)
        frames = self._sources[number]
        rows = self._rows[number]
        epoch, place = divmod(drawn, len(rows))
        row = int(rows[_order(len(rows), self._seed, number, epoch)[place]])
        rng = np.random.default_rng([self._seed, position])
        pair = matched(frames, row, _jitter(rng))
        if rng.random() < 0.5:
            pair = _mirrored(pair)
        return example(_spoiled(pair, rng), wobble=rng)


def opening(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far lips are apart, in inter-ocular distances; (..., 68, 2) → (...)."""
    apart = np.linalg.norm(points[..., UPPER, :] - points[..., LOWER, :][..., ::-1, :], axis=-1)
    eyes = np.linalg.norm(points[..., 36, :] - points[..., 45, :], axis=-1)
    opened: NDArray[np.float64] = apart.mean(axis=-1) / eyes
    return opened


def _rows(frames: Frames) -> NDArray[np.int64]:
    """Pairs as often as they are drawn: seldom does a mouth open wide."""
    moved = np.abs(np.diff(opening(frames.points)[frames.pairs], axis=1))[:, 0]
    return np.repeat(np.arange(len(frames.pairs)), np.where(moved > PARTED, _OFTENER, 1))


@lru_cache(maxsize=16)
def _order(count: int, seed: int, source: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, source, epoch]).permutation(count)


def _jitter(rng: np.random.Generator) -> NDArray[np.float64]:
    turn, scale = np.deg2rad(rng.uniform(-4, 4)), rng.uniform(0.92, 1.08)
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.full(2, (SIDE - 1) / 2)
    shift = middle - linear @ middle + rng.uniform(-3, 3, 2)
    return np.concatenate([linear, shift[:, None]], axis=1)


def _mirrored(pair: Pair) -> Pair:
    def points(values: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = values[scheme.MIRROR]
        return np.stack([SIDE - 1 - turned[:, 0], turned[:, 1]], axis=1)

    return Pair(
        np.ascontiguousarray(pair.source[:, ::-1]),
        np.ascontiguousarray(pair.target[:, ::-1]),
        points(pair.before),
        points(pair.after),
    )


def _spoiled(pair: Pair, rng: np.random.Generator) -> Pair:
    """Both pictures in other light, a few of them grey, as other cameras might have taken them."""
    light, contrast = rng.uniform(-30, 30), rng.uniform(0.75, 1.3)
    tint = rng.uniform(0.88, 1.12, 3) if rng.random() < 0.7 else np.ones(3)
    levels = np.arange(256)[:, None] - 127.5
    table = np.clip((levels * contrast + 127.5 + light) * tint, 0, 255).round().astype(np.uint8)
    grey = rng.random() < 0.1

    def changed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = np.stack([cv2.LUT(image[..., k], table[:, k]) for k in range(3)], axis=2)
        if grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return image

    return pair._replace(source=changed(pair.source), target=changed(pair.target))


def example(pair: Pair, *, wobble: np.random.Generator | None = None) -> Batch:
    """A batch of one from a pair.

    Parameters
    ----------
    pair : Pair
    wobble : numpy.random.Generator, optional
        Moves the landmarks that the network is shown: those of the source a little, as predictors
        do, and both alike by up to two pixels, since each predictor has its own idea of where a
        landmark is.
    """
    before, wanted = pair.before, pair.after
    if wobble is not None:
        convention = wobble.normal(0, 0.6, before.shape)
        before = before + wobble.normal(0, 0.2, before.shape) + convention
        wanted = wanted + convention
    moved = moves(pair.source, before, wanted)
    mask = region(before, wanted)
    warped = warp(pair.source, moved)
    planes = network_input(warped, wanted, moved, mask)
    target = _in_light_of(warped, pair.target, mask)
    weight = mask * (1 + (_FEATURES - 1) * _features(pair.after))
    return Batch(
        torch.from_numpy(planes)[None],
        torch.from_numpy(target.transpose(2, 0, 1) / np.float32(127.5) - 1)[None],
        torch.from_numpy(weight)[None, None],
        torch.from_numpy(pair.after).float()[None],
    )


def stack(examples: Sequence[Batch]) -> Batch:
    """One batch of several."""
    return Batch(*(torch.cat(values) for values in zip(*examples, strict=True)))


def _in_light_of(
    warped: NDArray[np.uint8], target: NDArray[np.uint8], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The target with the mean and spread that each colour has on the warped face."""
    share = mask[..., None] / max(float(mask.sum()), 1.0)
    a, b = warped.astype(np.float32), target.astype(np.float32)
    mean_a, mean_b = (a * share).sum((0, 1)), (b * share).sum((0, 1))
    spread_a = np.sqrt((((a - mean_a) ** 2) * share).sum((0, 1)))
    spread_b = np.sqrt((((b - mean_b) ** 2) * share).sum((0, 1)))
    gain = np.clip(spread_a / np.maximum(spread_b, 1), *_GAINS)
    lit: NDArray[np.float32] = np.clip((b - mean_b) * gain + mean_a, 0, 255).astype(np.float32)
    return lit


def mouth_and_eyes(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """255 inside of the outlines of lips and eyes of (68, 2) landmarks, 0 elsewhere."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    for name in ("outer_lips", "right_eye", "left_eye"):
        hull = cv2.convexHull(points[list(scheme.REGIONS[name])].astype(np.float32))
        cv2.fillConvexPoly(drawn, np.round(hull).astype(np.int32), 255)
    return drawn


def _features(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 on mouth and eyes and a little around them, 0 elsewhere."""
    size = (2 * _REACH + 1, 2 * _REACH + 1)
    drawn = cv2.dilate(mouth_and_eyes(points), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size))
    soft: NDArray[np.float32] = cv2.GaussianBlur(drawn, (0, 0), 1.5) / np.float32(255)
    return soft
