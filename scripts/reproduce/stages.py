"""The stages of a run: each is done once, kept, and told with its time and memory."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from landmarks.errors import InputError
from landmarks.files import replacing

SETTINGS = "settings.json"


class Stages:
    """Outcomes of stages in a folder, as JSON.

    Parameters
    ----------
    folder : Path
        Is made. One that holds a run of other settings is refused when it is to be resumed, and
        emptied otherwise.
    settings : dict
        All that the outcomes depend on.
    resume : bool
        Take finished stages as they are.

    Raises
    ------
    InputError
        Another run's work is there, or something that is no work of this program.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder
        told = folder / SETTINGS
        if resume and told.exists():
            before = _read(told)
            if changed := sorted(
                name
                for name in {*before, *settings}
                if before.get(name) != json.loads(json.dumps(settings)).get(name)
            ):
                name = changed[0]
                raise InputError(
                    f"{folder} holds a run with {name} {before.get(name)!r}, not "
                    f"{settings.get(name)!r}: give the same settings, or begin anew without "
                    "--resume"
                )
        elif folder.exists():
            if any(folder.iterdir()) and not told.exists():
                raise InputError(f"{folder} holds something else: give another folder")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write(told, settings)
        self.done: dict[str, dict[str, Any]] = {}

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """The outcome of a stage: from an earlier run, or of `work`.

        Parameters
        ----------
        name : str
        work : callable
            Returns what JSON can hold.
        """
        path = self.folder / f"{_filed(name)}.json"
        if path.exists():
            kept = _read(path)
        else:
            start, cpu = time.perf_counter(), time.process_time()
            outcome = work()
            kept = {
                "stage": name,
                "seconds": round(time.perf_counter() - start, 2),
                "processor_seconds": round(time.process_time() - cpu, 2),
                "peak_megabytes": round(peak_memory() / 1e6),
                "outcome": outcome,
            }
            _write(path, kept)
        self.done[name] = {key: value for key, value in kept.items() if key != "outcome"}
        return kept["outcome"]

    def room(self, name: str) -> Path:
        """A folder for files of a stage."""
        path = self.folder / _filed(name)
        path.mkdir(exist_ok=True)
        return path


def peak_memory() -> int:
    """Most memory that this process has held so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _filed(name: str) -> str:
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: delete it, and --resume makes that stage again")
    return value


def _write(path: Path, value: dict[str, Any]) -> None:
    with replacing(path) as handle:
        json.dump(value, handle, indent=1, allow_nan=False)
