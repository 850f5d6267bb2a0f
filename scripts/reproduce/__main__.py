"""Command: what calibration is worth to an emotion classifier, on people never seen.

python -m scripts.reproduce -o report/
python -m scripts.reproduce --data rated.csv -o report/

Weak faces are calibrated and classified beside raw ones and true strong ones, on landmarks and, as
generated faces, on pictures; nobody is in both training and test. The folder gets index.html, one
page with everything in it, and results.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration.action_units import EMOTIONS
from calibration.estimate import FarFaceWarning
from landmarks.errors import InputError
from scripts.reproduce import landmark_road
from scripts.reproduce.arms import face_model
from scripts.reproduce.landmark_tables import tabulate
from scripts.reproduce.photographs import Photographs, frontal_enough, read_photographs
from scripts.reproduce.protocols import protocols_of
from scripts.reproduce.stages import Stages

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
FEW = 50
"""Persons of whom a generator learns too little."""

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
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; 0, or 2 with one sentence on stderr."""
    given = sys.argv[1:] if argv is None else list(argv)
    args = _parser().parse_args(given)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FarFaceWarning)
            _run(args, f"{PROGRAM} {shlex.join(given)}")
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


def _run(args: argparse.Namespace, command: str) -> None:
    if missing := _missing("jinja2", "matplotlib"):
        raise InputError(f"the report needs {missing}: pip install -e '.[dev]'")
    from scripts.reproduce.report import PAGE, write_report

    for name, least in _LEAST.items():
        value = getattr(args, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise InputError(f"--{option} {value}: expected a whole number of {least} or more")
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder / "landmarks.npz"
    found = read_photographs(args.data, EMOTIONS, most=args.persons, cache=cache)
    settings = {
        "data": str(Path(args.data).resolve()),
        "photographs": len(found),
        "folds": args.folds,
        "seed": args.seed,
        "persons": args.persons,
        "cost": landmark_road.COST,
        "landmarks_only": args.landmarks_only,
        "drawn_by": args.drawn_by,
        "synthetic": args.synthetic and str(Path(args.synthetic).resolve()),
        "lessons": args.lessons,
        "generator_epochs": args.generator_epochs,
        "filters": args.filters,
        "network": args.network,
        "classifier_steps": args.classifier_steps,
    }
    stages = Stages(folder / "work", settings, resume=args.resume)
    frontal = frontal_enough(found, face_model())
    tables, notes = [], []
    try:
        # Small matrices: more threads only wait for one another, and add in another order.
        with threadpool_limits(1):
            for protocol in protocols_of(frontal):
                work = _landmarks(frontal, protocol, args)
                tables.append(stages.run(f"landmarks, {protocol}", work))
    except InputError as error:
        notes.append(f"No experiment on landmarks: {error}.")
    pictures = None
    try:
        if found.entries is None:
            notes.append("The set has no pictures: no half on pictures.")
        elif missing := _missing("torch", "accelerate", "safetensors", "tensorboard"):
            notes.append(f"No half on pictures: {missing} is not installed.")
        elif not args.landmarks_only:
            pictures = _pictures(found, frontal, stages, args)
            if len(pictures["persons"]["train"]) < FEW:
                notes.append(
                    "The half on pictures shows that the road works, and no more: "
                    f"{len(pictures['persons']['train'])} persons are too few to learn faces from."
                )
    except InputError as error:
        notes.append(f"No half on pictures: {error}.")
    for note in notes:
        _tell(note)
    results = {
        "settings": settings,
        "data": {
            "name": found.name,
            "photographs": len(frontal),
            "persons": len(set(frontal.person.tolist())),
            "left_out": frontal.left_out,
            "emotions": dict(sorted(Counter(frontal.emotion.tolist()).items())),
        },
        "landmarks": tables,
        "pictures": pictures,
        "notes": notes,
        "stages": list(stages.done.values()),
    }
    write_report(folder, results, command)
    _tell(f"report       {folder / PAGE}")


def _landmarks(
    frontal: Photographs, protocol: str, args: argparse.Namespace
) -> Callable[[], dict[str, Any]]:
    def work() -> dict[str, Any]:
        answers = landmark_road.run(
            frontal, protocol, EMOTIONS, count=args.folds, seed=args.seed, tell=_tell
        )
        table = tabulate(answers, protocol, EMOTIONS)
        aim = table["aim"]
        _tell(
            f"{protocol}: {100 * aim['accuracy']:.1f} % recognised, "
            f"{100 * aim['gain']['raw']:+.1f} points over raw, "
            f"{100 * aim['below_ceiling']:.1f} below the ceiling"
        )
        return table

    return work


def _pictures(
    found: Photographs, frontal: Photographs, stages: Stages, args: argparse.Namespace
) -> dict[str, Any]:
    from scripts.reproduce.drawings import draw_all
    from scripts.reproduce.picture_road import Pupils, Road
    from scripts.reproduce.pictures import Painter, divide

    rendered = None
    if args.synthetic:
        rendered = frontal_enough(read_photographs(args.synthetic, EMOTIONS), face_model())
        if rendered.entries is None:
            raise InputError(f"{args.synthetic} has no pictures")
    painter = Painter(
        stages.room("generator"), args.generator_epochs, args.filters, args.seed, _tell
    )
    pupils = Pupils(args.network, args.classifier_steps, args.seed, args.lessons)
    road = Road(frontal, divide(found, args.seed), EMOTIONS, stages, pupils, rendered, _tell)
    return draw_all(road, found, painter, args.drawn_by)


def _missing(*packages: str) -> str:
    """Names of those that are not installed."""
    return ", ".join(name for name in packages if importlib.util.find_spec(name) is None)


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
