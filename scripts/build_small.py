"""Train the landmark network that ships, from the data sets to the two files.

python -m scripts.build_small --youtube ZIP --people FOLDER --photos FOLDER --labels CSV \\
    --backgrounds PICTURES -o WORK

    1  frames of YouTube Faces into shards
    2  a first network, on those and the synthetic people (`python -m data.people`)
    3  that network places points in photographs of many more persons (`data.network_points`)
    4  the network itself begins with the first one's weights and learns from all three
    5  `landmarks/keypoints/small.safetensors` and `small.onnx` (`scripts.ship_small`)

Test persons of YouTube Faces are left out everywhere by their names, and HELEN is never looked at.
About two hours on two cores; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data import network_points, youtube_faces
from data.photos import folder_photos
from landmarks.errors import InputError
from landmarks.keypoints import train
from landmarks.keypoints.config import Config
from landmarks.keypoints.dataset import load_backgrounds
from landmarks.keypoints.predictor import SHIPPED
from landmarks.runs.command import PACKAGES
from landmarks.shards import shard_files
from scripts import ship_small

PROGRAM = "python -m scripts.build_small"

FIRST, SECOND = 7000, 8000
"""Steps of 64 faces."""

_RATE = 0.0015  # of the second training, which begins with weights that are good already


def check(args: argparse.Namespace) -> None:
    """Refuse, before hours are spent, what a later step could not use.

    Parameters
    ----------
    args : Namespace
        Of the command.

    Raises
    ------
    InputError
        Something given is missing or damaged, a folder cannot be written, or a package is not
        installed.
    """
    packages = (*PACKAGES, "onnx")
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"this needs {', '.join(missing)}: pip install "
            "'landmark-calibrated-expressions[keypoints]'"
        )
    if min(args.steps) < 1:
        raise InputError(f"--steps is {min(args.steps)}: expected 1 or more for each training")
    for folder in (args.folder, args.output):
        if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise InputError(f"{folder} is no folder that may be written")
    if not args.folder.exists():
        raise InputError(f"{args.folder} does not exist: expected the folder for the two files")
    if not os.path.exists(args.youtube):
        raise InputError(f"{args.youtube} does not exist: expected train-test-data.zip")
    shard_files(args.people)
    folder_photos(args.photos, labels=args.labels)
    load_backgrounds(args.backgrounds, Config())


def steps_of(
    args: argparse.Namespace, told: str
) -> list[tuple[Callable[[list[str]], int], list[str]]]:
    """The commands and what they are given, in order; `told` goes into the file that ships."""
    work = args.output
    youtube, photos = str(work / "youtube"), str(work / "photos")
    first, second = str(work / "first"), str(work / "second")
    shared = ["--backgrounds", *args.backgrounds]
    labels = [] if args.labels is None else ["--labels", args.labels]
    steps = [f"{args.steps[0]}", f"{args.steps[1]}"]
    return [
        (youtube_faces.main, [args.youtube, youtube, "--resume"]),
        (train.main, [youtube, args.people, first, "--steps", steps[0], *shared]),
        (
            network_points.main,
            [args.photos, photos, "--model", f"{first}/model.safetensors", *labels, "--resume"],
        ),
        (
            train.main,
            [youtube, args.people, photos, second, "--steps", steps[1], *shared]
            + ["--weights", f"{first}/model.safetensors", "--set", f"learning_rate={_RATE}"],
        ),
        (ship_small.main, [second, "--command", told, "--folder", str(args.folder)]),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--youtube", required=True, metavar="ZIP", help="train-test-data.zip, or its folder")
    add("--people", required=True, metavar="FOLDER", help="shards of synthetic people")
    add("--photos", required=True, metavar="FOLDER", help="photographs of faces, without points")
    add("--labels", metavar="CSV", help="columns 'file' and 'person' of the photographs")
    add("--backgrounds", required=True, nargs="+", metavar="PICTURES", help="without faces")
    add("-o", "--output", required=True, type=Path, metavar="WORK", help="folder for all of it")
    add("--folder", type=Path, default=SHIPPED.parent, help="where the two files go")
    add("--steps", type=int, nargs=2, default=(FIRST, SECOND), metavar=("FIRST", "SECOND"),
        help="of the two trainings (default: %(default)s)")  # fmt: skip
    args = parser.parse_args(argv)
    try:
        check(args)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    given_words = sys.argv[1:] if argv is None else argv
    told = shlex.join(["python", "-m", "scripts.build_small", *given_words])
    for command, given in steps_of(args, told):
        if code := command(given):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
