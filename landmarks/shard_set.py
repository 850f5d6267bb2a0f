"""Write sets of shards: whole shards only, the same bytes every time, and a set.json beside them.

    with writing_set("faces/", {"source": "…", "seed": 0}, resume=True) as shards:
        for number in range(shards.done, count):
            shards.add(key, encode_sample(sample))

A run that is stopped keeps its finished shards and goes on behind them.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from landmarks.errors import InputError
from landmarks.files import TEMPORARY, replacing
from landmarks.journal import Journal
from landmarks.samples import ShardError
from landmarks.shards import SET_FILE, UNFINISHED, listed_shards, read_members

PER_SHARD = 500
"""Samples of a shard when nothing else is said: a few megabytes, a minute or two of rendering."""


class _Mark(Journal):
    """The settings of an unfinished set, locked while it is written; its lines are the shards."""

    def close(self) -> None:
        self._handle.close()


class ShardSet:
    """A set of shards that is being written; made by `writing_set`.

    Attributes
    ----------
    done : int
        Samples in finished shards; those of an earlier run are there from the beginning.
    finished : bool
        The set was complete before: there is nothing to add.
    told : Path
        The JSON file that describes the finished set.
    """

    def __init__(self, target: str, settings: Mapping[str, Any], per_shard: int, resume: bool):
        self._target = Path(target)
        self._single = self._target.suffix.lower() == ".tar"
        # The shards of a single file are gathered beside it and joined at the end.
        self._folder = Path(f"{target}.partial") if self._single else self._target
        self.told = Path(f"{target}.json") if self._single else self._folder / SET_FILE
        self._settings = json.loads(json.dumps({**settings, "per_shard": per_shard}))
        self._per_shard = per_shard
        self._waiting: list[tuple[str, dict[str, bytes]]] = []
        self.done = 0
        self.finished = self._is_finished(resume)
        if not self.finished:
            self._begin(resume)

    def _is_finished(self, resume: bool) -> bool:
        mark = self._folder / UNFINISHED
        if not self.told.exists():
            if self._single and self._target.exists() and not mark.exists():
                raise InputError(f"{self._target} exists already: give another name, or delete it")
            return False
        try:
            told = json.loads(self.told.read_bytes())
            differing = _differing(told["settings"], self._settings)
            self.done = int(told["samples"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{self.told} is damaged: delete it") from None
        if differing:
            raise InputError(
                f"{self._target} holds a finished set that was made with other settings"
                f" ({differing}): give another place, or delete it"
            )
        if not resume:
            raise InputError(
                f"{self._target} holds the finished set already: give another place, or delete it"
            )
        listed_shards(self.told)
        self._clear()  # where a kill came first
        return True

    def _clear(self) -> None:
        """Remove what only an unfinished set needs."""
        if self._single:
            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            (self._folder / UNFINISHED).unlink(missing_ok=True)

    def _begin(self, resume: bool) -> None:
        mark = self._folder / UNFINISHED
        self._made = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            foreign = sorted(path.name for path in self._folder.iterdir())
        except OSError as error:
            raise InputError(
                f"the folder {self._folder} cannot be made: {error.strerror}"
            ) from None
        if foreign and not mark.exists():
            raise InputError(
                f"{self._folder} is not empty and holds no set of shards ({foreign[0]}, …): give"
                " another folder"
            )
        if mark.exists() and not resume:
            raise InputError(self._unfinished(mark))
        self._mark = _Mark(mark, self._settings, resume=resume)
        for leftover in self._folder.glob(f"{TEMPORARY}*"):
            leftover.unlink()  # of a kill; nobody else writes here now
        while self._is_whole(self._shard(self.done // self._per_shard)):
            self.done += self._per_shard

    def _is_whole(self, shard: Path) -> bool:
        """Whether a full shard of an earlier run can be read; a damaged one is written again."""
        try:
            return shard.exists() and sum(1 for _ in _records(shard)) == self._per_shard
        except ShardError:
            return False

    def _unfinished(self, mark: Path) -> str:
        try:
            begun = dict(json.loads(mark.read_bytes().splitlines()[0])["settings"])
        except (ValueError, KeyError, TypeError, IndexError):
            begun = self._settings
        differing = _differing(begun, self._settings)
        if differing:
            return (
                f"{self._target} holds an unfinished set with other settings ({differing}): give"
                " another place, or delete it"
            )
        return (
            f"{self._target} holds an unfinished set: add --resume to go on with it, or delete it"
        )

    def _shard(self, number: int) -> Path:
        return self._folder / f"shard-{number:06d}.tar"

    @property
    def kept(self) -> str:
        """What a run that ends now leaves behind, for the sentence that tells why it ends."""
        if self.done == 0:
            return "nothing was kept"
        return "finished shards are kept, --resume goes on with them"

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        """Add one sample behind those that are done.

        Parameters
        ----------
        key : str
        members : dict
            As `landmarks.samples.encode_sample` gives them.

        Raises
        ------
        InputError
            The shard that it fills cannot be written.
        """
        self._waiting.append((key, dict(members)))
        if len(self._waiting) == self._per_shard:
            self._write()

    def _write(self) -> None:
        path = self._shard(self.done // self._per_shard)
        try:
            with replacing(path, "wb") as handle:
                _write_tar(handle, self._waiting)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written: {error.strerror or error}; {self.kept}"
            ) from None
        self.done += len(self._waiting)
        self._waiting.clear()

    def finish(self) -> None:
        """Write the last shard and the description of the set."""
        if self._waiting:
            self._write()
        paths = sorted(self._folder.glob("shard-*.tar"))
        if not paths:
            raise InputError(f"there is no sample to write to {self._target}")
        try:
            if self._single:
                paths = [self._join(paths)]
            told = json.dumps(_description(paths, self._settings), indent=1, ensure_ascii=False)
            with replacing(self.told) as handle:
                handle.write(told + "\n")
        except OSError as error:
            raise InputError(
                f"{self._target} cannot be finished: {error.strerror or error}; {self.kept}"
            ) from None
        self._mark.close()
        self._clear()

    def _join(self, paths: list[Path]) -> Path:
        with replacing(self._target, "wb") as handle:
            _write_tar(handle, itertools.chain.from_iterable(map(read_members, map(str, paths))))
        return self._target

    def close(self) -> None:
        """Leave an unfinished set as it is; without any shard nothing of it stays."""
        self._mark.close()
        # Behind a damaged first shard, which counts as none, there may be others.
        if next(self._folder.glob("shard-*.tar"), None) is None:
            (self._folder / UNFINISHED).unlink(missing_ok=True)
            if self._made:
                self._folder.rmdir()


@contextmanager
def writing_set(
    target: str | os.PathLike[str],
    settings: Mapping[str, Any],
    *,
    per_shard: int = PER_SHARD,
    resume: bool = False,
) -> Iterator[ShardSet]:
    """Write a set of shards, whole or so far that it can be gone on with.

    Parameters
    ----------
    target : path-like
        A folder for `shard-000000.tar`, … and `set.json`; or one `.tar` file for a small set, with
        its description in `NAME.tar.json`.
    settings : mapping
        Everything that shapes the samples, as JSON holds it; a run is resumed only with the same.
    per_shard : int, optional
        Samples of a shard; they wait in memory until it is full.
    resume : bool, optional
        Go on with an unfinished set; a finished one is left as it is.

    Yields
    ------
    shards : ShardSet
        Add the samples from number `shards.done` on, in the same order every time.

    Raises
    ------
    InputError
        The target holds another set, an unfinished one (without `resume`), or something else; or
        it cannot be written; or a shard of a finished set is missing or was cut off.
    KeyboardInterrupt
        Its text says what is kept.

    Notes
    -----
    The same samples give the same bytes, whether the run was interrupted or not: files carry no
    time and no owner.
    """
    if per_shard < 1:
        raise InputError(f"a shard of {per_shard} samples cannot be: expected at least 1")
    shards = ShardSet(os.fspath(target), settings, per_shard, resume)
    if shards.finished:
        yield shards
        return
    try:
        yield shards
        shards.finish()
    except KeyboardInterrupt:
        shards.close()
        raise KeyboardInterrupt(shards.kept) from None
    except BaseException:
        shards.close()
        raise


def _differing(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    names = dict.fromkeys([*wanted, *made])
    return "; ".join(
        f"{name} was {made.get(name)}, is {wanted.get(name)}"
        for name in names
        if made.get(name) != wanted.get(name)
    )


def _write_tar(handle: Any, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    with tarfile.open(fileobj=handle, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for key, members in samples:
            for ending, data in members.items():
                member = tarfile.TarInfo(f"{key}.{ending}")  # of 1970, of nobody
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def _records(shard: Path) -> Iterator[dict[str, Any]]:
    """The JSON of each sample."""
    for key, members in read_members(str(shard)):
        try:
            record = json.loads(members["json"])
            if not isinstance(record, dict):
                raise ValueError
        except (ValueError, KeyError):
            raise ShardError(
                f"{shard}: sample {key} has a damaged record: delete the shard, --resume makes it"
                " anew"
            ) from None
        yield record


def _description(paths: list[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What set.json tells, from the shards themselves."""
    emotions: Counter[str] = Counter()
    people: set[str] = set()
    listed = []
    for path in paths:
        samples = 0
        for record in _records(path):
            samples += 1
            people.add(str(record.get("person")))
            emotions[str(record.get("emotion"))] += 1
        with open(path, "rb") as handle:
            digest = hashlib.sha256()
            while block := handle.read(1 << 20):
                digest.update(block)
        listed.append(
            {
                "name": path.name,
                "samples": samples,
                "bytes": path.stat().st_size,
                "sha256": digest.hexdigest(),
            }
        )
    lines = "".join(f"{item['sha256']}  {item['name']}\n" for item in listed)
    return {
        "settings": dict(settings),
        "samples": sum(emotions.values()),
        "people": len(people),
        "emotions": dict(sorted(emotions.items())),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "shards": listed,
    }
