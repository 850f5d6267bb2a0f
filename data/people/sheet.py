"""Command: a contact sheet of synthetic people, emotions and intensities, for looking at.

python -m data.people.sheet SHARDS -o sheet.png
python -m data.people.sheet --ict FOLDER --preview -o sheet.png
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from calibration.console import run
from data.people.expressions import EMOTIONS
from data.people.plan import NEUTRAL, SPEECH, plan
from data.people.settings import Settings
from data.people.sheet_drawing import Cell, Column, draw_sheet, sheet_size
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.samples import Sample, decode_sample
from landmarks.shards import read_members, read_shards, shard_files

_PROGRAM = "python -m data.people.sheet"
_MOST_SIDE, _MOST_PIXELS = 65_500, 250_000_000
"""Of a JPEG's sides, and of any sheet."""


class Candidate(NamedTuple):
    """What the choice of a picture needs to know of it."""

    key: str
    person: str
    emotion: str
    intensity: float


def columns_for(emotions: Sequence[str], intensities: Sequence[float]) -> list[Column]:
    """The columns of a sheet: each emotion at each intensity, neutral once.

    Parameters
    ----------
    emotions : sequence of str
    intensities : sequence of float

    Returns
    -------
    columns : list of Column
    """
    return [
        Column(emotion, intensity)
        for emotion in emotions
        for intensity in ([0.0] if emotion == NEUTRAL else intensities)
    ]


def choose(
    candidates: Iterable[Candidate], columns: Sequence[Column], rows: int
) -> dict[str, list[Candidate | None]]:
    """The pictures that come nearest to each column, none of them twice.

    Parameters
    ----------
    candidates : iterable of Candidate
        Persons appear in the order in which they are met.
    columns : sequence of Column
    rows : int
        How many persons at most.

    Returns
    -------
    chosen : dict
        Person → a candidate for each column, None where there is no further one of that emotion;
        those of one emotion rise with their columns.
    """
    people: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.person in people or len(people) < rows:
            people.setdefault(candidate.person, []).append(candidate)
    return {person: _nearest(found, columns) for person, found in people.items()}


def _nearest(found: list[Candidate], columns: Sequence[Column]) -> list[Candidate | None]:
    chosen: list[Candidate | None] = [None] * len(columns)
    # The best fits first, so that two columns of one emotion do not take each other's picture.
    fits = sorted(
        (abs(candidate.intensity - column.intensity), place, number)
        for place, column in enumerate(columns)
        for number, candidate in enumerate(found)
        if candidate.emotion == column.emotion
    )
    taken: set[int] = set()
    for _, place, number in fits:
        if chosen[place] is None and number not in taken:
            chosen[place] = found[number]
            taken.add(number)
    for emotion in {column.emotion for column in columns}:
        # Where pictures are few, the best fit of one column may lie beyond that of the next.
        places = [
            place
            for place, column in enumerate(columns)
            if column.emotion == emotion and chosen[place] is not None
        ]
        places.sort(key=lambda place: columns[place].intensity)
        rising = sorted(filter(None, map(chosen.__getitem__, places)), key=lambda c: c.intensity)
        for place, candidate in zip(places, rising, strict=True):
            chosen[place] = candidate
    return chosen


def _in_shards(files: Sequence[str]) -> Iterator[tuple[str, str, dict[str, bytes]]]:
    for number, file in enumerate(files):
        for key, members in read_members(file):
            yield f"{number}/{key}", file, members


def _check_size(persons: Collection[str], columns: list[Column], args: argparse.Namespace) -> None:
    """Refuse a sheet that could not be written, before anything of it is drawn."""
    if not persons:
        raise InputError("there is no picture to put on the sheet")
    points, labels = _layers(args)
    size = sheet_size(persons, columns, cell=args.cell, points=points, labels=labels)
    side = _MOST_SIDE if _kind(args) == "JPEG" else _MOST_PIXELS
    if max(size) > side or size[0] * size[1] > _MOST_PIXELS:
        raise InputError(
            f"the sheet would have {size[0]:,} × {size[1]:,} pixels: at most {_MOST_PIXELS:,} can"
            f" be drawn, and {_MOST_SIDE:,} side by side in a .jpg; show fewer --rows or"
            " --intensities, or a smaller --cell"
        )


def _from_shards(args: argparse.Namespace, columns: list[Column]) -> dict[str, list[Cell]]:
    files = shard_files(args.shards)
    read_shards(files)  # what is no shard, or was cut off, is told at once

    def candidates() -> Iterator[Candidate]:
        for name, file, members in _in_shards(files):
            try:
                record = json.loads(members["json"])
                yield Candidate(
                    name,
                    str(record["person"]),
                    str(record["emotion"]),
                    float(record.get("intensity") or 0.0),
                )
            except (KeyError, ValueError, TypeError, AttributeError):
                raise InputError(
                    f"{file}: sample {name.partition('/')[2]} has no person and emotion: a sheet"
                    " needs both"
                ) from None

    chosen = choose(candidates(), columns, args.rows)
    _check_size(chosen, columns, args)
    wanted = {item.key for row in chosen.values() for item in row if item is not None}
    samples = {
        name: decode_sample(name, members, file)
        for name, file, members in _in_shards(files)
        if name in wanted
    }
    return _cells(chosen, samples)


