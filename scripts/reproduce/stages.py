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
_MARK = {"program": "scripts.reproduce"}
"""Stands in the settings of every folder that this program may empty."""

_COST = ("seconds", "processor_seconds", "peak_megabytes")


class OtherRun(InputError):
    """A folder holds a run with other settings than those that it is to go on with."""


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
    anew : bool, optional
        Empty the folder where its settings are others, instead of refusing it.

    Raises
    ------
    OtherRun
        Another run's work is there.
    InputError
        Something is there that is no work of this program, or is damaged.
    """

    def __init__(
        self, folder: Path, settings: dict[str, Any], *, resume: bool, anew: bool = False
    ) -> None:
        self.folder = folder
        told = folder / SETTINGS
        settings = json.loads(json.dumps(_MARK | settings))
        if folder.exists() and any(folder.iterdir()):
            before = _read(told) if told.exists() else {}
            if before.get("program") != settings["program"]:
                raise InputError(f"{folder} holds something else: give another folder")
            changed = sorted(
                name
                for name in {*before, *settings}
                if name not in before or name not in settings or before[name] != settings[name]
            )
            if resume and changed and not anew:
                name = changed[0]
                raise OtherRun(
                    f"{folder} holds a run with {name} {before.get(name)!r}, not "
                    f"{settings.get(name)!r}: give the same settings, or begin anew without "
                    "--resume"
                )
            if changed or not resume:
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

        Raises
        ------
        InputError
            What an earlier run left is damaged.
        """
        kept = self._kept(name)
        if kept is None:
            kept = self._keep(name, *measured(work))
        self.done[name] = {key: value for key, value in kept.items() if key != "outcome"}
        return kept["outcome"]

    def tell(self, name: str, cost: dict[str, float]) -> None:
        """Note what something cost that was done before the settings were known.

        Parameters
        ----------
        name : str
        cost : dict
            As `measured` gives it; what an earlier run noted stays.
        """
        kept = self._kept(name) or self._keep(name, None, cost)
        self.done[name] = {key: value for key, value in kept.items() if key != "outcome"}

    def _kept(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        if not path.exists():
            return None
        kept = _read(path)
        if lacking := [key for key in ("stage", *_COST, "outcome") if key not in kept]:
            raise _damaged(path, f"it has no {lacking[0]}")
        return kept

    def _keep(self, name: str, outcome: Any, cost: dict[str, float]) -> dict[str, Any]:
        kept = {"stage": name, **cost, "outcome": outcome}
        _write(self._path(name), kept)
        return kept

    def _path(self, name: str) -> Path:
        return self.folder / f"{_filed(name)}.json"

    def room(self, name: str) -> Path:
        """A folder for files of a stage."""
        path = self.folder / _filed(name)
        path.mkdir(exist_ok=True)
        return path


def measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What some work comes to, and its seconds, processor seconds and most memory so far.

    Parameters
    ----------
    work : callable
    """
    start, cpu = time.perf_counter(), time.process_time()
    outcome = work()
    cost = {
        "seconds": round(time.perf_counter() - start, 2),
        "processor_seconds": round(time.process_time() - cpu, 2),
        "peak_megabytes": round(peak_memory() / 1e6),
    }
    return outcome, cost


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
    except ValueError as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(value, dict):
        raise _damaged(path, "it holds no JSON object")
    return value


def _damaged(path: Path, reason: str) -> InputError:
    settings = path.name == SETTINGS  # without which no outcome is worth anything
    what = f"delete {path.parent}" if settings else "delete it, and --resume makes that stage again"
    return InputError(f"{path} is damaged ({reason}): {what}")


def _write(path: Path, value: dict[str, Any]) -> None:
    with replacing(path) as handle:
        json.dump(value, handle, indent=1, allow_nan=False)
