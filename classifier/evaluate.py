"""Command: how good a classifier is on people it has never seen.

python -m classifier.evaluate MODELDIR DATADIR
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from landmarks.errors import InputError

PROGRAM = "python -m classifier.evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    place = "the standard output"
    try:
        args = _parser().parse_args(argv)
        place = args.output or args.cache or place
        _run(args)
    except (InputError, RuntimeError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Nothing more may be written to it, also not when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"{PROGRAM}: the standard output was closed: nothing is written", file=sys.stderr)
        return 2
    except OSError as error:
        from landmarks.runs.command import sentence

        print(f"{PROGRAM}: {sentence(error, place)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted: nothing is written", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> None:
    # Imported where Ctrl-C and a closed pipe are told in one sentence.
    from classifier.evaluation import evaluate
    from classifier.preparation import Reading
    from landmarks.runs.command import report

    reading = Reading(
        args.scheme, args.persons, args.contempt, tuple(args.without), args.least_intensity
    )
    with _ready(args.output):
        results = evaluate(
            args.modeldir,
            args.datadir,
            reading,
            split=args.split,
            teacher=args.teacher,
            cache=args.cache,
            jobs=args.jobs,
            device=args.device,
            others=args.other_people,
            report=report,
        )
        if args.output is not None:
            _write(Path(args.output), results)


@contextmanager
def _ready(output: str | None) -> Iterator[None]:
    """A folder that can be written is there before the work; without a result it goes again."""
    import tempfile

    from landmarks.files import TEMPORARY

    if output is None:
        yield
        return
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a folder for the results")
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=TEMPORARY, dir=folder):
            pass
        yield
    except BaseException:
        with suppress(OSError):
            for place in missing:
                place.rmdir()
        raise


def _write(folder: Path, results: dict[str, Any]) -> None:
    import numpy as np
    from PIL import Image

    from classifier.pictures import confusion_picture
    from landmarks.files import replacing

    with replacing(folder / "evaluation.json") as handle:
        handle.write(json.dumps(results, indent=1) + "\n")
    counts = np.array(results["results"][results["classifier"]]["confusion"])
    with replacing(folder / "confusion.png", "wb") as handle:
        Image.fromarray(confusion_picture(counts, results["classes"])).save(handle, "png")


def _parser() -> argparse.ArgumentParser:
    from classifier.evaluation import SPLITS
    from classifier.model import SMALL
    from classifier.train import add_reading

    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition(": ")[2])
    add = parser.add_argument
    add("modeldir", help=f"a run of classifier.train, a file of it, or {SMALL!r}, which ships")
    add("datadir", help="labelled faces, as for classifier.train")
    add("-o", "--output", metavar="DIR", help="writes evaluation.json and confusion.png there")
    add("--split", choices=SPLITS, default="all",
        help="whose faces: of all persons, or of those whose name falls to test or validation "
        "(default: %(default)s)")  # fmt: skip
    add("--teacher", metavar="DATADIR", help="training persons of this set teach landmarks + SVM "
        "(default: DATADIR's own, where --split leaves some)")  # fmt: skip
    add("--other-people", action="store_true",
        help="persons of the same name as some of the training are other people")  # fmt: skip
    add("--jobs", type=int, default=1, help="processes that find landmarks (default: %(default)s)")
    add("--device", help="cpu, cuda, … (default: the best there is)")
    add_reading(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
