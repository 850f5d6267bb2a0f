"""Train the expression editor that ships, from the data sets to the two files.

python -m scripts.build_editor --youtube ZIP --ict FOLDER -o WORK

    1  frames of YouTube Faces into shards, with the films they are of (`data.youtube_faces`)
    2  films of synthetic people from neutral to apex (`data.people`)
    3  the network learns from pairs of both (`gan.editor.train`)
    4  `gan/editor/editor.safetensors` and `editor.onnx`

Test persons are left out everywhere by their names. About two hours on two cores; the same command
goes on where it was stopped. With --run, a finished modeldir is only made into the two files.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from data import youtube_faces
from data.people.__main__ import main as people
from gan.editor import train
from gan.editor.repair import SHIPPED
from landmarks.errors import InputError
from landmarks.files import TEMPORARY

PROGRAM = "python -m scripts.build_editor"

STEPS, BATCH = 3200, 16

DATA = (
    "frames of YouTube Faces with their points (github udacity/P1_Facial_Keypoints, MIT), training "
    "persons of landmarks.split_of alone; synthetic people rendered from ICT-FaceKit (USC ICT, MIT)"
)
"""What the network learnt from, and its terms, for the metadata."""

_FILMS = ["--people", "360", "--per-person", "9", "--sequences", "1", "--size", "144"]
_FILMS += ["--seed", "5", "--per-shard", "200"]
_LIMIT = 10_000_000


def ship(modeldir: Path, command: str, folder: Path) -> tuple[Path, Path]:
    """Write the weights of a run, and the same as ONNX, beside the editor.

    Parameters
    ----------
    modeldir : Path
        Of `gan.editor.train`.
    command : str
        What trained it, for the metadata.
    folder : Path

    Raises
    ------
    InputError
        There is no such run, a file would be 10 MB or larger, or ONNX computes something else.
    """
    from gan.editor.export import export
    from gan.editor.model_file import load_network, save_editor

    network, config = load_network(modeldir)
    told = dataclasses.replace(config, told=f"{DATA}; trained by: {command}")
    names = (SHIPPED.with_suffix(".safetensors").name, SHIPPED.name)
    # Beside the old files, which stay as they are unless both new ones are as they should be.
    with TemporaryDirectory(dir=folder, prefix=TEMPORARY) as beside:
        weights, drawn = (Path(beside) / name for name in names)
        save_editor(weights, network.state_dict(), told)
        export(weights, drawn)
        for path in (weights, drawn):
            if (size := path.stat().st_size) >= _LIMIT:
                raise InputError(f"{path.name} has {size:,} bytes: expected less than 10 MB")
        for path in (weights, drawn):
            path.replace(folder / path.name)
    return folder / names[0], folder / names[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    args = _parser().parse_args(argv)
    work, given = args.output, list(sys.argv[1:] if argv is None else argv)
    command = shlex.join(["python", "-m", "scripts.build_editor", *given])
    if args.run is None and None in (args.youtube, args.ict, work):
        return _refuse("expected --youtube, --ict and -o, or --run")
    if args.run is None:
        youtube, films, run = work / "youtube", work / "films", work / "editor"
        steps = [
            (youtube_faces.main, [args.youtube, str(youtube), "--resume"]),
            (people, [str(films), "--ict", args.ict, *_FILMS, "--resume"]),
            (
                train.main,
                [str(youtube), str(films), str(run), "--weights", "none"]
                + ["--steps", str(args.steps), "--batch", str(BATCH), "--precision", "bf16"],
            ),
        ]
        for step, words in steps:
            if code := step(words):
                return code
    try:
        for path in ship(args.run or run, args.command or command, args.folder):
            print(f"{path}: {path.stat().st_size:,} bytes")
    except (InputError, OSError) as error:
        return _refuse(str(error))
    return 0


def _refuse(sentence: str) -> int:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--youtube", metavar="ZIP", help="train-test-data.zip, or its folder")
    add("--ict", metavar="FOLDER", help="the face model ICT-FaceKit")
    add("-o", "--output", type=Path, metavar="WORK", help="folder for all of it")
    add("--steps", type=int, default=STEPS, help="of the training (default: %(default)s)")
    add("--folder", type=Path, default=SHIPPED.parent, help="where the two files go")
    add("--run", type=Path, metavar="MODELDIR", help="ship this finished run")
    add("--command", help="of that run, for the metadata")
    return parser


if __name__ == "__main__":
    sys.exit(main())
