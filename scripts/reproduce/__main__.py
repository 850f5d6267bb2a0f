"""Command: what calibration is worth to an emotion classifier, on people never seen.

python -m scripts.reproduce -o report/
python -m scripts.reproduce --data rated.csv -o report/

Weak faces are calibrated and classified beside raw ones and true strong ones, on landmarks and, as
generated faces, on pictures; nobody is in both training and test. The folder gets index.html, one
page with everything in it, and results.json.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.emotions import SCHEMES
from landmarks.errors import InputError

PROGRAM = "python -m scripts.reproduce"
_LEAST = {
    "folds": 2,
    "seed": 0,
    "persons": 4,
    "lessons": 20,
    "generator_epochs": 1,
    "filters": 1,
    "classifier_steps": 1,
}
PEOPLE = Path(__file__).parents[2] / "data" / "people_small.tar"


def _parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about.partition(": ")[2],
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        default=str(PEOPLE),
        help="a folder for each emotion, a .csv table (file, emotion, person, intensity, points),"
        " shards, or the table of rated photographs; left out: the synthetic people that ship",
    )
    parser.add_argument("--scheme", choices=tuple(SCHEMES), help="whose codes the labels are")
    parser.add_argument(
        "--persons-by-name",
        action="store_true",
        help="Name_NN.jpg shows Name, where no column or folder tells who is shown",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="for the report")
    parser.add_argument("--folds", type=int, default=5, help="by person (default 5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--persons", type=int, metavar="N", help="take the first N persons alone")
    parser.add_argument(
        "--landmarks-only", action="store_true", help="leave the half on pictures out"
    )
    parser.add_argument(
        "--drawn-by",
        choices=("editor", "translator", "both"),
        default="editor",
        help="what makes pictures: gan.editor, from photographs of the person, or a generator that"
        " is trained to draw faces from landmarks (default %(default)s)",
    )
    parser.add_argument(
        "--synthetic",
        metavar="SET",
        help="shards of synthetic people, who alone teach a further classifier (editor)",
    )
    parser.add_argument(
        "--lessons",
        type=int,
        metavar="N",
        help="faces to learn from, at most; left out: all full expressions of training persons",
    )
    parser.add_argument(
        "--generator-epochs", type=int, default=24, metavar="N", help="(default %(default)s)"
    )
    parser.add_argument(
        "--filters", type=int, default=16, help="width of the generator (default %(default)s)"
    )
    parser.add_argument(
        "--network",
        default="small",
        choices=("small", "plain", "landmarks_svm"),
        help="of the classifiers (%(default)s)",
    )
    parser.add_argument(
        "--classifier-steps", type=int, default=100, metavar="N", help="(default %(default)s)"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="same",
        choices=("same", "anew"),
        help="go on with a run that was stopped; one of other settings is refused, or, with anew,"
        " done anew",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; 0, or 2 with one sentence on stderr."""
    given = sys.argv[1:] if argv is None else list(argv)
    args = _parser().parse_args(given)
    try:
        _check(args)
        # Here, since it takes seconds in which somebody may change their mind.
        from scripts.reproduce.experiment import run

        run(args, f"{PROGRAM} {shlex.join(given)}")
    except (InputError, ValueError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{PROGRAM}: {error.filename or args.output}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; --resume goes on with it", file=sys.stderr)
        return 2
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, least in _LEAST.items():
        value = getattr(args, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise InputError(f"--{option} {value}: expected a whole number of {least} or more")


if __name__ == "__main__":
    sys.exit(main())
