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

from classifier.augment import augment
from classifier.config import Config
from classifier.dataset import Faces
from landmarks.keypoints.batches import to_tensor

Array = NDArray[Any]


class Batch(NamedTuple):
    """What a step is trained on.

    Attributes
    ----------
    images : (B, C, side, side) float tensor
        In [−1, 1].
    points : (B, 68, 2) float tensor
        Aligned landmarks in fractions of the side.
    labels : (B,) integer tensor
    weights : (B,) float tensor
        Of the faces, by how frequent their class is in their source; their mean over a source is 1.
    """

    images: Tensor
    points: Tensor
    labels: Tensor
    weights: Tensor


def class_weights(labels: Array, classes: int, power: float) -> NDArray[np.float64]:
    """Weights of classes, such that the mean over all faces is 1.

    Parameters
    ----------
    labels : (n,) int array
    classes : int
    power : float
        0 gives equal weights, 1 weights that make frequent and rare classes count alike.

    Returns
    -------
    weights : (classes,) float array
        Proportional to frequency ** −power; 0 of a class without faces.
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -power, 0.0)
    return weights * len(labels) / (weights * counts).sum()


class Batches:
    """The batches of a run: a pure function of the step.

    Each face of a source is drawn once before any is drawn again.

    Parameters
    ----------
    sources : sequence of Faces
        The further ones share `share` of each batch.
    config : Config

    Attributes
    ----------
    first : int
        Faces of the first source in each batch.
    """

    def __init__(self, sources: Sequence[Faces], config: Config) -> None:
        self._sources, self._config = tuple(sources), config
        power = config.settings["balance"]
        self._labels = [faces.labels(config.emotions) for faces in sources]
        self._weights = [
            class_weights(labels, len(config.emotions), power)[labels] for labels in self._labels
        ]
        others = len(sources) - 1
        share = config.settings["share"] if others else 0.0
        each = (
            min(round(share * config.batch / others), config.batch // len(sources)) if others else 0
        )
        self.first = config.batch - others * each
        self._counts = [self.first] + [each] * others

    def __call__(self, step: int, pool: Executor | None = None) -> Batch:
        """The batch of a step, counted from 0.

        Parameters
        ----------
        step : int
        pool : Executor, optional
            Threads that share the work.
        """
        jobs = [
            (source, step * count + row)
            for source, count in enumerate(self._counts)
            for row in range(count)
        ]
        made = list((pool.map if pool else map)(self._one, jobs))
        images, points, labels, weights = zip(*made, strict=True)
        return Batch(
            to_tensor(np.stack(images)),
            torch.from_numpy(np.stack(points)).float(),
            torch.tensor(labels),
            torch.tensor(weights, dtype=torch.float32),
        )

    def _one(self, job: tuple[int, int]) -> tuple[Array, Array, int, float]:
        source, position = job
        faces, seed = self._sources[source], self._config.seed
        rng = np.random.default_rng([seed, source, position])
        epoch, place = divmod(position, len(faces))
        row = int(_order(len(faces), seed, source, epoch)[place])
        other = faces.images[int(rng.integers(len(faces)))]
        image, points = augment(faces.images[row], faces.points[row], other, self._config.side, rng)
        return image, points, int(self._labels[source][row]), float(self._weights[source][row])


@lru_cache(maxsize=16)
def _order(count: int, seed: int, source: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, source, epoch]).permutation(count)
