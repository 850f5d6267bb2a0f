"""What the commands that turn photographs into shards share: options, and whose face it is."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from calibration import console
from data.face_shards import Cutting, utf8, write_faces
from data.persons import RULES, choose_rule, person_of
from data.photos import Photos
from landmarks.errors import InputError
from landmarks.shard_set import PER_SHARD

SPLITS = ("all", "train", "validation", "test")
PERSONS = ("photo", *RULES)

_FACE_OF_PHOTO = re.compile(r"(.*\d)_\d{1,2}", re.DOTALL)


def photograph_of(path: str) -> str:
    """The photograph that a picture of one face, or a mirrored copy, was cut out of.

    Parameters
    ----------
    path : str

    Returns
    -------
    name : str
        Without folders and ending. Of `134212_2.jpg`, the second face of AFW's photograph 134212,
        it is `134212`, of `image_003_1_mirror.jpg` it is `image_003`; `image_0012.jpg` is whole.
    """
    stem = os.path.splitext(os.path.basename(path))[0].removesuffix("_mirror")
    match = _FACE_OF_PHOTO.fullmatch(stem)
    return match[1] if match else stem


def persons_by(rule: str, names: Sequence[str]) -> tuple[Callable[[str], str | None], str]:
    """How the person of a photograph is found.

    Parameters
    ----------
    rule : {'photo', 'auto', 'name', 'folder', 'each'}
        'photo': each photograph shows other people (`photograph_of`); else as
        `data.persons.choose_rule`.
    names : sequence of str
        Of all photographs, below their folder.

    Returns
    -------
    person : callable
        Name → person, or None where the rule does not tell.
    told : str
        The rule, for people to read.

    Raises
    ------
    InputError
        'auto', and no rule fits.
    """
    if rule == "photo":
        return (lambda name: utf8(photograph_of(name))), "the photograph: each shows other people"
    chosen = choose_rule(rule, list(names))
    told = {
        "name": "the file's name without its number",
        "folder": "the folder",
        "each": "the picture: each shows another person",
    }
    return (lambda name: person_of(name, chosen)), told[chosen]


def face_parser(module: str, about: str, place: str, what: str) -> argparse.ArgumentParser:
    """The options that the commands of all readers have.

    Parameters
    ----------
    module : str
        The reader's, as it is called.
    about : str
        The module's docstring: its first sentence and the paragraph behind the call are shown.
    place : str
        Name of the first argument.
    what : str
        What it is.

    Returns
    -------
    parser : ArgumentParser
    """
    first, _, more = about.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=first.partition(": ")[2].replace("\n", " "),
        epilog=more.partition("\n\n")[2],
    )
    parser.add_argument("place", metavar=place, help=what)
    parser.add_argument(
        "out", metavar="OUT", help="a folder for the shards, or one .tar file for a small set"
    )
    parser.add_argument("--split", choices=SPLITS, default="all", help="whose faces (%(default)s)")
    parser.add_argument(
        "--margin",
        type=float,
        default=Cutting.margin,
        help="around the landmarks, as a share of the longer side of their box (%(default)s)",
    )
    parser.add_argument(
        "--size", type=int, default=Cutting.size, help="longest side in pixels (%(default)s)"
    )
    parser.add_argument(
        "--source", metavar="NAME", help="of the data set, in each record (that of the file)"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="only the first N photographs of --split"
    )
    parser.add_argument(
        "--per-shard", type=int, default=PER_SHARD, metavar="N", help="faces (%(default)s)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    return parser


def add_persons(parser: argparse.ArgumentParser) -> None:
    """The option that tells how persons are told apart, where the files do not."""
    parser.add_argument(
        "--persons",
        choices=PERSONS,
        default="photo",
        help="who a face shows: each photograph other people (%(default)s; 134212_2.jpg is the"
        " second face of photograph 134212); or by the file's name (Name_NN.jpg), by its folder,"
        " or each picture another person; auto: by name if nearly all have that form, else by"
        " folder",
    )


def run_command(
    program: str,
    args: argparse.Namespace,
    photos: Callable[[], Photos],
    *,
    root: str,
    taken_off: float = 0.0,
) -> int:
    """Do the work of a reader's command.

    Parameters
    ----------
    program : str
        Its name, for errors.
    args : Namespace
        Of `face_parser`.
    photos : callable
        Opens the photographs.
    root : str
        What their names begin with.
    taken_off : float, optional
        As `Cutting`.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """

    def work() -> None:
        name = Path(os.path.normpath(args.place)).name
        cutting = Cutting(
            args.source or re.sub(r"\.(zip|xml)$", "", name, flags=re.IGNORECASE),
            root,
            args.split,
            args.margin,
            args.size,
            args.limit,
            taken_off,
        )
        try:
            summary = write_faces(
                args.out,
                photos(),
                cutting,
                per_shard=args.per_shard,
                resume=args.resume,
                progress=True,
            )
        except KeyboardInterrupt as stop:
            if not stop.args:
                raise
            raise InputError(f"interrupted; {stop}") from None
        print(utf8(str(summary)), flush=True)

    return console.run(program, work)
