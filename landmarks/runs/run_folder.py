"""What a training run leaves in its folder: settings, metrics, events, pictures, weights."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landmarks.errors import InputError
from landmarks.files import TEMPORARY, replacing
from landmarks.runs.settings import Settings
from landmarks.runs.state import CHECKPOINT_FILE, Progress, read_progress

try:
    import fcntl
except ImportError:  # not on Windows: two runs at once are not noticed there
    fcntl = None  # type: ignore[assignment]

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
EVENTS = "events"
SAMPLES = "samples"

_LOCK = ".lock"
# As torchrun, accelerate and three kinds of MPI number the processes that they start.
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")


class FolderError(InputError):
    """A run cannot be kept in a folder."""


def other_run(path: str | os.PathLike[str], what: str) -> FolderError:
    """The error of a folder whose run cannot be gone on with.

    Parameters
    ----------
    path : path-like
    what : str
        What is different about its run, behind "a run".
    """
    return FolderError(
        f"{path} holds a run {what}: give the same to go on, another folder, or --no-resume to "
        "begin anew"
    )


def refuse_other(folder: RunFolder, progress: Progress | None, config: Settings) -> None:
    """Refuse a folder whose run has other settings.

    Parameters
    ----------
    folder : RunFolder
    progress : Progress or None
        Where its run is.
    config : Settings
        What is asked for now.

    Raises
    ------
    FolderError
        The settings differ.
    ConfigError
        The run's are damaged or of a newer version.
    """
    if progress is None:
        return
    told = type(config).from_json(progress.config, str(folder.checkpoint))
    if differences := told.differences(config):
        raise other_run(folder.path, f"whose {'; '.join(differences)}")


@contextmanager
def opened(
    path: str | os.PathLike[str], model: str, *, resume: bool
) -> Iterator[tuple[RunFolder, Progress | None]]:
    """A run's folder, locked, and where its run is; loads no torch.

    Parameters
    ----------
    path, model
        As `RunFolder`.
    resume : bool
        False takes no notice of a run that is there.

    Yields
    ------
    folder : RunFolder
        Closed at the end of the block. Of several processes the first alone has locked it.
    progress : Progress or None

    Raises
    ------
    InputError
        As `RunFolder.lock`; the checkpoint is damaged; a folder without one holds shards.
    OSError
        The folder cannot be made or written.
    """
    folder = RunFolder(path, model)
    if not folder.checkpoint.exists() and next(folder.path.glob("*.tar"), None):
        raise FolderError(f"{path} holds shards: expected the folder of a run, which comes last")
    try:
        if next((os.environ[name] for name in _RANKS if name in os.environ), "0") == "0":
            folder.lock()
        yield folder, read_progress(folder.checkpoint) if resume else None
    finally:
        folder.close()


class RunFolder:
    """Files of one run; only the main process has one.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    model : str
        Name of the file with the weights that are of use to others.
    """

    def __init__(self, path: str | os.PathLike[str], model: str) -> None:
        self.path = Path(path)
        self.checkpoint = self.path / CHECKPOINT_FILE
        self.model = self.path / model
        self._metrics: Any = None
        self._events: Any = None
        self._lock: Any = None
        self._made: list[Path] = []

    @property
    def locked(self) -> bool:
        """This process has locked it."""
        return self._lock is not None

    def lock(self) -> None:
        """Make the folder and keep other runs out of it, if that was not done before.

        Raises
        ------
        FolderError
            It is a file, or another run is at work in it.
        OSError
            The folder cannot be made or written.
        """
        if self.locked:
            return
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self.path} is a file: expected a folder for the run")
        missing = [place for place in (self.path, *self.path.parents) if not place.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.path / _LOCK, "wb")  # noqa: SIM115
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderError(f"another run is training in {self.path} right now") from None
        self._made = missing

    def prepare(self, wanted: int = 0) -> None:
        """Clear what a killed process left, and see whether the disk has room.

        Parameters
        ----------
        wanted : int, optional
            Bytes that one checkpoint and one file of weights take.

        Raises
        ------
        FolderError
            There is too little room.
        """
        for folder in (self.path, self.path / SAMPLES):
            for left in folder.glob(f"{TEMPORARY}*"):
                left.unlink()
        kept = sum(p.stat().st_size for p in (self.checkpoint, self.model) if p.exists())
        free = shutil.disk_usage(self.path).free
        needed = 2 * wanted - kept  # the old file goes when the new one is whole
        if free < needed:
            raise FolderError(
                f"{self.path} has {free / 1e6:,.0f} MB of disk left: a run needs "
                f"{needed / 1e6:,.0f} MB for its checkpoints"
            )

    def clear(self) -> None:
        """Remove the metrics, events and pictures of an earlier run."""
        for name in (EVENTS, SAMPLES):
            shutil.rmtree(self.path / name, ignore_errors=True)
        (self.path / METRICS_FILE).unlink(missing_ok=True)

    def open(self, config: str, *, metrics: int, step: int) -> None:
        """Go on with metrics and events where a checkpoint was written.

        Parameters
        ----------
        config : str
            Settings, as JSON.
        metrics : int
            Bytes of the metrics file that belong to steps up to the checkpoint; later ones will be
            written again.
        step : int
            Of the checkpoint.
        """
        # tensorboard takes a second to load, and help and errors should not wait for it.
        from torch.utils.tensorboard import SummaryWriter

        with replacing(self.path / CONFIG_FILE) as handle:
            handle.write(json.dumps(json.loads(config), indent=2) + "\n")
        # Without a buffer, so that each line is in the file or not at all written by us.
        self._metrics = open(self.path / METRICS_FILE, "ab", buffering=0)  # noqa: SIM115
        # A file that lost lines, or is gone, must not be made longer by bytes that are no text.
        self._metrics.truncate(min(metrics, os.fstat(self._metrics.fileno()).st_size))
        self._events = SummaryWriter(str(self.path / EVENTS), purge_step=step + 1)

    def write_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line, and the same numbers as events."""
        line = json.dumps({"step": step, **{name: _short(v) for name, v in values.items()}})
        self._metrics.write(line.encode() + b"\n")
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def write_rate(self, step: int, name: str, rate: float) -> None:
        """Speed goes to the events alone: the metrics of equal runs are equal bytes."""
        self._events.add_scalar(name, rate, step)

    def sync_metrics(self) -> int:
        """Wait until the disk has all lines, and tell their length in bytes."""
        os.fsync(self._metrics.fileno())
        return os.fstat(self._metrics.fileno()).st_size

    def write_picture(
        self, name: str, epoch: int, step: int, image: NDArray[np.uint8], *, event: str = ""
    ) -> None:
        """A picture below `samples/`, and the same among the events.

        Parameters
        ----------
        name : str
        epoch, step : int
        image : (H, W, 3) uint8 array
            RGB.
        event : str, optional
            Its name among the events; `name` without.
        """
        (self.path / SAMPLES).mkdir(exist_ok=True)
        with replacing(self.path / SAMPLES / f"{name}_{epoch:05d}.png", "wb") as handle:
            Image.fromarray(image).save(handle, "png", compress_level=1)
        self._events.add_image(event or name, image, step, dataformats="HWC")

    def close(self) -> None:
        """Close what is open; a full disk shows here last and was told before.

        A folder that was made by `lock` and in which no run has begun is removed again.
        """
        with suppress(OSError):
            if self._made and os.listdir(self.path) == [_LOCK]:
                (self.path / _LOCK).unlink()
                for place in self._made:
                    place.rmdir()
        for handle in (self._events, self._metrics, self._lock):
            if handle is not None:
                with suppress(OSError):
                    handle.close()
        self._events = self._metrics = self._lock = None


def _short(value: float) -> float:
    return float(f"{value:.6g}")
