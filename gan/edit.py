"""Command: a photograph in, the same person with another expression out.

python -m gan.edit photo.jpg --emotion happiness --intensity 1.0 -o out.png

Emotions are anger, disgust, fear, happiness, sadness and surprise; without --emotion the face's own
expression is turned up or down. What is written says in its metadata that it was edited. Edit only
photographs of people who agree to it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan.console import run

if TYPE_CHECKING:
    from gan.editor.choice import Faces

PROGRAM = "python -m gan.edit"


def _parser() -> argparse.ArgumentParser:
    first, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=first.partition(": ")[2], epilog=more.partition("\n\n")[2]
    )
    parser.add_argument("photo", nargs="+", help="a photograph, or several, or folders of them")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="a file (.png, .jpg, .webp, .tif, .gif); a folder for several photographs",
    )
    wish = parser.add_argument_group("what is wanted")
    wish.add_argument("--emotion", metavar="NAME", help="what to show; 'all' for --dial")
    wish.add_argument(
        "--intensity", type=float, metavar="X", help="0 neutral, 1 full (the default), at most 2"
    )
    wish.add_argument(
        "--gold", metavar="FILE", help="take the expression over from this photograph or landmarks"
    )
    wish.add_argument(
        "--landmarks", metavar="FILE", help="wanted landmarks in pixels of the photograph"
    )
    wish.add_argument(
        "--neutral",
        metavar="FILE",
        help="the same person without expression: photograph, landmarks",
    )
    wish.add_argument(
        "--faces",
        type=_faces,
        metavar="WHICH",
        help="largest, all, a number from the left, or a place x,y (largest, and more are told)",
    )
    shown = parser.add_argument_group("what is made instead of one picture")
    shown.add_argument(
        "--dial", type=_intensities, metavar="X,X,…", help="a strip of these intensities"
    )
    shown.add_argument("--animate", metavar="FILE", help="a film, .gif or .mp4: neutral and back")
    shown.add_argument("--seconds", type=float, default=3.0, help="of the film (%(default)g)")
    shown.add_argument("--fps", type=float, default=25.0, help="frames a second (%(default)g)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "-p",
        "--predictor",
        help="places the landmarks: small, or a file (dlib's, which reads expressions best)",
    )
    how.add_argument("-m", "--model", help="weights of python -m gan.editor.train (those shipped)")
    how.add_argument("--device", help="cpu, cuda, … (the processor, without torch)")
    how.add_argument(
        "--warp-only", action="store_true", help="move what the photograph shows, paint nothing"
    )
    how.add_argument(
        "-r", "--recursive", action="store_true", help="edit what is in the folders of a folder too"
    )
    how.add_argument(
        "--once", action="store_true", help="do not look at the result again to correct it"
    )
    return parser


def _faces(given: str) -> Faces:
    if given in ("largest", "all"):
        return given
    try:
        if "," in given:
            x, y = (float(part) for part in given.split(","))
            return x, y
        return int(given)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{given!r}: expected largest, all, a number from the left, or x,y"
        ) from None


def _intensities(given: str) -> list[float]:
    try:
        return [float(part) for part in given.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r}: expected numbers such as 0,0.5,1") from None


def _run(args: argparse.Namespace) -> None:
    # Only now models are loaded: --help needs none.
    from gan.editor.job import Job, edit_one, edit_several

    several = len(args.photo) > 1 or Path(args.photo[0]).is_dir()
    job = Job(**{name: value for name, value in vars(args).items() if name != "photo"})
    for note in (edit_several if several else edit_one)(args.photo, job):
        print(f"{PROGRAM}: {note}", file=sys.stderr)


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
