"""Command: train a classifier of emotions.

python -m classifier.train DATADIR EPOCHS MODELDIR
"""

from __future__ import annotations

import argparse
import sys

from classifier.config import (
    BATCH,
    NETWORKS,
    PRECISIONS,
    SETTINGS,
    STARTS,
    SVM_SETTINGS,
    Config,
)
from classifier.emotions import ALL, SCHEMES
from classifier.sources import PERSONS
from landmarks.runs.command import report, run
from landmarks.runs.options import Options, Outcome, add_options, numbers

PROGRAM = "python -m classifier.train"


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Default: the process's arguments.

    Returns
    -------
    code : int
        0; 2 with one sentence on stderr after bad input, a full disk, a loss that is not a number,
        or Ctrl-C (what is trained by then is saved).
    """
    args = _parser().parse_args(argv)
    return run(PROGRAM, "classifier", lambda: _train(args), resume=args.resume)


def _train(args: argparse.Namespace) -> Outcome:
    from classifier.preparation import Reading, prepared

    reading = Reading(
        args.scheme, args.persons, args.contempt, tuple(args.without), args.least_intensity
    )
    sources = [args.datadir, *args.also]
    options = Options.of(args)
    with prepared(
        sources, args.modeldir, _config(args), options, reading, cache=args.cache, report=report
    ) as plan:
        # torch is loaded here: bad input is told before the seconds that it takes.
        from classifier.training import carry_out

        return carry_out(plan, report=report)


def _config(args: argparse.Namespace) -> Config:
    return Config(
        network=args.network,
        channels=args.channels,
        side=args.side,
        start={"none": ""}.get(args.weights, args.weights),
        rule="all" if args.everyone else "train",
        epochs=args.epochs,
        batch=args.batch,
        seed=args.seed,
        precision=args.precision,
        settings=numbers(args.set, "learning_rate=0.001"),
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how data sets are read."""
    add = parser.add_argument
    add("--scheme", choices=tuple(SCHEMES), help="whose codes the labels are, where they are none "
        "of our words")  # fmt: skip
    add("--persons", choices=PERSONS, default="auto",
        help="who a picture shows, where no column or folder tells: auto does not guess, name takes"
        " the part of Name_NN.jpg before the number, each takes every picture for another person,"
        " unknown takes no notice of what is told (default: %(default)s)")  # fmt: skip
    add("--contempt", action="store_true", help="an eighth class (left out otherwise)")
    add("--without", nargs="+", default=[], choices=ALL, metavar="EMOTION",
        help="emotions that are left out")  # fmt: skip
    add("--least-intensity", type=float, default=0.0, metavar="X",
        help="leave out faces of less intensity, neutral ones excepted")  # fmt: skip
    add("--cache", metavar="FILE.npz", help="landmarks found before, which another run may share "
        "(default: MODELDIR/landmarks.npz)")  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition(": ")[2])
    add = parser.add_argument
    add("datadir", help="a folder for each emotion (and in it perhaps one for each person), a "
        "folder with labels.csv, a CSV file (file, emotion, person, intensity), or shards. Test "
        "persons are left alone, validation persons judge")  # fmt: skip
    add("epochs", type=int, help="how often each face is seen")
    add("modeldir", help="folder of the run; one that is there goes on where it stopped")
    add("--also", nargs="+", default=[], metavar="DATADIR",
        help="further sets, which only teach")  # fmt: skip
    add("--network", choices=tuple(NETWORKS), default="small", help="default: %(default)s")
    add("--weights", choices=("none", *STARTS),
        help="to begin with (default: landmarks for small, none for others)")  # fmt: skip
    add("--everyone", action="store_true",
        help="train on test persons too: where the tested set is another")  # fmt: skip
    add("--batch", type=int, default=BATCH, help="faces in a step (default: %(default)s)")
    add("--side", type=int, help="of the network's input in pixels (default: the network's own)")
    add("--channels", type=int, choices=(1, 3), help="grey or RGB (default: the network's own)")
    add("--set", nargs="+", default=[], metavar="NAME=NUMBER",
        help=f"other numbers of the recipe ({', '.join(SETTINGS)}; of landmarks_svm "
        f"{', '.join(SVM_SETTINGS)})")  # fmt: skip
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--precision", choices=PRECISIONS, default="fp32",
        help="of the arithmetic (default: %(default)s)")  # fmt: skip
    add_reading(parser)
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
