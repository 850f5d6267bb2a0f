"""Command: faces for landmarks, by a trained generator.

python -m gan.generate modeldir points.txt -o out/

Landmarks are moved and scaled into the frame that the generator was trained with, whatever picture
they are of. Each face becomes a PNG file that says that it was generated. What is no face is told,
counted and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan.console import generator_parser, run
from landmarks.errors import InputError, PointsError
from landmarks.ledger import cannot_write

if TYPE_CHECKING:
    from torch import nn

    from gan.config import Config
    from gan.landmark_files import NamedFace

PROGRAM = "python -m gan.generate"

_SHOWN = 10

_FEW = 3_000
"""Faces that training has shown to a generator which draws little yet."""


def _parser() -> argparse.ArgumentParser:
    parser = generator_parser(PROGRAM, __doc__ or "")
    parser.add_argument(
        "points",
        nargs="+",
        help="landmarks of one face (.txt, .pts, .csv, .npz), tables of many (.csv, .npz,"
        " .parquet), or folders of these",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="PATH",
        help="a folder that gets NAME.png for each face; a .png file for one face",
    )
    parser.add_argument("--batch", type=int, default=32, help="faces at once (%(default)s)")
    return parser


def output_names(names: Sequence[str]) -> list[str]:
    """Where faces are filed below the output folder, without ending: each another name.

    Parameters
    ----------
    names : sequence of str
        Paths without ending, as `read_faces` tells them.

    Returns
    -------
    filed : list of str
        The last part of each path; the part below what all have in common where that is not
        enough; `_2`, `_3`, … behind what is still the same. Never leads out of the folder.
    """
    filed = [os.path.basename(name) for name in names]
    if len(set(filed)) < len(filed):
        whole = [os.path.abspath(name) for name in names]
        parent = os.path.commonpath([os.path.dirname(path) for path in whole])
        filed = [os.path.relpath(path, parent) for path in whole]
    taken: set[str] = set()
    for position, name in enumerate(filed):
        number, distinct = 1, name
        while distinct in taken:
            number += 1
            distinct = f"{name}_{number}"
        taken.add(distinct)
        filed[position] = distinct
    return filed


def _run(args: argparse.Namespace) -> None:
    from gan.model_file import load_generator, read_config
    from landmarks.runs.devices import usable_device

    if args.batch < 1:
        raise InputError(f"--batch is {args.batch}: expected 1 or more")
    given = list(_read(args.points))
    if all(isinstance(face, PointsError) for face in given):
        raise given[0]  # type: ignore[misc]
    config = read_config(args.model, ema=not args.last)
    faces, refused = _drawable(given, config)
    if not faces:
        raise refused[0]
    if len(faces) > 1 and _is_file(args.output):
        raise InputError(f"{args.output} holds one face, {len(faces)} are given: give a folder")
    _check_place(args.output)
    # Only now torch is loaded: whatever is wrong with the input is told without it.
    generator, _ = load_generator(args.model, device=usable_device(args.device), ema=not args.last)
    if "frame" not in config.drawing:
        print(
            f"{args.model} does not tell how its landmark images were drawn: contours with the"
            " usual margin are used",
            file=sys.stderr,
        )
    _tell_few(args.model, config)
    _write(args, generator, config, faces)
    many = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    of = f" of {len(given)} files and rows" if len(given) > 1 else ""
    print(f"{args.output}: {many}{of} written")
    if refused:
        print(f"{len(refused)} of {len(given)} files and rows refused:", file=sys.stderr)
    for error in refused[:_SHOWN]:
        print(f"  {error}", file=sys.stderr)
    if len(refused) > _SHOWN:
        print(f"  … and {len(refused) - _SHOWN} more", file=sys.stderr)


def _tell_few(model: str, config: Config) -> None:
    """A sentence on a generator that has learnt little, where its folder tells so."""
    from landmarks.runs.state import CHECKPOINT_FILE, read_progress

    try:
        progress = read_progress(Path(model, CHECKPOINT_FILE))
    except InputError:  # it is not the file that is drawn with
        return
    if progress is not None and (shown := progress.step * config.batch) < _FEW:
        print(
            f"{model} has been shown {shown} faces so far (step {progress.step}), and learns from"
            " many thousands: train it longer",
            file=sys.stderr,
        )


def _check_place(output: str) -> None:
    """Refuse a place below which nothing can be written."""
    target = Path(output)
    folder = target.parent if _is_file(output) else target
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file: expected a folder for {target.name}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{output} cannot be written: {there} allows no new files")


def _read(paths: Sequence[str]) -> Iterator[NamedFace | PointsError]:
    """All faces of all paths; a path that holds none comes as its error."""
    from gan.landmark_files import read_faces

    for path in paths:
        try:
            yield from read_faces(path)
        except PointsError as error:
            yield error


def _is_file(output: str) -> bool:
    return Path(output).suffix.lower() == ".png"


def _drawable(
    given: Sequence[NamedFace | PointsError], config: Config
) -> tuple[list[NamedFace], list[PointsError]]:
    """Faces whose landmark image can be drawn, and why the others cannot."""
    from gan.faces import draw_landmarks

    faces: list[NamedFace] = []
    refused: list[PointsError] = []
    for face in given:
        if isinstance(face, PointsError):
            refused.append(face)
            continue
        try:
            draw_landmarks([face.points], config)
        except PointsError as error:
            refused.append(PointsError(f"{face.name}: {error}"))
        else:
            faces.append(face)
    return faces, refused


def _write(
    args: argparse.Namespace, generator: nn.Module, config: Config, faces: Sequence[NamedFace]
) -> None:
    from gan.faces import draw_landmarks, make_faces
    from gan.marked_png import write_marked_png

    if _is_file(args.output):
        targets = [Path(args.output)]
    else:
        names = output_names([face.name for face in faces])
        targets = [Path(args.output, f"{name}.png") for name in names]
    model = hashlib.sha256(config.to_json().encode()).hexdigest()[:16]
    written = 0
    try:
        for start in range(0, len(faces), args.batch):
            part = faces[start : start + args.batch]
            drawn = make_faces(
                generator, draw_landmarks([face.points for face in part], config), batch=args.batch
            )
            for face, image, target in zip(part, drawn, targets[start:], strict=False):
                target.parent.mkdir(parents=True, exist_ok=True)
                write_marked_png(target, image, Source=os.path.basename(face.name), Model=model)
                written += 1
    except OSError as error:
        raise cannot_write(targets[written], error) from None
    except KeyboardInterrupt:
        raise InputError(f"interrupted: {written} of {len(faces)} faces are written") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    args = _parser().parse_args(argv)
    return run(PROGRAM, lambda: _run(args))


if __name__ == "__main__":
    sys.exit(main())
