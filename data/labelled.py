"""Command: a public set of labelled expressions as the table that `classifier` reads.

python -m data.labelled ck+ CK+/ -o ck.csv
python -m classifier.train ck.csv 30 model/

The table has the columns file, emotion, person, intensity and neutral: where the set does not tell
who it is, there is no person; neutral is a picture of the same person at rest. The pictures stay
where they are (those of fer2013.csv have no files and are written into a folder beside the table).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from landmarks.errors import InputError

PROGRAM = "python -m data.labelled"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table; 0, or 2 with one sentence on stderr."""
    place = "the table"
    try:
        args = _parser().parse_args(argv)
        place = args.output
        _run(args)
    except (InputError, OSError) as error:
        from landmarks.runs.command import sentence

        print(f"{PROGRAM}: {sentence(error, place)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted: no table is written", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> None:
    from data.labelled_table import read_set, write_table

    if not args.output.lower().endswith(".csv"):
        raise InputError(f"--output is {args.output}: expected a name that ends in .csv")
    rows = read_set(args.set, args.folder, Path(args.output), all_views=args.all_views)
    write_table(rows, Path(args.output))
    persons = {row.person for row in rows} - {""}
    counts = Counter(row.emotion for row in rows)
    print(f"{len(rows)} pictures of {len(persons) or 'unknown'} persons: "
          + ", ".join(f"{name} {number}" for name, number in sorted(counts.items())))  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    from data.labelled_layouts import LAYOUTS

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
    return parser


if __name__ == "__main__":
    sys.exit(main())
