"""Synthetic people's shards as photographs: exact landmarks, emotions and intensities."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from data.photos import Photo, Photos, file_hash
from landmarks.shards import SET_FILE, ShardError, read_shards, shard_files


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
        In the order of the shards.

    Raises
    ------
    InputError
        No shard is there, or one was cut off.
    """
    files = shard_files(path)

    def stream() -> Iterator[Photo]:
        for file in files:
            damaged: list[ShardError] = []
            for sample in read_shards(file, on_damage=damaged.append):
                yield from _told(file, damaged)
                person = sample.record.get("person")
                intensity = sample.record.get("intensity")
                source = f"{file}/{sample.key}"
                unknown = f"{source} does not tell who it shows: expected 'person' in its record"
                yield Photo(
                    source,
                    "" if person is None else str(person),
                    sample.points if points else None,
                    sample.record.get("emotion") or "",
                    None if intensity is None else float(intensity),
                    pixels=sample.image,
                    problem=unknown if person is None else None,
                )
            yield from _told(file, damaged)

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


def _told(file: str, damaged: list[ShardError]) -> Iterator[Photo]:
    for error in damaged:
        yield Photo(file, "", problem=str(error))
    damaged.clear()
