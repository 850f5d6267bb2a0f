"""A classifier that is ready: aligned faces in, probabilities out.

Importing this loads no torch, and neither does the network that ships.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.config import SVM, Config
from classifier.dataset import Faces
from classifier.mirror import mirrored_points
from classifier.temperature import softmax
from landmarks.errors import InputError

Array = NDArray[Any]

SMALL = "small"
"""Name of the classifier that ships."""

SHIPPED = Path(__file__).with_name("small.onnx")
"""Its file; the one beside it, which ends in .safetensors, holds the weights that it is made of."""


class Computes(Protocol):
    """Computes one classifier."""

    def __call__(self, images: Array, points: Array) -> Array:
        """(n, C) logits of (n, side, side[, 3]) uint8 squares and (n, 68, 2) aligned landmarks."""
        ...


class Classifier:
    """Tells emotions of aligned faces.

    Use `load_classifier`.

    Parameters
    ----------
    compute : Computes
    config : Config
    temperature : float
        Logits are divided by it.
    persons : frozenset of int
        Hashes (`classifier.model_file.person_hash`) of those it has learnt from.
    pictures : frozenset of int, optional
        Hashes (`classifier.finding.picture_hash`) of their pictures; empty where its file does not
        tell them.

    Attributes
    ----------
    classes : tuple of str
    """

    def __init__(
        self,
        compute: Computes,
        config: Config,
        temperature: float,
        persons: frozenset[int],
        pictures: frozenset[int] = frozenset(),
    ) -> None:
        self.config, self.temperature = config, temperature
        self.persons, self.pictures = persons, pictures
        self.classes = config.emotions
        self._compute = compute

    @property
    def looks(self) -> bool:
        """It wants pictures, not landmarks alone."""
        return self.config.network != SVM

    def logits(self, images: Array, points: Array) -> NDArray[np.float64]:
        """What speaks for each class: the mean over each face and its mirror image.

        Parameters
        ----------
        images : (n, side, side) or (n, side, side, 3) uint8 array
            Squares as `classifier.dataset.cut_face` cuts them without room.
        points : (n, 68, 2) array
            Aligned landmarks.
        """
        if not len(points):
            return np.empty((0, len(self.classes)))
        if not self.looks:
            return np.asarray(self._compute(images, points), dtype=np.float64)
        return both_ways(self._compute, images, points)

    def probabilities(self, images: Array, points: Array) -> NDArray[np.float64]:
        """(n, C) probabilities; the arguments are those of `logits`."""
        return softmax(self.logits(images, points), self.temperature)

    def judge(self, faces: Faces) -> NDArray[np.float64]:
        """(n, C) probabilities of labelled faces, whose emotions are not looked at.

        Raises
        ------
        InputError
            The faces have another side than the classifier's.
        """
        if self.looks and faces.side != self.config.side:
            raise InputError(
                f"the faces are of {faces.side} pixels: {self.config.network} sees "
                f"{self.config.side}"
            )
        from classifier.augment import middle

        images = middle(faces.images, faces.side) if self.looks else faces.images
        return self.probabilities(images, faces.points)


def both_ways(compute: Computes, images: Array, points: Array) -> NDArray[np.float64]:
    """(n, C) logits: the mean over each face and its mirror image; arguments as `Computes`."""
    there = np.float64(compute(images, points))
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    found: NDArray[np.float64] = (there + compute(mirrored, mirrored_points(points))) / 2
    return found


def load_classifier(
    source: str | os.PathLike[str] = SMALL, *, device: str | None = None
) -> Classifier:
    """A classifier, ready to use.

    Parameters
    ----------
    source : path-like, optional
        'small', the one that ships; an .onnx file of `python -m classifier.export`; or, computed by
        torch, a `modeldir` of `python -m classifier.train` or a .safetensors file of it.
    device : str, optional
        torch's name of a device, which then computes 'small' too.

    Returns
    -------
    classifier : Classifier

    Raises
    ------
    InputError
        There is none, its file is damaged or of another kind, torch is needed and not installed, or
        the device cannot be used.
    """
    name = os.fspath(source)
    if source == SMALL:  # not Path("small"), which is a folder of that name
        path = SHIPPED if device is None else SHIPPED.with_suffix(".safetensors")
        if not path.is_file():
            raise InputError(
                f"the classifier {SMALL!r} is not part of this installation: no {path}"
            )
        name = str(path)
    if name.lower().endswith(".onnx"):
        if device is not None:
            raise InputError(f"{name} is computed by the processor: expected no device")
        from classifier.onnx_file import read_onnx

        return Classifier(*read_onnx(name))
    try:
        from classifier.by_torch import ByTorch
    except ModuleNotFoundError as error:
        raise InputError(
            f"{name} needs {error.name}: pip install 'landmark-calibrated-expressions[classifier]'"
        ) from None
    made = ByTorch(name, device)
    return Classifier(made, made.config, made.temperature, made.persons, made.pictures)
