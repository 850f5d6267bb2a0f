"""Which faces of shards are evaluated, and whether training can have seen their persons."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from landmarks.errors import InputError
from landmarks.keypoints.framing import true_box
from landmarks.metrics import inter_ocular_distances
from landmarks.samples import Sample, ShardError, split_of
from landmarks.shards import read_shards

SPLITS = ("test", "validation", "train", "all")


class HeldFace(NamedTuple):
    """One face to evaluate.

    Attributes
    ----------
    sample : Sample
        Its points are the truth.
    person : str
    shards : str
        The path that was given.
    """

    sample: Sample
    person: str
    shards: str


class HeldFaces:
    """The faces of shards whose persons belong to a split; read when they are iterated over.

    Parameters
    ----------
    sources : sequence of path-like
        Shards, or folders of them.
    split : {'test', 'validation', 'train', 'all'}, optional
        By the rule `landmarks.split_of`.
    published : bool, optional
        Give back to the points what their reader took off them (`data.youtube_faces`).
    without : collection of str, optional
        Persons that are left out.

    Attributes
    ----------
    errors : list of ShardError
        Samples and shards that could not be read, so far.
    others : int
        Faces of other splits and of persons that were left out, so far.
    """

    def __init__(
        self,
        sources: Sequence[str | os.PathLike[str]],
        split: str = "test",
        *,
        published: bool = False,
        without: Collection[str] = (),
    ) -> None:
        if split not in SPLITS:
            raise InputError(f"the split is {split!r}: expected one of {', '.join(SPLITS)}")
        self._sources = [os.fspath(source) for source in sources]
        self._split, self._published, self._without = split, published, frozenset(without)
        self.errors: list[ShardError] = []
        self.others = 0

    def __iter__(self) -> Iterator[HeldFace]:
        for source in self._sources:
            for sample in read_shards(source, on_damage=self.errors.append):
                # As training tells persons (`landmarks.keypoints.dataset`).
                person = str(sample.record.get("person", sample.key))
                if self._split not in ("all", split_of(person)) or person in self._without:
                    self.others += 1
                elif not _is_face(sample):
                    told = f"{source}: sample {sample.key} has no face's points in its picture"
                    self.errors.append(ShardError(told))
                else:
                    yield HeldFace(self._as_published(sample), person, source)

    def _as_published(self, sample: Sample) -> Sample:
        off = sample.record.get("taken_off", 0) if self._published else 0
        if isinstance(off, bool) or not isinstance(off, int | float):
            raise InputError(f"sample {sample.key}: 'taken_off' is {off!r}: expected a number")
        return sample._replace(points=sample.points + off)

    def nothing(self) -> InputError:
        """Why there was no face to evaluate."""
        told = f"no face in {', '.join(self._sources)}"
        if self.others:
            whose = "other persons" if self._without else f"a {self._split} person"
            told += f" of {whose} ({self.others} of others)"
            told += "" if self._without else ": --split all takes all"
        if self.errors:
            told += f"; {len(self.errors)} could not be read, the first: {self.errors[0]}"
        return InputError(told)


def _is_face(sample: Sample) -> bool:
    """Whether the points span a face whose box, were it found perfectly, meets the picture."""
    if not inter_ocular_distances(sample.points) > 0:
        return False
    box, (height, width) = true_box(sample.points), sample.image.shape[:2]
    meets = box.right > -1 and box.bottom > -1 and box.left < width and box.top < height
    return bool(box.width > 2 and meets and np.isfinite([box.left, box.top]).all())


class Persons(NamedTuple):
    """Who was evaluated, by the rule that training keeps.

    Attributes
    ----------
    split : str
        What was asked for.
    persons, faces : dict
        'test', 'validation', 'train' → how many.
    unseen : bool
        The user says that training saw none of these sets.
    trained_on_all : bool
        The network's settings say that test persons were trained on.
    """

    split: str
    persons: dict[str, int]
    faces: dict[str, int]
    unseen: bool
    trained_on_all: bool = False

    @property
    def leaks(self) -> bool:
        """Some are training persons by the rule, and nobody says that training saw none."""
        return (self.persons["train"] > 0 or self.trained_on_all) and not self.unseen

    def __str__(self) -> str:
        many, faces = sum(self.persons.values()), sum(self.faces.values())
        told = f"split {self.split}: {_count(faces, 'face')} of {_count(many, 'person')}; "
        seen, chosen = self.persons["train"], self.persons["validation"]
        if self.trained_on_all and self.leaks:
            return told + "this leaks: the network was trained on test persons too (--leaks)"
        if self.unseen:
            told += "training saw none of these sets, says --unseen: persons disjoint"
            everybody = " (it saw the test persons of its own sets: --leaks)"
            return told + everybody if self.trained_on_all else told
        if seen:
            whose = f"{seen} of them ({_count(self.faces['train'], 'face')})"
            verb = "is a training person" if seen == 1 else "are training persons"
            return told + f"this leaks: {whose} {verb} by the rule of names"
        told += "persons disjoint from training by the rule of names"
        if chosen:
            verb = "is a validation person" if chosen == 1 else "are validation persons"
            told += f", but {chosen} {verb}, who chose weights and scaled radii"
        return told


def count_persons(
    persons: Iterable[str], split: str, *, unseen: bool = False, trained_on_all: bool = False
) -> Persons:
    """Count whose faces were evaluated.

    Parameters
    ----------
    persons : iterable of str
        Of each face.
    split : str
    unseen, trained_on_all : bool, optional
        As `Persons`.
    """
    faces = Counter(persons)
    counted = {name: [p for p in faces if split_of(p) == name] for name in SPLITS[:3]}
    return Persons(
        split,
        {name: len(people) for name, people in counted.items()},
        {name: sum(faces[p] for p in people) for name, people in counted.items()},
        unseen,
        trained_on_all,
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
