"""All pictures of a training run, decoded once and held as uint8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan.pairs import Pair
from gan.sampling import draw
from landmarks.errors import ImageError
from landmarks.image import read_image, resize


@dataclass(frozen=True)
class Skipped:
    """A picture that cannot be read.

    Attributes
    ----------
    path : Path
    reason : str
        One sentence, with the path in it.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class Batch:
    """What a step is trained on; each (B, 3, H, W), in [−1, 1].

    Attributes
    ----------
    landmarks : tensor
        Landmark images.
    faces : tensor
        Their faces.
    others : tensor
        Faces of other persons.
    """

    landmarks: Tensor
    faces: Tensor
    others: Tensor


def unit(images: Tensor) -> Tensor:
    """uint8 pictures as unit tensor.

    Parameters
    ----------
    images : (B, H, W, 3) uint8 tensor

    Returns
    -------
    images : (B, 3, H, W) float tensor
        In [−1, 1], channels last in memory.
    """
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


class PairStore:
    """Pairs as pictures in memory.

    Parameters
    ----------
    pairs : sequence of Pair
        Pairs of one person side by side.
    drawings, faces : (·, H, W, 3) uint8 tensor
        Landmark images and faces; of the latter one for each pair.
    first : (n,) int array
        Row in `drawings` of each pair's first candidate; the others follow it.
    """

    def __init__(
        self, pairs: Sequence[Pair], drawings: Tensor, faces: Tensor, first: NDArray[np.int64]
    ) -> None:
        self.pairs = tuple(pairs)
        self._drawings, self._faces, self._first = drawings, faces, first
        self._persons = np.unique([pair.person for pair in pairs], return_inverse=True)[1]
        self._choices = np.array([len(pair.candidates) for pair in pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def to(self, device: torch.device) -> PairStore:
        """The same pairs, held on a device (if they fit into half of its free memory)."""
        wanted = self._drawings.nbytes + self._faces.nbytes
        if device.type == "cuda" and wanted > torch.cuda.mem_get_info(device)[0] / 2:
            return self
        drawings, faces = self._drawings.to(device), self._faces.to(device)
        return PairStore(self.pairs, drawings, faces, self._first)

    def batch(
        self,
        step: int,
        *,
        seed: int,
        batch: int,
        device: torch.device,
        rank: int = 0,
        processes: int = 1,
    ) -> Batch:
        """The pairs of one step.

        Parameters
        ----------
        step : int
            From 0.
        seed : int
        batch : int
            Pairs of all processes together.
        device : torch.device
        rank, processes : int, optional
            Which equal share of the batch is wanted.
        """
        drawn = draw(self._persons, self._choices, seed=seed, step=step, batch=batch)
        share = slice(rank * batch // processes, (rank + 1) * batch // processes)
        rows = self._first[drawn.pair[share]] + drawn.choice[share]
        return Batch(
            self._take(self._drawings, rows, device),
            self._take(self._faces, drawn.pair[share], device),
            self._take(self._faces, drawn.other[share], device),
        )

    def some(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Landmark images and faces of up to `count` pairs spread over all, in [−1, 1]."""
        which = np.unique(np.linspace(0, len(self) - 1, count).round().astype(np.int64))
        return (
            self._take(self._drawings, self._first[which], device),
            self._take(self._faces, which, device),
        )

    @staticmethod
    def _take(images: Tensor, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        taken = images[torch.from_numpy(rows).to(images.device)]
        return unit(taken.to(device))


def load_pairs(
    pairs: Iterable[Pair], size: int, *, workers: int = 1
) -> tuple[PairStore, list[Skipped]]:
    """Decode pairs.

    Parameters
    ----------
    pairs : iterable of Pair
        Pairs of one person side by side.
    size : int
        Side in pixels that the pictures are resized to.
    workers : int, optional
        Threads that decode.

    Returns
    -------
    store : PairStore
        Pairs whose pictures can be read; may be empty.
    skipped : list of Skipped
        Pictures that cannot. A pair is dropped if its face or all its landmark images are among
        them.
    """
    wanted = list(pairs)
    groups = list(dict.fromkeys(pair.candidates for pair in wanted))
    drawn = [path for group in groups for path in group]
    drawings, faces = (np.empty((n, size, size, 3), np.uint8) for n in (len(drawn), len(wanted)))
    # Each picture is decoded into its place: a second copy may be more than memory holds.
    places: dict[Path, list[NDArray[np.uint8]]] = {}
    for path, place in zip(drawn, drawings, strict=True):
        places.setdefault(path, []).append(place)
    for pair, place in zip(wanted, faces, strict=True):
        places.setdefault(pair.face, []).append(place)

    def decode(path: Path) -> Skipped | None:
        try:
            picture = read_image(path)
        except ImageError as error:
            return Skipped(path, str(error))
        made, _ = resize(picture, np.zeros((0, 2)), (size, size))
        for place in places[path]:
            place[:] = made
        return None

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one picture per thread is faster than one picture on many
    try:
        with ThreadPoolExecutor(max(1, workers)) as pool:
            skipped = [told for told in pool.map(decode, places) if told]
    finally:
        cv2.setNumThreads(threads)
    broken = {told.path for told in skipped}
    readable = {group: tuple(path for path in group if path not in broken) for group in groups}
    start, rows = {}, 0
    for group in groups:
        start[group] = rows
        rows += len(readable[group])
    usable = [pair.face not in broken and bool(readable[pair.candidates]) for pair in wanted]
    kept = [pair for pair, good in zip(wanted, usable, strict=True) if good]
    store = PairStore(
        [Pair(pair.person, pair.face, readable[pair.candidates]) for pair in kept],
        torch.from_numpy(_closed_up(drawings, [path not in broken for path in drawn])),
        torch.from_numpy(_closed_up(faces, usable)),
        np.array([start[pair.candidates] for pair in kept], dtype=np.int64),
    )
    return store, skipped


def _closed_up(images: NDArray[np.uint8], good: Sequence[bool]) -> NDArray[np.uint8]:
    """The good pictures, moved to the front of the same memory."""
    rows = np.flatnonzero(good)
    for new, old in enumerate(rows.tolist()):
        if new != old:
            images[new] = images[old]
    return images[: len(rows)]
