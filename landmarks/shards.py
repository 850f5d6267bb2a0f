"""Shards: tar files of pictures with landmarks, masks and everything else that is known of them.

A shard is a tar file in the layout that WebDataset reads; for each sample, one after the other:

    000012.jpg (or .png)   the picture
    000012.json            {"points": [[x, y], …], "visible": "1101…", "person": 7, …}
    000012.labels.png      what each pixel shows, as a palette picture with values of `LABELS`

`points` are 68 landmarks in pixels, iBUG-68 order, 0-based from the centre of the top-left pixel.
`visible` (one digit for each point) and the labels may be missing. Whatever else the JSON holds is
the sample's record: who it is (`person`), `emotion`, `intensity`, ….

The reader owns the format; `landmarks.shard_set` and everything under `data/` write it. It reads
tar files itself: WebDataset loads torch where that is installed, cannot go on behind damage, and
takes a file that was cut off between two samples for a whole one.
"""

from __future__ import annotations

import itertools
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from landmarks.samples import LABELS as LABELS
from landmarks.samples import Sample as Sample
from landmarks.samples import ShardError as ShardError
from landmarks.samples import decode_sample

SET_FILE = "set.json"
"""In a folder of shards: what made them, how many there are, and their hashes."""

UNFINISHED = f"{SET_FILE}.partial"
"""Its name until the last shard is written."""

Paths: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"


