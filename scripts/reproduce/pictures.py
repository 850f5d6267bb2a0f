"""Pictures for the experiment: real ones in the generator's frame, and generated ones."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.config import NETWORKS
from classifier.dataset import Faces, make_faces
from classifier.splits import folds, split_all
from gan.frame import Frame, write_frame
from landmarks.files import replacing
from landmarks.image import Picture
from landmarks.keypoints import Predictor, load_predictor
from landmarks.keypoints.crops import typical_box
from scripts.reproduce.arms import Teacher
from scripts.reproduce.photographs import Photographs, UnfitSet
from scripts.reproduce.protocols import Trials

Array = NDArray[np.float64]
Images = NDArray[np.uint8]

SIDE = 64
FEWEST = 8
"""Test persons that the rule by name must give; of fewer, a quarter of all persons is tested."""


class Division(NamedTuple):
    """Persons, each in one of three parts."""

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str]


def divide(found: Photographs, seed: int) -> Division:
    """Who teaches, who stops the training, and who is tested.

    Parameters
    ----------
    found : Photographs
    seed : int
        Of the division of a set that is too small for the rule by name.

    Returns
    -------
    division : Division
        By `landmarks.split_of` where that gives at least `FEWEST` test persons.

    Raises
    ------
    UnfitSet
        Fewer than eight persons.
    """
    people = found.person.tolist()
    split = split_all(people, people)
    tested = set(found.person[split == "test"].tolist())
    if len(tested) >= FEWEST and (split == "validation").any():
        parts = [set(found.person[split == part].tolist()) for part in ("train", "validation")]
        return Division(frozenset(parts[0]), frozenset(parts[1]), frozenset(tested))
    if len(set(people)) < 8:
        raise UnfitSet(f"{len(set(people))} persons: the half on pictures needs at least 8")
    emotions = found.emotion.tolist()
    rest, test = next(folds(emotions, people, count=4, seed=seed))
    train, held = next(
        folds([emotions[k] for k in rest], [people[k] for k in rest], count=5, seed=seed)
    )
    return Division(
        frozenset(people[rest[k]] for k in train),
        frozenset(people[rest[k]] for k in held),
        frozenset(people[k] for k in test),
    )


def cut_pictures(found: Photographs, frame: Frame) -> tuple[Images, Array]:
    """Every photograph in the frame: (n, side, side, 3) RGB and landmarks (n, 68, 2) in it."""
    assert found.entries is not None
    images = np.empty((len(found), frame.size, frame.size, 3), np.uint8)
    placed = np.empty((len(found), 68, 2))
    for row, (entry, points) in enumerate(zip(found.entries, found.landmarks, strict=True)):
        picture = Picture(entry.path or entry.name, data=entry.data).rgb()
        images[row], placed[row] = frame.cut(picture, points), frame.place(points)
    return images, placed


def write_pairs(
    folder: Path, images: Images, placed: Array, person: Sequence[str], frame: Frame
) -> None:
    """Pairs of a landmark image and a face, as `gan.train` reads them.

    Parameters
    ----------
    folder : Path
    images, placed
        As `cut_pictures` gives them.
    person : sequence of n str
    frame : Frame
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: place for place, name in enumerate(sorted(set(person)))}
    for row, (face, points) in enumerate(zip(images, placed, strict=True)):
        for clean, picture in enumerate((frame.draw(points), face)):
            name = f"PID{numbers[person[row]]}_CLEAN{clean}_IID{row}.png"
            with replacing(folder / name, "wb", durable=False) as handle:
                Image.fromarray(picture).save(handle, format="PNG")
    write_frame(folder, frame)


class Painter:
    """Draws faces from landmarks with a generator that was trained on some persons alone.

    Parameters
    ----------
    folder : Path
        Gets `pairs` and `model`.
    epochs, filters, seed : int
        Of the training.
    tell : callable
        Takes its lines.
    """

    def __init__(
        self, folder: Path, epochs: int, filters: int, seed: int, tell: Callable[[str], None]
    ) -> None:
        self.pairs, self.model = folder / "pairs", folder / "model"
        self.epochs, self.filters, self.seed, self.tell = epochs, filters, seed, tell

    def learn(self) -> int:
        """Train on the pairs, or go on with it; the number of steps."""
        from gan.config import Config
        from gan.training import train
        from landmarks.runs.devices import fast_precision, usable_device
        from landmarks.runs.options import Options

        config = Config(
            size=SIDE,
            base_filters=self.filters,
            seed=self.seed,
            held_out=0.0,
            precision=fast_precision(usable_device(None)),
        )
        options = Options(workers=os.cpu_count() or 1, log_every=100)
        outcome = train(self.pairs, self.epochs, self.model, config, options, report=self.tell)
        if outcome.interrupted:
            raise KeyboardInterrupt
        return outcome.step

    def paint(self, points: Array) -> tuple[Images, Array]:
        """Faces for landmarks (n, 68, 2) in pixels of any picture, and the landmarks in them."""
        from gan import load_generator
        from gan.faces import draw_landmarks, frame_of
        from gan.faces import make_faces as generate

        generator, config = load_generator(self.model)
        frame = frame_of(config)
        return (
            generate(generator, draw_landmarks(list(points), config)),
            np.array([frame.place(face) for face in points]),
        )


class Translating:
    """Draws weak and calibrated faces from their landmarks alone, by a generator.

    Parameters
    ----------
    found : Photographs
        All; those of training persons teach the generator.
    division : Division
    trials : Trials
    teacher : Teacher
    painter : Painter

    Attributes
    ----------
    refused : frozenset
        Faces that it cannot draw: none.
    """

    name = "translator"
    refused: frozenset[str] = frozenset()

    def __init__(
        self,
        found: Photographs,
        division: Division,
        trials: Trials,
        teacher: Teacher,
        painter: Painter,
    ) -> None:
        self.frame = Frame(size=SIDE)
        self._found, self._division, self.trials = found, division, trials
        self._teacher, self._painter = teacher, painter

    def learn(self) -> dict[str, int]:
        """Train the generator on all photographs of training persons."""
        few = self._found.take(
            np.flatnonzero(np.isin(self._found.person, sorted(self._division.train)))
        )
        images, placed = cut_pictures(few, self.frame)
        write_pairs(self._painter.pairs, images, placed, few.person.tolist(), self.frame)
        return {"pairs": len(few), "steps": self._painter.learn()}

    def paint(self, arm: str, rows: NDArray[np.intp]) -> tuple[Images, Array]:
        """Faces drawn from the landmarks of an arm, and the landmarks in them."""
        return self._painter.paint(self._teacher.treat(arm, self.trials, rows))


@functools.cache
def _finder() -> Predictor:
    return load_predictor("small")


def as_faces(
    images: Images, placed: Array, emotion: Sequence[str], person: Sequence[str], network: str
) -> Faces:
    """Pictures as a classifier takes them: upright, of one size, with landmarks.

    The landmarks are found in the pictures, by our network: what was asked for when a face was
    drawn is not told, but for its place.

    Parameters
    ----------
    images, placed
        As `cut_pictures` gives them.
    emotion, person : sequences of n str
    network : str
        The classifier's.
    """
    sides = [typical_box(points) for points in placed]
    boxes = np.array([(*(middle - side / 2), *(middle + side / 2)) for middle, side in sides])
    found = _finder().predict_many(list(images), boxes).points
    channels, side = NETWORKS[network]
    return make_faces(images, found, list(emotion), list(person), side=side, channels=channels)
