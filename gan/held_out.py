"""Persons that a generator never saw: which pairs may measure it, and what is not sure."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan.config import Config
from gan.frame import read_drawing
from gan.pair_table import read_pair_table
from gan.pairs import Pair, PairError, PairIndex, read_index, split_persons
from landmarks.errors import InputError


class Division(NamedTuple):
    """Pairs on both sides.

    Attributes
    ----------
    train, held_out : list of Pair
    unsure : str or None
        A sentence: what could not be checked.
    """

    train: list[Pair]
    held_out: list[Pair]
    unsure: str | None


def differences(was: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """In what two folders' pairs.json speak of other pairs: `number of persons was 8, is 9`.

    Parameters
    ----------
    was, told : mapping
        As `read_drawing` gives them.

    Returns
    -------
    differing : list of str
        Empty where both are of the same photographs, cut, numbered and split in the same way.
    """
    before, now = _identity(was), _identity(told)
    return [
        f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _identity(told: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"number of {key}": told[key] for key in ("pairs", "persons") if key in told}
    for part in (told.get("frame"), told.get("settings")):
        found |= dict(part) if isinstance(part, Mapping) else {}
    return found


def _short(value: object) -> str:
    text = "not told" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def read_pairs(folder: str | os.PathLike[str], pairing: str) -> PairIndex:
    """The pairs of a folder; exact ones where there are any, whatever training made of them.

    Parameters
    ----------
    folder : path-like
    pairing : {'exact', 'person'}
        Taken where image numbers do not match.

    Returns
    -------
    index : PairIndex
    """
    try:
        return read_index(folder, pairing="exact")
    except PairError:
        if pairing == "exact":
            raise
    return read_index(folder, pairing=pairing)


def divide(data: str, train: str | None, config: Config) -> Division:
    """Training pairs, and pairs of persons that training never saw.

    Parameters
    ----------
    data : str
        A folder of pairs.
    train : str or None
        The folder that was trained on, if it is another.
    config : Config

    Returns
    -------
    division : Division

    Raises
    ------
    InputError
        The folder is not the one that was trained on; nobody is held out; a person of `data` was
        trained on, as both folders' pairs.csv tell, or else equal face images.
    """
    own = read_pairs(train or data, config.pairing)
    told = read_drawing(train or data)
    if config.drawing and (differing := differences(config.drawing, told)):
        option = "--train " if train else ""
        more = "" if train else "; give the one that was, with --train"
        raise InputError(
            f"{option}{train or data} is not the folder that was trained on"
            f" ({'; '.join(differing)}), so who was held out is not known{more}"
        )
    known, held = split_persons(own, config.held_out, config.seed)
    if train is None:
        if not held:
            raise InputError(
                f"{data} holds nobody out ({len(own.persons)} persons, a share of"
                f" {config.held_out:g}): give other persons' pairs, and this folder with --train"
            )
        unsure = None
        if "photographs" not in _identity(config.drawing):
            unsure = (
                f"it could not be checked whether {data} is the folder that was trained on, with"
                " the same persons held out"
            )
        return Division(list(known), list(held), unsure)
    wanted = read_pairs(data, config.pairing).pairs
    return Division(list(known), list(wanted), _check_apart(train, known, data, wanted))


def _check_apart(
    train: str, known: Iterable[Pair], data: str, wanted: Iterable[Pair]
) -> str | None:
    """Refuse persons of `data` that were trained on; a sentence where nobody can tell."""
    tables = read_pair_table(train), read_pair_table(data)
    if all(tables):
        persons = {pair.person for pair in known}
        learnt = {row.name for row in tables[0].values() if str(row.person) in persons}
        if seen := sorted(learnt & {row.name for row in tables[1].values()}):
            raise InputError(
                f"{len(seen)} persons of {data} were trained on ({seen[0]} is one): expected new"
                " ones"
            )
        return None
    if same := _same_faces(known, wanted):
        persons = {pair.person for pair, _ in same}
        mine, theirs = same[0]
        raise InputError(
            f"{len(persons)} persons of {data} were trained on ({mine.face.name} is {theirs.face}):"
            " expected new ones"
        )
    return (
        f"it could not be checked whether a person is in both {data} and {train}: no face image is,"
        " and without pairs.csv nobody tells more"
    )


def _same_faces(known: Iterable[Pair], wanted: Iterable[Pair]) -> list[tuple[Pair, Pair]]:
    """Pairs of `wanted` whose face image is, byte by byte, that of a known pair."""
    sizes: dict[int, list[Pair]] = defaultdict(list)
    for pair in known:
        sizes[_size(pair.face)].append(pair)
    digests: dict[int, dict[bytes, Pair]] = {}
    same = []
    for pair in wanted:
        size = _size(pair.face)
        if size not in sizes:  # few others have to be read
            continue
        if size not in digests:
            digests[size] = {_digest(other.face): other for other in sizes[size]}
        if (other := digests[size].get(_digest(pair.face))) is not None:
            same.append((pair, other))
    return same


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
