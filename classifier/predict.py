"""Command: which emotion the faces in photographs show, how probable it is, and how strong.

python -m classifier.predict photo.jpg …
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from landmarks.errors import InputError

if TYPE_CHECKING:
    from classifier.telling import Missed, Told

PROGRAM = "python -m classifier.predict"

_REASONS_SHOWN = 10
_MANY = 40  # of more pictures, further processes are worth their start
_BOX = ("left", "top", "right", "bottom")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0 when a face was told in at least one picture; else 2 with one sentence on stderr.
    """
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    except (InputError, RuntimeError) as error:
        _say(f"{PROGRAM}: {error}")
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing more may be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from landmarks.runs.command import sentence

        _say(f"{PROGRAM}: {sentence(error, args.output or 'the standard output')}")
    except KeyboardInterrupt:
        _say(f"{PROGRAM}: interrupted: nothing is written")
    return 2


def _run(args: argparse.Namespace) -> int:
    from classifier.telling import Told, tell
    from landmarks.batch import cores
    from landmarks.inputs import expand

    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}: expected at least 1")
    if args.output is not None and not args.output.lower().endswith(".csv"):
        raise InputError(f"--output is {args.output}: expected a name that ends in .csv")
    if args.output is not None and not Path(args.output).absolute().parent.is_dir():
        raise InputError(f"{args.output} cannot be written: its folder does not exist")
    sources = expand(args.photos, recursive=args.recursive)
    jobs = args.jobs or (cores() if len(sources) >= _MANY else 1)
    answers = tell(sources, args.model, faces=args.faces, jobs=jobs)
    missed: list[Missed] = []
    count = 0

    def kept() -> Iterator[Told]:
        nonlocal count
        for one in answers:
            if isinstance(one, Told):
                count += 1
                yield one
            else:
                missed.append(one)

    if args.output is not None:
        with _table(args.output) as handle:
            _write(handle, kept())
            if not count:
                raise InputError(_nothing(missed))
    elif len(sources) > _MANY:
        _write(sys.stdout, kept())
    else:
        for told in kept():
            _print(told)
    sys.stdout.flush()
    if not count:
        raise InputError(_nothing(missed))
    if args.output is not None or missed:
        faces = f"{count} face{'' if count == 1 else 's'}"
        _say(f"{faces} in {len(sources) - len(missed)} of {len(sources)} pictures")
    for one in missed[:_REASONS_SHOWN]:
        _say(f"  {_reason(one)}")
    if len(missed) > _REASONS_SHOWN:
        _say(f"  … and {len(missed) - _REASONS_SHOWN} more")
    return 0


@contextmanager
def _table(path: str) -> Iterator[IO[str]]:
    from landmarks.files import replacing

    with replacing(path) as handle:
        yield handle


def _write(handle: Any, faces: Iterable[Told]) -> None:
    """Rows of a CSV table; its columns are named by the first face's emotions."""
    writer = csv.writer(handle, lineterminator="\n")
    first = True
    for told in faces:
        if first:
            names = [f"p_{name}" for name in told.probabilities]
            writer.writerow(["file", "face", *_BOX, "emotion", "intensity", *names])
            first = False
        box = [f"{side:.1f}" for side in told.box]
        shares = [f"{share:.4f}" for share in told.probabilities.values()]
        name = told.file.encode(errors="backslashreplace").decode()
        writer.writerow([name, told.face, *box, told.emotion, f"{told.intensity:.3f}", *shares])


def _print(told: Told) -> None:
    others = sorted(told.probabilities.items(), key=lambda item: -item[1])[1:4]
    rest = ", ".join(f"{name} {share:.2f}" for name, share in others)
    name = _one_line(told.file)
    where = f"{name}, face {told.face + 1}" if told.face else name
    print(
        f"{where}: {told.emotion} {told.probabilities[told.emotion]:.2f} ({rest}), intensity "
        f"{told.intensity:.2f}"
    )


def _nothing(missed: Sequence[Missed]) -> str:
    first = _reason(missed[0])
    return first if len(missed) == 1 else f"no face in any of {len(missed)} pictures: {first}"


def _reason(one: Missed) -> str:
    return one.reason if one.file in one.reason else f"{one.file}: {one.reason}"


def _say(sentence: str) -> None:
    print(_one_line(sentence), file=sys.stderr)


def _one_line(text: str) -> str:
    told = text.encode(errors="backslashreplace").decode()
    return told.replace("\n", "\\n").replace("\r", "\\r")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition(": ")[2])
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="photographs, folders of them, or lists (.txt)")
    add("-m", "--model", default="small",
        help="'small' (the classifier that ships), a modeldir of classifier.train, or a .onnx or "
        ".safetensors file of it (default: %(default)s)")  # fmt: skip
    add("-o", "--output", metavar="FILE.csv", help="a table with all probabilities; left out, lines"
        f" are printed (of more than {_MANY} pictures, that table)")  # fmt: skip
    add("-r", "--recursive", action="store_true", help="search the folders below a folder too")
    add("--faces", choices=("largest", "all"), default="largest",
        help="of each picture (default: %(default)s)")  # fmt: skip
    add("--jobs", type=int, metavar="N", help="processes (default: all cores for many pictures)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
