"""The file of a classifier: its weights, its temperature, and whom it has learnt from.

safetensors: data that cannot run anything when it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier.config import SVM, Config
from classifier.landmark_svm import LandmarkSvm
from landmarks.runs.tensor_file import (
    ModelError,
    fill,
    read_tensors,
    read_text,
    settings_in,
    weights_in,
    write_tensors,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

MODEL_FILE = "model.safetensors"

TEMPERATURE = "temperature"
PERSONS = "persons"
PICTURES = "pictures"
"""Names of what a file holds beside the weights: a number, and (n,) hashes of persons and of
pictures (which older files do not tell)."""


class Stored(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    network : torch.nn.Module or LandmarkSvm
        In evaluation mode, without gradients.
    config : Config
    temperature : float
    persons : frozenset of int
        Hashes of the persons that were learnt from or chose the best weights.
    pictures : frozenset of int
        Hashes (`classifier.finding.picture_hash`) of their pictures; empty where nobody knows.
    """

    network: nn.Module | LandmarkSvm
    config: Config
    temperature: float
    persons: frozenset[int]
    pictures: frozenset[int] = frozenset()


def person_hash(person: str) -> int:
    """What is kept of a person's name: 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") >> 1


def save_classifier(
    path: str | os.PathLike[str],
    weights: Mapping[str, Tensor] | LandmarkSvm,
    config: Config,
    *,
    temperature: float,
    persons: Iterable[str | None],
    pictures: Iterable[int] = (),
) -> None:
    """Write a classifier; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        Ends in ``.safetensors``.
    weights : mapping or LandmarkSvm
        State of a network, or the machine.
    config : Config
    temperature : float
    persons : iterable of str or None
        Whom it has learnt from, or was chosen by.
    pictures : iterable of int, optional
        Hashes of their pictures.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    import torch

    if isinstance(weights, LandmarkSvm):
        arrays = {k: np.ascontiguousarray(v, np.float64) for k, v in weights.arrays().items()}
        tensors = {f"network.{name}": torch.from_numpy(value) for name, value in arrays.items()}
    else:
        tensors = {
            f"network.{name}": value
            for name, value in weights.items()
            if not name.endswith("num_batches_tracked")
        }
    hashes = sorted({person_hash(person) for person in persons if person is not None})
    tensors[TEMPERATURE] = torch.tensor(temperature, dtype=torch.float64)
    tensors[PERSONS] = torch.tensor(hashes, dtype=torch.int64)
    tensors[PICTURES] = torch.tensor(sorted(set(pictures)), dtype=torch.int64)
    write_tensors(path, tensors, config.to_json())


def place_of(source: str | os.PathLike[str]) -> Path:
    """The file of a run's folder, or the file itself.

    Raises
    ------
    ModelError
        The folder holds none.
    """
    return weights_in(source, MODEL_FILE)


def read_config(source: str | os.PathLike[str]) -> Config:
    """The settings of a classifier, without its weights; torch is not loaded.

    Raises
    ------
    ModelError, ConfigError
        As `read_classifier`.
    """
    path = place_of(source)
    return Config.from_json(settings_in(read_text(path)), str(path))


def read_classifier(source: str | os.PathLike[str], *, device: Any = "cpu") -> Stored:
    """Read a classifier.

    Parameters
    ----------
    source : path-like
        A `modeldir` of `python -m classifier.train`, or a file that `save_classifier` wrote.
    device : str or torch.device, optional

    Returns
    -------
    stored : Stored

    Raises
    ------
    ModelError
        Nothing is there, it is damaged, or it is something else.
    ConfigError
        Its settings are damaged or of a newer version.
    """
    path = place_of(source)
    tensors, told = read_tensors(path, device=device)
    config = Config.from_json(settings_in(told), str(path))
    try:
        temperature = float(tensors.pop(TEMPERATURE))
        persons = frozenset(tensors.pop(PERSONS).tolist())
        shown = tensors.pop(PICTURES, None)
        pictures = frozenset(() if shown is None else shown.tolist())
    except (KeyError, RuntimeError):
        raise ModelError(f"{path} is no classifier: it tells no temperature or persons") from None
    inner = {name.removeprefix("network."): value for name, value in tensors.items()}
    if config.network == SVM:
        arrays: dict[str, NDArray[Any]] = {k: v.cpu().numpy() for k, v in inner.items()}
        machine = LandmarkSvm.of(arrays, str(path))
        return Stored(machine, config, temperature, persons, pictures)
    from classifier.network import build_network

    network = build_network(config).to(device)
    fill(network, inner, str(path))
    network = network.eval().requires_grad_(False)
    return Stored(network, config, temperature, persons, pictures)
