"""Command: train the expression editor on pictures of the same people from different moments."""

from __future__ import annotations

import argparse
import sys

from gan.editor.config import PRECISIONS, RECIPE, Config
from landmarks.runs.command import report, run
from landmarks.runs.options import Options, Outcome, add_options
from landmarks.runs.settings import ConfigError

PROGRAM = "python -m gan.editor.train"


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
    return run(PROGRAM, "gan", lambda: _train(args), resume=args.resume)


def _train(args: argparse.Namespace) -> Outcome:
    from gan.editor.training import carry_out, prepared

    weights, start = None, ""
    if args.weights != "none":
        import hashlib

        from gan.editor.model_file import weights_file

        weights = weights_file(None if args.weights == "shipped" else args.weights)
        start = hashlib.sha256(weights.read_bytes()).hexdigest()
    config = Config(
        start=start,
        steps=args.steps,
        batch=args.batch,
        seed=args.seed,
        precision=args.precision,
        told=args.told,
        settings=dict(map(_setting, args.set)),
    )
    with prepared(args.shards, args.modeldir, config, Options.of(args)) as plan:
        return carry_out(plan, weights=weights, report=report)


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigError(f"--set {text}: expected NAME=NUMBER, like landmarks=2") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    add = parser.add_argument
    add("shards", nargs="+", help="shards, or folders of them, with two or more pictures of each "
        "person; each has the same share of a batch. Test persons are left alone, validation "
        "persons of the first judge")  # fmt: skip
    add("modeldir", help="folder of the run; one that is there goes on where it stopped")
    add("--weights", metavar="shipped|none|MODELDIR|FILE", default="shipped",
        help="to begin with (default: %(default)s); after how many pairs the run is better than "
        "them on validation persons is told")  # fmt: skip
    add("--steps", type=int, default=10_000, help="default: %(default)s")
    add("--batch", type=int, default=16, help="pairs of a step (default: %(default)s)")
    add("--set", nargs="+", default=[], metavar="NAME=NUMBER",
        help=f"other numbers of the recipe: {', '.join(RECIPE)}")  # fmt: skip
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--precision", choices=PRECISIONS, default="fp32",
        help="of the arithmetic in training (default: %(default)s)")  # fmt: skip
    add("--told", default="", metavar="TEXT",
        help="data and terms, kept in the weights' metadata")  # fmt: skip
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
