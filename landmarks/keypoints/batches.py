"""The batches of a run: each a pure function of its step."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landmarks.keypoints.augment import (
    augment,
    augment_lightly,
    detector_jitter,
    no_face,
    piece,
)
from landmarks.keypoints.config import Config
from landmarks.keypoints.crops import square
from landmarks.keypoints.dataset import Faces

Array = NDArray[Any]


class Batch(NamedTuple):
    """What a step is trained on.

    Attributes
    ----------
    images : (B, C, side, side) float tensor
        In [−1, 1].
    points : (B, 68, 2) float tensor
        Fractions of the side; those of what is no face mean nothing.
    faces : (B,) bool tensor
    sources : (B,) integer tensor
        Which source each picture is of.
    """

    images: Tensor
    points: Tensor
    faces: Tensor
    sources: Tensor


def to_tensor(images: Array) -> Tensor:
    """(B, H, W) or (B, H, W, C) uint8 → (B, C, H, W) in [−1, 1]."""
    values = torch.from_numpy(np.ascontiguousarray(images))
    values = values[:, None] if values.ndim == 3 else values.permute(0, 3, 1, 2)
    return values.float().div_(127.5).sub_(1)


class Batches:
    """The batches of a run: a pure function of the step.

    Every source has the same share, and each of its faces is drawn once before any is drawn again.

    Parameters
    ----------
    sources : sequence of Faces
    config : Config
    negatives : float
        Share of each batch that is no face.
    backgrounds : sequence of uint8 arrays, optional
        Half of what is no face is drawn from them.

    Attributes
    ----------
    faces : int
        In each batch.
    """

    def __init__(
        self,
        sources: Sequence[Faces],
        config: Config,
        *,
        negatives: float,
        backgrounds: Sequence[Array] = (),
    ) -> None:
        self._sources, self._config, self._backgrounds = tuple(sources), config, backgrounds
        self._negatives = min(round(negatives * config.batch), config.batch - 1)
        self.faces = config.batch - self._negatives

    def __call__(self, step: int, pool: Executor | None = None) -> Batch:
        """The batch of a step, counted from 0.

        Parameters
        ----------
        step : int
        pool : Executor, optional
            Threads that share the work.
        """
        jobs = [(step * self.faces + row, True) for row in range(self.faces)]
        jobs += [(step * self._negatives + row, False) for row in range(self._negatives)]
        made = list((pool.map if pool else map)(self._one, jobs))
        images, points = zip(*made, strict=True)
        return Batch(
            to_tensor(np.stack(images)),
            torch.from_numpy(np.stack(points)).float(),
            torch.arange(len(jobs)) < self.faces,
            torch.tensor([position % len(self._sources) for position, _ in jobs]),
        )

    def _one(self, job: tuple[int, bool]) -> tuple[Array, Array]:
        position, is_face = job
        side, seed = self._config.side, self._config.seed
        rng = np.random.default_rng([seed, position, int(is_face)])
        faces = self._sources[position % len(self._sources)]
        epoch, place = divmod(position // len(self._sources), len(faces))
        row = int(_order(len(faces), seed, position % len(self._sources), epoch)[place])
        other = faces.images[int(rng.integers(len(faces)))]
        if not is_face:
            nowhere = np.zeros((68, 2))
            if len(self._backgrounds) and rng.random() < 0.5:
                picture = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
                return piece(picture, side, rng), nowhere
            return no_face(faces.images[row], other, side, rng), nowhere
        if self._config.recipe == "published":
            return augment_lightly(faces.images[row], faces.points[row], side, rng)
        return augment(faces.images[row], faces.points[row], other, side, rng)


@lru_cache(maxsize=16)
def _order(count: int, seed: int, source: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, source, epoch]).permutation(count)


def fixed_crops(faces: Faces, config: Config) -> tuple[Array, Array]:
    """Each face once, the same in every run: in a box that is off as dlib's are.

    For recipe 'published' it is cut around its points instead, as these recipes do in training.

    Returns
    -------
    images : (n, side, side) or (n, side, side, 3) uint8 array
    points : (n, 68, 2) float array
        Fractions of the side.
    """
    images, points = [], []
    for row in range(len(faces)):
        stored = faces.images[row]
        if config.recipe == "published":
            crop = square(((stored.shape[0] - 1) / 2,) * 2, config.side, config.side)
        else:
            crop = detector_jitter(stored.shape[0], config.side, np.random.default_rng(row))
        images.append(crop.cut(stored))
        points.append(crop.to_crop(faces.points[row]))
    return np.stack(images), np.stack(points)
