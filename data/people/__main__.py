"""Command: render synthetic people, with landmarks and masks that are exactly known, into shards.

python -m data.people OUT --ict FOLDER --people 500 --per-person 40 --size 128 --seed 0
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from data.progress import say
from landmarks.errors import InputError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data.people",
        description="Render synthetic people into shards of pictures, landmarks and masks.",
    )
    parser.add_argument(
        "out", metavar="OUT", help="a folder for the shards, or one .tar file for a small set"
    )
    parser.add_argument("--ict", metavar="FOLDER", help="the face model ICT-FaceKit")
    parser.add_argument("--people", type=int, default=500, help="how many people (500)")
    parser.add_argument("--per-person", type=int, default=40, help="pictures of each (40)")
    parser.add_argument("--size", type=int, default=128, help="width and height in pixels (128)")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other people (0)")
    parser.add_argument(
        "--samples",
        type=int,
        default=8,
        help="light paths of a pixel (8), rounded up to fill a nearly square grid: 32 are 5 × 7",
    )
    parser.add_argument(
        "--preview", action="store_true", help="rasterise instead: fast, without shadows"
    )
    parser.add_argument("--frontal", action="store_true", help="heads turn by less than 10 degrees")
    parser.add_argument(
        "--sequences",
        metavar="SHARE",
        type=float,
        default=0.1,
        help="of pictures in films of 8 from neutral to apex, as far as neutral faces and speech"
        " leave room (0.1); with --per-person 9, 1 makes one film of each person",
    )
    parser.add_argument("--quality", type=int, default=90, help="of the JPEGs (90)")
    parser.add_argument("--png", action="store_true", help="pictures without loss instead")
    parser.add_argument(
        "--per-shard",
        type=int,
        default=500,
        help="pictures of a shard (500); only whole shards outlive a stop, so make them smaller for"
        " a small set that takes long",
    )
    parser.add_argument("--jobs", metavar="N", type=int, help="processes (all cores)")
    parser.add_argument(
        "--resume", action="store_true", help="go on behind the shards of an unfinished run"
    )
    return parser


def _run(args: argparse.Namespace) -> str:
    # Imported here, so that Ctrl-C while they load is told like any other.
    from data.people.settings import Settings, check_storing, check_wanted

    quality = None if args.png else args.quality
    check_wanted(args.seed, args.people, args.per_person, args.size)
    check_storing(args.samples, quality)
    _check_place(args.out)
    if not args.preview and find_spec("mitsuba") is None:
        raise ModuleNotFoundError(name="mitsuba")
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}: expected at least 1")
    if args.per_shard < 1:
        raise InputError(f"--per-shard is {args.per_shard}: expected at least 1")
    from data.people.head_model import how_to_get, read_head_model

    if args.ict is None:
        raise InputError(how_to_get())
    model = read_head_model(args.ict)
    from data.people.write import Order, write_people
    from landmarks.batch import cores

    settings = Settings.of(
        model,
        seed=args.seed,
        people=args.people,
        per_person=args.per_person,
        size=args.size,
        frontal=args.frontal,
        sequences=args.sequences,
    )
    shards = write_people(
        args.out,
        Order(args.ict, settings, args.samples, args.preview, quality),
        model,
        per_shard=args.per_shard,
        jobs=cores() if args.jobs is None else args.jobs,
        resume=args.resume,
        progress=True,
    )
    told = json.loads(shards.told.read_bytes())
    return (
        f"{args.out}: {told['samples']} pictures of {told['people']} people in"
        f" {len(told['shards'])} shard{'' if len(told['shards']) == 1 else 's'}, sha256"
        f" {told['sha256']}"
    )


def _check_place(out: str) -> None:
    """Refuse a place that nothing can be written to, before anything is read."""
    if "\0" in out:
        raise InputError(f"OUT is {out!r}: a name cannot hold that byte")
    there = Path(out).absolute()
    while not there.exists():
        there = there.parent
    if there.suffix.lower() == ".tar" and there == Path(out).absolute():
        return  # a finished set, perhaps: that is told where it is read
    if not there.is_dir():
        raise InputError(f"{out} cannot be made: Not a directory: {there}")
    if not os.access(there, os.W_OK):
        raise InputError(f"{out} cannot be made: Permission denied: {there}")


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    """The processes that render are ended in order, and what is kept is told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, before)  # a second one acts as always
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
        with _sigterm_like_ctrl_c():
            print(_run(args), flush=True)
    except (InputError, RuntimeError) as error:
        say(str(error))
        return 2
    except OSError as error:
        say(f"{error.filename or args.out}: {error.strerror or error}")
        return 2
    except ModuleNotFoundError as error:
        if error.name != "mitsuba":
            raise
        say("Mitsuba is not installed: get it with `pip install mitsuba`, or add --preview")
        return 2
    except KeyboardInterrupt as stop:
        say(f"interrupted; {stop}" if stop.args else "interrupted, nothing was written")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
