"""Pairs of a landmark image and a face of the same person: names, pairing, and who is drawn when.

    PID{person}_CLEAN0_IID{image}.jpg   a landmark image
    PID{person}_CLEAN1_IID{image}.jpg   a face of that person; `_IID{image}` may be missing

Which of them make up a batch is told by `gan.sampling`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from landmarks.errors import InputError

PAIRINGS = ("exact", "person")

_NAME = re.compile(
    r"PID(?P<person>.+)_CLEAN(?P<kind>[01])(?:_IID(?P<image>\d+))?\.(?:jpe?g|png)", re.IGNORECASE
)
_PICTURE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)
# Image number of the face less that of its landmark image. The published text says +1, the
# published script that wrote such folders −1; most people's own folders use equal numbers.
_OFFSETS = (0, 1, -1)
_SHOWN = 10


class PairError(InputError):
    """A folder does not hold pairs that a translator can be trained on."""


@dataclass(frozen=True)
class PairName:
    """What the name of a file tells.

    Attributes
    ----------
    person : str
    is_face : bool
        CLEAN1; False for a landmark image (CLEAN0).
    image : int or None
        None where the name has no IID.
    """

    person: str
    is_face: bool
    image: int | None


@dataclass(frozen=True)
class Pair:
    """A face and the landmark image that it is learnt from.

    Attributes
    ----------
    person : str
    face : Path
    candidates : tuple of Path
        Its landmark image; under pairing by person, all that may be drawn for it.
    """

    person: str
    face: Path
    candidates: tuple[Path, ...]

    @property
    def landmarks(self) -> Path:
        """The first of the landmark images."""
        return self.candidates[0]


@dataclass(frozen=True)
class PairIndex:
    """All pairs of a folder.

    Attributes
    ----------
    pairs : tuple of Pair
        Sorted by person, then image.
    leftovers : tuple of Path
        Pictures without a partner.
    pairing : {'exact', 'person'}
    rule : str
        In words, how image numbers were matched.
    """

    pairs: tuple[Pair, ...]
    leftovers: tuple[Path, ...]
    pairing: str
    rule: str

    @property
    def persons(self) -> tuple[str, ...]:
        """Every person with a pair, sorted."""
        return tuple(sorted({pair.person for pair in self.pairs}))

    def describe(self) -> str:
        """One line: how many pairs, persons and leftovers."""
        return (
            f"{len(self.pairs)} pairs of {len(self.persons)} persons ({self.rule}), "
            f"{len(self.leftovers)} pictures left over"
        )

    def digest(self) -> str:
        """Hash of the pairs' names and of the files' sizes: another value means other data."""
        digest = hashlib.sha256(self.pairing.encode())
        for pair in self.pairs:
            for path in (pair.face, *pair.candidates):
                # Names are bytes: one that is not UTF-8 has no other encoding.
                digest.update(os.fsencode(path.name) + f"\0{path.stat().st_size}\0".encode())
        return digest.hexdigest()


def parse_name(name: str) -> PairName | None:
    """Person, kind and image number from the name of a file.

    Parameters
    ----------
    name : str
        Without folders.

    Returns
    -------
    parsed : PairName or None
        None if the name is not of this kind.
    """
    found = _NAME.fullmatch(name)
    if not found:
        return None
    image = found["image"]
    return PairName(found["person"], found["kind"] == "1", None if image is None else int(image))


def pair_name(person: str, *, face: bool, image: int | None = None, suffix: str = ".jpg") -> str:
    """The name of a picture; the inverse of `parse_name`.

    Raises
    ------
    ValueError
        A file of that name would not be read back as this person and image.
    """
    number = "" if image is None else f"_IID{image}"
    name = f"PID{person}_CLEAN{int(face)}{number}{suffix}"
    if parse_name(name) != PairName(person, face, image):
        raise ValueError(
            f"person {person!r}, image {image!r} and ending {suffix!r} make no name of a pair"
        )
    return name


def read_index(folder: str | os.PathLike[str], *, pairing: str = "exact") -> PairIndex:
    """Find all pairs of a folder.

    Parameters
    ----------
    folder : path-like
        Holds `PID…_CLEAN0…` and `PID…_CLEAN1…` pictures.
    pairing : {'exact', 'person'}, optional
        `exact`: the picture numbers of one pair are equal, or the face's is one higher, or one
        lower, whichever gives most pairs in the whole folder. `person`: any landmark image with
        any face of the same person.

    Returns
    -------
    index : PairIndex

    Raises
    ------
    PairError
        No such folder, no picture in it, names of another kind (the first ten are listed), two
        files for one image, or no pair at all.
    """
    if pairing not in PAIRINGS:
        raise PairError(f"unknown pairing {pairing!r}: expected {' or '.join(PAIRINGS)}")
    landmarks, faces = _by_person(Path(folder))
    if pairing == "person":
        index = _pair_by_person(landmarks, faces)
    else:
        index = _pair_exactly(landmarks, faces)
    if not index.pairs:
        first = index.leftovers[0]
        parsed = parse_name(first.name)
        assert parsed is not None
        kind, missing = ("face", 0) if parsed.is_face else ("landmark", 1)
        raise PairError(
            f"{first.name} is a {kind} image without a partner, and so are all "
            f"{len(index.leftovers)} pictures in {folder}: expected "
            f"PID{parsed.person}_CLEAN{missing}_*"
        )
    return index


_Images = dict[str, dict[int | None, Path]]


def _by_person(folder: Path) -> tuple[_Images, _Images]:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise PairError(f"{folder} {what}: expected a folder of PID…_CLEAN0… and CLEAN1…")
    # A name that begins with a dot is another program's leftover, or ours that is not finished.
    names = sorted(
        name for name in os.listdir(folder) if _PICTURE.search(name) and not name.startswith(".")
    )
    if not names:
        raise PairError(f"{folder} holds no .jpg or .png picture: expected PID…_CLEAN0… and CLEAN1")
    landmarks: _Images = defaultdict(dict)
    faces: _Images = defaultdict(dict)
    unknown = []
    for name in names:
        parsed = parse_name(name)
        if parsed is None:
            unknown.append(name)
            continue
        images = (faces if parsed.is_face else landmarks)[parsed.person]
        if parsed.image in images:
            raise PairError(
                f"{images[parsed.image].name} and {name} in {folder} name the same image"
            )
        images[parsed.image] = folder / name
    if unknown:
        listed = ", ".join(unknown[:_SHOWN]) + (", …" if len(unknown) > _SHOWN else "")
        raise PairError(
            f"{len(unknown)} of {len(names)} names in {folder} are not "
            f"PID<person>_CLEAN<0 or 1>[_IID<image>].jpg or .png: {listed}"
        )
    return landmarks, faces


def _pair_by_person(landmarks: _Images, faces: _Images) -> PairIndex:
    pairs: list[Pair] = []
    leftovers: list[Path] = []
    for person in sorted(landmarks.keys() | faces.keys()):
        drawings = landmarks.get(person, {})
        candidates = tuple(drawings[number] for number in _in_order(drawings))
        own = faces.get(person, {})
        if candidates and own:
            pairs += (Pair(person, own[number], candidates) for number in _in_order(own))
        else:
            leftovers += [*candidates, *own.values()]
    return PairIndex(tuple(pairs), tuple(leftovers), "person", "any two pictures of a person")


def _pair_exactly(landmarks: _Images, faces: _Images) -> PairIndex:
    counts = {offset: _matches(landmarks, faces, offset) for offset in _OFFSETS}
    offset = max(_OFFSETS, key=lambda candidate: counts[candidate])  # the first of equals
    pairs: list[Pair] = []
    leftovers: list[Path] = []
    for person in sorted(landmarks.keys() | faces.keys()):
        drawings, own = dict(landmarks.get(person, {})), faces.get(person, {})
        for number in _in_order(own):
            partner = drawings.pop(None if number is None else number - offset, None)
            if partner is None:
                leftovers.append(own[number])
            else:
                pairs.append(Pair(person, own[number], (partner,)))
        leftovers += drawings.values()
    rule = {
        0: "equal image numbers",
        1: "each face one number after its landmark image",
        -1: "each face one number before its landmark image",
    }[offset]
    return PairIndex(tuple(pairs), tuple(sorted(leftovers)), "exact", rule)


def _matches(landmarks: _Images, faces: _Images, offset: int) -> int:
    return sum(
        (None if number is None else number - offset) in landmarks.get(person, {})
        for person, own in faces.items()
        for number in own
    )


def _in_order(images: dict[int | None, Path]) -> list[int | None]:
    return sorted(images, key=lambda number: -1 if number is None else number)


def is_held_out(person: str, share: float, seed: int) -> bool:
    """Whether a person is kept from training; depends on nothing but the arguments.

    Parameters
    ----------
    person : str
    share : float
        Of all persons, 0 to 1.
    seed : int
    """
    digest = hashlib.sha256(f"{seed}:".encode() + os.fsencode(person)).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def split_persons(
    index: PairIndex, share: float, seed: int
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Divide the pairs so that no person is on both sides.

    Parameters
    ----------
    index : PairIndex
    share : float
        Of the persons, to hold out; 0 ≤ share < 1.
    seed : int

    Returns
    -------
    train, held_out : tuple of Pair
        Small sets may leave nobody held out.

    Raises
    ------
    PairError
        Fewer than two persons are left for training.
    """
    if not 0 <= share < 1:
        raise PairError(f"the share of held-out persons is {share}: expected 0 ≤ share < 1")
    held = {person for person in index.persons if is_held_out(person, share, seed)}
    train = tuple(pair for pair in index.pairs if pair.person not in held)
    out = tuple(pair for pair in index.pairs if pair.person in held)
    persons = len(index.persons) - len(held)
    if persons < 2:
        kept = f" ({len(held)} more held out)" if held else ""
        raise PairError(
            f"the pairs to train on are of {persons} person{'s' * (persons != 1)}{kept}: at least "
            "two are needed, because the domain discriminator compares with another person's face"
        )
    return train, out
