"""What the commands that train have in common: how a run ends, and how problems are told."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from landmarks.errors import InputError
from landmarks.runs.options import Outcome

PACKAGES = ("torch", "accelerate", "safetensors", "tensorboard")


def run(program: str, extra: str, train: Callable[[], Outcome], *, resume: bool) -> int:
    """Train, and tell in one sentence what went wrong.

    Parameters
    ----------
    program : str
        The command, for that sentence.
    extra : str
        Of the installation that has all packages.
    train : callable
        Imports them, so that one that is missing is told before.
    resume : bool
        Whether the same command goes on with an interrupted run.

    Returns
    -------
    code : int
        0; 2 with one sentence on stderr after bad input, missing packages, a full disk, a loss that
        is not a number, or Ctrl-C.
    """
    try:
        if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
            raise InputError(
                f"training needs {', '.join(missing)}: pip install "
                f"'landmark-calibrated-expressions[{extra}]'"
            )
        outcome = train()
    except (InputError, OSError) as error:
        told = sentence(error, "a file could not be written")
        if isinstance(error, OSError) and error.filename is None:
            told += "; the last checkpoint is kept"
        print(f"{program}: {told}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        told = "interrupted without saving: a checkpoint that was there is kept"
        print(f"{program}: {told}", file=sys.stderr)
        return 2
    if not outcome.interrupted:
        return 0
    command = "the same command" + ("" if resume else " without --no-resume")
    told = f"interrupted at step {outcome.step} of {outcome.steps}, saved: {command} goes on"
    print(f"{program}: {told}", file=sys.stderr)
    return 2


def report(line: str) -> None:
    """Print a line of a run; a file's name in it may hold bytes that are no UTF-8.

    Where nobody reads any more (`| head`), the run goes on without a word.
    """
    try:
        print(line.encode(errors="backslashreplace").decode(), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence(error: InputError | OSError, place: str | os.PathLike[str]) -> str:
    """What went wrong, and where.

    Parameters
    ----------
    error : InputError or OSError
    place : path-like
        What is named where the system does not say which file it means.
    """
    if not isinstance(error, OSError):
        return str(error)
    path = Path(os.fsdecode(place if error.filename is None else error.filename))
    # Nobody asked for the name of a temporary file.
    return f"{path.parent if path.name.startswith('.') else path}: {error.strerror or error}"
