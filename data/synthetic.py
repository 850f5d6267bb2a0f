"""Synthetic people's shards as photographs: exact landmarks, emotions and intensities."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from data.photos import Photo, Photos, file_hash
from landmarks.samples import ShardError, decode_sample
from landmarks.shards import SET_FILE, read_members, read_shards, shard_files


def shard_photos(path: str, *, points: bool = True) -> Photos:
    """The samples of shards.

    Parameters
    ----------
    path : str
        A .tar file, or a folder of them.
    points : bool, optional
        Use the exact landmarks; False finds them as in a photograph.

    Returns
    -------
    photos : Photos
        In the order of the shards. What lies behind the damage of one of several shards is lost,
        which is told in its place.

    Raises
    ------
    InputError
        No shard is there; the only one is no .tar file, is damaged or was cut off.
    """
    files = shard_files(path)
    alone = len(files) == 1
    if alone:
        read_shards(files)  # told before the first sample
        for _ in read_members(files[0], lambda: False):
            pass

    def stream() -> Iterator[Photo]:
        for file in files:
            try:
                for key, members in read_members(file):
                    yield _photo(file, key, members, points)
            except ShardError as error:
                if alone:
                    raise
                yield Photo(file, "", problem=f"{error}; the rest of this shard is lost")

    told = "".join(f"{os.path.basename(file)}\0{_hash_of(file)}\n" for file in files)
    digest = hashlib.sha256(told.encode(errors="replace")).hexdigest()
    return Photos("what the shards tell", digest, None, stream)


def _hash_of(file: str) -> str:
    """SHA-256 of a shard, from the description of its set where there is one."""
    path = Path(file)
    for description in (Path(f"{file}.json"), path.parent / SET_FILE):
        try:
            for shard in json.loads(description.read_bytes())["shards"]:
                if shard["name"] == path.name and shard["bytes"] == path.stat().st_size:
                    return str(shard["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return file_hash(file)


def _photo(file: str, key: str, members: dict[str, bytes], points: bool) -> Photo:
    try:
        sample = decode_sample(key, members, file)
    except ShardError as error:
        return Photo(file, "", problem=str(error))
    person, intensity = sample.record.get("person"), sample.record.get("intensity")
    source = f"{file}/{key}"
    unknown = f"{source} does not tell who it shows: expected 'person' in its record"
    return Photo(
        source,
        "" if person is None else str(person),
        sample.points if points else None,
        sample.record.get("emotion") or "",
        None if intensity is None else float(intensity),
        pixels=sample.image,
        problem=unknown if person is None else None,
    )
