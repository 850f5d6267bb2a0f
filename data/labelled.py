"""Command: a public set of labelled expressions as the table that `classifier` reads.

python -m data.labelled ck+ CK+/ -o ck.csv
python -m classifier.train ck.csv 30 model/

The table has the columns file, emotion, person, intensity and neutral: where the set does not tell
who it is, there is no person; neutral is a picture of the same person at rest. The pictures stay
where they are (those of fer2013.csv have no files and are written into a folder beside the table).
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from classifier.emotions import EmotionError, emotion_of
from data.labelled_layouts import LAYOUTS, NEUTRAL, Labelled, read_rows
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.runs.command import sentence

PROGRAM = "python -m data.labelled"
COLUMNS = ("file", "emotion", "person", "intensity", "neutral")

_SIDE = 48  # of FER2013's pictures


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table; 0, or 2 with one sentence on stderr."""
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about.partition(": ")[2],
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("set", choices=tuple(LAYOUTS), help="whose layout")
    parser.add_argument("folder", help="that holds the set; or the file fer2013.csv")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.csv")
    parser.add_argument(
        "--all-views",
        action="store_true",
        help="not the frontal, well-lit pictures alone (KDEF, RaFD, Oulu-CASIA)",
    )
    args = parser.parse_args(argv)
    try:
        if not args.output.lower().endswith(".csv"):
            raise InputError(f"--output is {args.output}: expected a name that ends in .csv")
        rows = read_set(args.set, args.folder, Path(args.output), all_views=args.all_views)
        write_table(rows, Path(args.output))
    except (InputError, OSError) as error:
        print(f"{PROGRAM}: {sentence(error, args.output)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted: no table is written", file=sys.stderr)
        return 2
    persons = {row.person for row in rows} - {""}
    counts = Counter(row.emotion for row in rows)
    print(f"{len(rows)} pictures of {len(persons) or 'unknown'} persons: "
          + ", ".join(f"{name} {number}" for name, number in sorted(counts.items())))  # fmt: skip
    return 0


def read_set(
    name: str, folder: str | os.PathLike[str], table: Path, *, all_views: bool = False
) -> list[Labelled]:
    """The pictures of a set, in a fixed order.

    Parameters
    ----------
    name : str
        One of `LAYOUTS`.
    folder : path-like
    table : Path
        That will be written; pictures without files are written beside it.
    all_views : bool, optional
        Turned heads and dim light too.

    Raises
    ------
    InputError
        Nothing is there; no picture has the layout; a label is no emotion.
    """
    path = Path(folder)
    if not path.exists():
        raise InputError(f"{path} does not exist: expected the folder of {name}")
    pixels = path if path.is_file() else path / "fer2013.csv"
    if name == "fer2013" and pixels.is_file():
        rows = _fer2013(pixels, table.with_suffix(""))
    elif path.is_dir():
        rows = list(LAYOUTS[name].read(path, all_views))
    else:
        raise InputError(f"{path} is a file: expected the folder of {name}")
    if not rows:
        expected = LAYOUTS[name].expected
        raise InputError(f"{path} holds no picture of {name}: expected files like {expected}")
    return rows


def _fer2013(table: Path, folder: Path) -> list[Labelled]:
    """Columns emotion and pixels (2,304 grey values), written as PNG files once all are read."""
    shown = []
    for line, row in read_rows(table, ("emotion", "pixels")):
        where = f"{table}, line {line}"
        try:
            values = np.array(row["pixels"].split(), dtype=np.uint8).reshape(_SIDE, _SIDE)
        except (ValueError, OverflowError):
            raise InputError(f"{where}: expected {_SIDE * _SIDE} values of 0 to 255") from None
        try:
            shown.append((values, emotion_of(row["emotion"], "fer2013")))
        except EmotionError as error:
            raise EmotionError(f"{where}: {error}") from None
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (values, emotion) in enumerate(shown):
        file = folder / f"{number:05d}.png"
        with replacing(file, "wb", durable=False) as out:
            Image.fromarray(values).save(out, format="PNG")
        rows.append(Labelled(file, emotion))
    return rows


def write_table(rows: Sequence[Labelled], table: Path) -> None:
    """Write the pictures as a table; files are named from the table's folder.

    Parameters
    ----------
    rows : sequence of Labelled
    table : Path
    """
    rest: dict[str, Path] = {}
    for row in rows:
        if row.emotion == NEUTRAL and row.person:
            rest.setdefault(row.person, row.file)
    above = table.parent.resolve()
    with replacing(table) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            still = rest.get(row.person)
            writer.writerow(
                [
                    os.path.relpath(row.file.resolve(), above),
                    row.emotion,
                    row.person,
                    "" if row.intensity is None else f"{row.intensity:.4g}",
                    "" if still is None else os.path.relpath(still.resolve(), above),
                ]
            )


if __name__ == "__main__":
    sys.exit(main())
