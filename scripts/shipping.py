"""What the commands that make shipped files have in common: both are checked before one is put."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from landmarks.errors import InputError
from landmarks.files import replacing


def put(
    targets: tuple[Path, Path], make: Callable[[Path, Path], object], limit: int
) -> tuple[Path, Path]:
    """Make two files beside their places, and put both there if neither is too large.

    Parameters
    ----------
    targets : tuple of Path
        In one folder: those that were there are replaced.
    make : callable
        Writes files of the same names into another folder.
    limit : int
        The most bytes of either.

    Returns
    -------
    targets : tuple of Path

    Raises
    ------
    InputError
        A file is too large; what `make` raises goes through. Nothing is replaced then.
    """
    with tempfile.TemporaryDirectory(dir=targets[0].parent) as scratch:
        made = Path(scratch) / targets[0].name, Path(scratch) / targets[1].name
        make(*made)
        for path in made:
            if path.stat().st_size > limit:
                raise InputError(
                    f"{path.name} would have {path.stat().st_size:,} bytes: expected at most "
                    f"{limit:,}"
                )
        for path, target in zip(made, targets, strict=True):
            with replacing(target, "wb") as handle:
                handle.write(path.read_bytes())
    return targets


def best_figures(modeldir: Path, name: str) -> str:
    """The line of a run's metrics in which a figure of validation persons is smallest, as JSON."""
    metrics = modeldir / "metrics.jsonl"
    try:
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{metrics} cannot be read: {error}") from None
    judged = [line for line in lines if name in line]
    if not judged:
        raise InputError(f"{metrics} tells nothing of validation persons")
    return json.dumps(min(judged, key=lambda line: line[name]))


def run(
    program: str,
    description: str | None,
    ship: Callable[[Path, str, Path], tuple[Path, Path]],
    folder: Path,
    argv: Sequence[str] | None,
) -> int:
    """Run a command that ships.

    Parameters
    ----------
    program : str
    description : str or None
        Its first line is told by --help.
    ship : callable
        Folder of a run, the command that trained it, where to write → the two files.
    folder : Path
        Where they are written if nothing else is said.
    argv : sequence of str or None

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    parser = argparse.ArgumentParser(
        prog=program, description=(description or "").partition("\n")[0]
    )
    parser.add_argument("modeldir", metavar="MODELDIR", type=Path)
    parser.add_argument("--command", required=True, help="what trained it, for the metadata")
    parser.add_argument("--folder", type=Path, default=folder, help="where to write")
    args = parser.parse_args(argv)
    try:
        if not args.folder.is_dir():
            raise InputError(f"{args.folder} is no folder that is there")
        for path in ship(args.modeldir, args.command, args.folder):
            print(f"{path}: {os.path.getsize(path):,} bytes")
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0