def shard_files(paths: Paths) -> list[str]:
    """The tar files that a path stands for.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        A tar file, a folder of them (read in the order of their names), or several of these.

    Returns
    -------
    files : list of str

    Raises
    ------
    ShardError
        Nothing is there; a folder holds no shard, an unfinished set, or lacks what its set.json
        names.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not several:
        raise ShardError("no shard was given: expected a .tar file or a folder of them")
    files: list[str] = []
    for path in [os.fspath(path) for path in several]:
        files += _in_folder(Path(path)) if os.path.isdir(path) else [path]
    if missing := [file for file in files if not os.path.exists(file)]:
        raise ShardError(f"{missing[0]} does not exist: expected a shard or a folder of shards")
    return files


def _in_folder(folder: Path) -> list[str]:
    found = sorted(str(path) for path in folder.glob("*.tar"))
    told = folder / SET_FILE
    if (folder / UNFINISHED).exists() and not told.exists():
        raise ShardError(
            f"{folder} holds an unfinished set ({len(found)} shards so far): --resume finishes it;"
            " finished shards can be read by their own names"
        )
    if not found:
        raise ShardError(f"{folder} holds no .tar file: expected a folder of shards")
    return listed_shards(told) if told.exists() else found


def listed_shards(told: Path) -> list[str]:
    """The shards of a finished set, all of which are there with their full length.

    Parameters
    ----------
    told : Path
        The JSON file beside them that describes the set.

    Returns
    -------
    files : list of str
        In the order of their names.

    Raises
    ------
    ShardError
        The description is damaged; a shard is missing or has another length.
    """
    try:
        listed = {item["name"]: item["bytes"] for item in json.loads(told.read_bytes())["shards"]}
    except (ValueError, KeyError, TypeError):
        raise ShardError(f"{told} is damaged: expected the list of the set's shards") from None
    remedy = "copy it again, or delete the whole set and make it anew"
    for name, size in listed.items():
        path = told.parent / name
        if not path.exists():
            raise ShardError(
                f"{told.parent} lacks the shard {name} that its {told.name} names: {remedy}"
            )
        if (got := path.stat().st_size) != size:
            raise ShardError(f"{path} has {got:,} bytes, {told.name} says {size:,}: {remedy}")
    return [str(told.parent / name) for name in sorted(listed)]


def _check_end(file: str, stopped: int | None = None) -> None:
    """A whole tar file ends in 1,024 zeros; one that was cut off between two files has none.

    Where a reader `stopped`, zeros must begin: it takes a header that is spoilt for the end.
    """
    try:
        with open(file, "rb") as handle:
            start = handle.read(1024)
            handle.seek(-min(1024, len(start)), os.SEEK_END)
            end = handle.read()
            handle.seek(stopped or 0)
            behind = b"" if stopped is None else handle.read()
    except OSError as error:
        raise ShardError(f"{file} cannot be read: {error.strerror}") from None
    if len(start) < 1024 or start[257:262] != b"ustar":
        raise ShardError(f"{file} is not a tar file: expected a shard")
    if end.strip(b"\0"):
        raise ShardError(f"{file} was cut off: its end is missing, copy or download it again")
    if behind.strip(b"\0"):
        raise ShardError(
            f"{file} is damaged at byte {stopped:,}: the rest is lost, copy or download it again"
        )


def read_members(
    file: str, wanted: Callable[[], bool] = lambda: True
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The files of a shard, sample by sample.

    Parameters
    ----------
    file : str
        A tar file.
    wanted : callable, optional
        Asked once for each sample, whether its bytes are read.

    Yields
    ------
    key : str
    members : dict
        Ending → bytes, as `decode_sample` takes them.

    Raises
    ------
    ShardError
        The tar file is damaged; a sample has two files of one name.
    """
    key: str | None = None
    members: dict[str, bytes] = {}
    reading, stopped = False, 0
    try:
        with tarfile.open(file, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it remembers them all
                folder, name = os.path.split(member.name)
                stem, dot, ending = name.partition(".")
                if not member.isfile() or not stem or not dot:
                    continue
                if os.path.join(folder, stem) != key:
                    if key is not None and members:
                        yield key, members
                    key, members, reading = os.path.join(folder, stem), {}, wanted()
                if ending.lower() in members:
                    raise ShardError(f"{file}: sample {key} has two files .{ending.lower()}")
                if reading:
                    handle = archive.extractfile(member)
                    assert handle is not None
                    members[ending.lower()] = handle.read()
            stopped = archive.offset
    except (tarfile.TarError, OSError, EOFError) as error:
        behind = f"behind sample {key}" if key is not None else "at its beginning"
        raise ShardError(f"{file} is damaged {behind}: {error}") from None
    if key is not None and members:
        yield key, members
    _check_end(file, stopped)


def read_shards(
    paths: Paths,
    *,
    shuffle: int = 0,
    seed: int = 0,
    part: tuple[int, int] = (0, 1),
    on_damage: Callable[[ShardError], object] | None = None,
) -> Iterator[Sample]:
    """Read the samples of shards.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        As `shard_files`.
    shuffle : int, optional
        Read the shards in a random order and draw each sample from that many undecoded ones that
        wait; 0 keeps the order.
    seed : int, optional
        Of the shuffling; the same gives the same order.
    part : (int, int), optional
        Which part of how many, for several readers: they share the shards, or the samples where
        there are fewer shards than readers.
    on_damage : callable, optional
        Called with the error of each sample or shard that cannot be read, which is then left out
        (`errors = []; read_shards(…, on_damage=errors.append)` counts them). Left out, the error is
        raised.

    Returns
    -------
    samples : iterator of Sample
        Decoded one by one, as they are asked for.

    Raises
    ------
    ShardError
        At once as `shard_files`, and where a shard is no tar file or was cut off; on the way where
        a sample is damaged.
    """
    which, count = part
    if not 0 <= which < count:
        raise ValueError(f"part {which} of {count}: expected 0 to {count - 1}")
    if shuffle < 0:
        raise ValueError(f"shuffle is {shuffle}: expected a number of samples, or 0")
    files = shard_files(paths)
    if on_damage is None:
        for file in files:  # told at once, not in the middle of an epoch
            _check_end(file)
    if shuffle:
        files = [files[k] for k in np.random.default_rng(seed).permutation(len(files))]
    raw = _raw(files, which, count, on_damage)
    if shuffle:
        raw = _shuffled(raw, shuffle, np.random.default_rng([seed, which]))
    return _decoded(raw, on_damage)


_Raw: TypeAlias = tuple[str, str, dict[str, bytes]]


def _raw(
    files: list[str], which: int, count: int, on_damage: Callable[[ShardError], object] | None
) -> Iterator[_Raw]:
    by_shard = len(files) >= count
    samples = itertools.count()
    for number, file in enumerate(files):
        if by_shard and number % count != which:
            continue
        try:
            for key, members in read_members(
                file, lambda: by_shard or next(samples) % count == which
            ):
                yield file, key, members
        except ShardError as error:
            if on_damage is None:
                raise
            on_damage(error)


def _shuffled(raw: Iterator[_Raw], size: int, rng: np.random.Generator) -> Iterator[_Raw]:
    waiting: list[_Raw] = []
    for item in raw:
        if len(waiting) < size:
            waiting.append(item)
            continue
        drawn = int(rng.integers(size))
        waiting[drawn], item = item, waiting[drawn]
        yield item
    for drawn in rng.permutation(len(waiting)):
        yield waiting[drawn]


def _decoded(
    raw: Iterator[_Raw], on_damage: Callable[[ShardError], object] | None
) -> Iterator[Sample]:
    for file, key, members in raw:
        try:
            yield decode_sample(key, members, file)
        except ShardError as error:
            if on_damage is None:
                raise
            on_damage(error)