def _rendered(args: argparse.Namespace, columns: list[Column]) -> dict[str, list[Cell]]:
    from data.people.head_model import read_head_model
    from data.people.write import Order, painter

    model = read_head_model(args.ict)
    settings = Settings.of(
        model, seed=args.seed, people=args.first + args.rows, size=args.size, frontal=args.frontal
    )
    paint = painter(Order(args.ict, settings, args.samples, args.preview))

    def candidates() -> Iterator[Candidate]:
        for index in range(args.first * settings.per_person, settings.pictures):
            planned = plan(settings, index)
            who = str(planned.person)
            yield Candidate(str(index), who, planned.emotion, planned.intensity)

    chosen = choose(candidates(), columns, args.rows)
    _check_size(chosen, columns, args)
    wanted = [item.key for row in chosen.values() for item in row if item is not None]
    return _cells(chosen, {key: paint(int(key)) for key in wanted})


def _cells(
    chosen: dict[str, list[Candidate | None]], samples: dict[str, Sample]
) -> dict[str, list[Cell]]:
    return {
        person: [None if item is None else (samples[item.key], item.intensity) for item in row]
        for person, row in chosen.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description="Draw a contact sheet: people × emotions × intensities."
    )
    parser.add_argument("shards", nargs="*", help="a .tar file or a folder of shards")
    parser.add_argument("--ict", metavar="FOLDER", help="render from ICT-FaceKit instead")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".png or .jpg")
    parser.add_argument("--rows", type=int, default=8, help="how many people (8)")
    parser.add_argument(
        "--emotions",
        nargs="+",
        default=[NEUTRAL, *EMOTIONS],
        choices=[NEUTRAL, *EMOTIONS, SPEECH],
        metavar="NAME",
        help="columns (neutral and the six emotions)",
    )
    parser.add_argument(
        "--intensities", nargs="+", type=float, default=[0.4, 1.0], help="of each (0.4 1.0)"
    )
    parser.add_argument("--points", action="store_true", help="draw only the landmarks")
    parser.add_argument("--labels", action="store_true", help="draw only the masks")
    parser.add_argument("--plain", action="store_true", help="draw neither")
    parser.add_argument("--cell", type=int, default=144, help="width of a picture on the sheet")
    group = parser.add_argument_group("with --ict")
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--first", type=int, default=0, help="number of the first person (0)")
    group.add_argument("--size", type=int, default=128, help="pixels rendered (128)")
    group.add_argument(
        "--samples", type=int, default=8, help="light paths of a pixel (8), as of data.people"
    )
    group.add_argument("--preview", action="store_true", help="rasterise: fast")
    group.add_argument("--frontal", action="store_true")
    return parser


def _work(args: argparse.Namespace) -> None:
    if bool(args.shards) == bool(args.ict):
        raise InputError("expected either shards or --ict FOLDER to render from")
    if args.plain and (args.points or args.labels):
        raise InputError("--plain draws neither landmarks nor masks: leave out the others")
    for value, what, most in ((args.rows, "--rows", 200), (args.cell, "--cell", 1024)):
        if not 1 <= value <= most:
            raise InputError(f"{what} is {value}: expected 1 to {most}")
    for value in args.intensities:
        if not math.isfinite(value):
            raise InputError(f"--intensities holds {value}: expected finite numbers")
    kind = _kind(args)
    _check_place(Path(args.output))
    columns = columns_for(args.emotions, args.intensities)
    rows = _rendered(args, columns) if args.ict else _from_shards(args, columns)
    points, labels = _layers(args)
    sheet = draw_sheet(rows, columns, cell=args.cell, points=points, labels=labels)
    with replacing(args.output, "wb", durable=False) as handle:
        sheet.save(handle, format=kind, quality=92)
    people = f"{len(rows)} {'person' if len(rows) == 1 else 'people'}"
    print(f"{args.output}: {people}, {sheet.width:,} × {sheet.height:,} pixels", flush=True)


def _kind(args: argparse.Namespace) -> str:
    """How the sheet is stored."""
    path = Path(args.output)
    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path} has the unknown ending {path.suffix!r}: expected .png or .jpg")
    return kind


def _check_place(path: Path) -> None:
    """Refuse a file that cannot be written, before minutes of rendering."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: expected the name of a picture")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} of {path.name} does not exist: make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"the folder {path.parent} cannot be written: give another one with -o")


def _layers(args: argparse.Namespace) -> tuple[bool, bool]:
    """Whether landmarks and masks are drawn."""
    both = not (args.points or args.labels or args.plain)
    return args.points or both, args.labels or both


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
    return run(_PROGRAM, lambda: _work(args))


if __name__ == "__main__":
    sys.exit(main())
