"""Command: faces for landmarks, by a trained generator.

python -m gan.generate modeldir points.txt -o out/

Landmarks are moved and scaled into the frame that the generator was trained with, whatever picture
they are of. Each face becomes a PNG file that says that it was generated.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from landmarks.errors import InputError, PointsError

if TYPE_CHECKING:
    from gan.landmark_files import NamedFace

PROGRAM = "python -m gan.generate"

_SHOWN = 10


def _parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about.partition(": ")[2],
        epilog=more.partition("\n\n")[2],
    )
    parser.add_argument("model", help="the folder of a training run, or a .safetensors file of it")
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
    parser.add_argument("--device", help="cpu, cuda, … (the GPU where there is one)")
    parser.add_argument(
        "--last",
        action="store_true",
        help="the weights of the last step, not their moving average",
    )
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


def _run(args: argparse.Namespace) -> int:
    from gan.landmark_files import read_faces

    if args.batch < 1:
        raise InputError(f"--batch is {args.batch}: expected 1 or more")
    faces: list[NamedFace] = []
    refused: list[PointsError] = []
    for path in args.points:
        for face in read_faces(path):
            if isinstance(face, PointsError):
                refused.append(face)
            else:
                faces.append(face)
    one_file = Path(args.output).suffix.lower() == ".png"
    if not faces:
        raise refused[0]
    if one_file and len(faces) > 1:
        raise InputError(f"{args.output} holds one face, {len(faces)} are given: give a folder")
    written = _write(args, faces, one_file)
    kept = len(faces) + len(refused)
    if kept > 1 or refused:
        print(f"{args.output}: {written} faces of {kept} files and rows", file=sys.stderr)
    for error in refused[:_SHOWN]:
        print(f"  {error}", file=sys.stderr)
    if len(refused) > _SHOWN:
        print(f"  … and {len(refused) - _SHOWN} more", file=sys.stderr)
    return 0


def _write(args: argparse.Namespace, faces: list[NamedFace], one_file: bool) -> int:
    from gan.faces import draw_landmarks, make_faces
    from gan.marked_png import write_marked_png
    from gan.model_file import load_generator

    generator, config = load_generator(
        args.model, device=usable_device(args.device), ema=not args.last
    )
    if "frame" not in config.drawing:
        print(
            f"{args.model} does not tell how its landmark images were drawn: contours with the"
            " usual margin are used",
            file=sys.stderr,
        )
    for face in faces:  # all are checked before the first is drawn
        draw_landmarks([face.points], config)
    if one_file:
        targets = [Path(args.output)]
    else:
        names = output_names([face.name for face in faces])
        targets = [Path(args.output, f"{name}.png") for name in names]
    told = {"Model": hashlib.sha256(config.to_json().encode()).hexdigest()[:16]}
    for start in range(0, len(faces), args.batch):
        part = faces[start : start + args.batch]
        drawn = make_faces(
            generator, draw_landmarks([face.points for face in part], config), batch=args.batch
        )
        for face, image, target in zip(part, drawn, targets[start:], strict=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_marked_png(target, image, Source=os.path.basename(face.name), **told)
    return len(faces)


def usable_device(name: str | None) -> str:
    """The device to work on.

    Parameters
    ----------
    name : str or None
        As torch names it; None is the GPU where there is one, else the processor.

    Raises
    ------
    InputError
        It cannot be used here.
    """
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--device {name} cannot be used: {reason}") from None
    return name


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
    try:
        return _run(args)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        told = f"{error.name} is not installed: pip install 'landmark-calibrated-expressions[gan]'"
        print(f"{PROGRAM}: {told}", file=sys.stderr)
    except OSError as error:
        print(f"{PROGRAM}: {args.output}: {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
