"""Command: train a translator from landmark images to faces."""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np

from gan.config import BASE_FILTERS, RECIPES, SIZES, Config, ConfigError
from gan.pairs import PAIRINGS
from landmarks.runs.command import report, run
from landmarks.runs.options import Options, Outcome, add_options

PROGRAM = "python -m gan.train"


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
    from gan.preparation import prepared

    with prepared(
        args.datadir,
        args.epochs,
        args.modeldir,
        _config(args),
        Options.of(args),
        any_precision=args.precision == "auto",
        report=report,
    ) as plan:
        # torch is loaded here: bad input is told before the seconds that it takes.
        from gan.training import carry_out

        return carry_out(plan, report=report)


def _config(args: argparse.Namespace) -> Config:
    return Config(
        size=args.size,
        base_filters=args.base_filters,
        recipe=args.recipe,
        pairing=args.pairing,
        seed=args.seed,
        batch=args.batch,
        precision=Config.precision if args.precision == "auto" else args.precision,
        held_out=args.held_out,
        gate=None if args.gate is None else read_gate(args.gate),
    )


def read_gate(path: str | os.PathLike[str]) -> tuple[tuple[float, ...], ...]:
    """Read the matrix of the published gate.

    Parameters
    ----------
    path : path-like
        Three lines of three numbers, with commas between.

    Raises
    ------
    ConfigError
        The file is missing, or is not that.
    """
    try:
        matrix = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: expected a 3×3 matrix") from None
    except (OSError, ValueError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} is not a 3×3 matrix: {reason}") from None
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ConfigError(f"{path} holds a {matrix.shape} matrix: expected 3×3 finite numbers")
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition(": ")[2])
    add = parser.add_argument
    add("datadir", help="folder of pairs: PID<person>_CLEAN0_IID<image>.jpg is a landmark image, "
        "PID<person>_CLEAN1_IID<image>.jpg a face of the same person")  # fmt: skip
    add("epochs", type=int, help="how often each pair is seen")
    add("modeldir", help="folder of the run; one that is there goes on where it stopped")
    add("--recipe", choices=RECIPES, default=Config.recipe,
        help="published: networks and losses of the published code; better: ours "
        "(default: %(default)s)")  # fmt: skip
    add("--size", type=int, choices=SIZES,
        help="side of the pictures in pixels (default: the folder's own, or 64)")  # fmt: skip
    add("--base-filters", type=int, metavar="N",
        help=f"width of the networks (default: published {BASE_FILTERS['published']}, "
        f"better {BASE_FILTERS['better']})")  # fmt: skip
    add("--pairing", choices=PAIRINGS, default="exact",
        help="exact: by image numbers, which are equal or follow; person: any landmark image with "
        "any face of the person (default: %(default)s)")  # fmt: skip
    add("--gate", metavar="MATRIX.CSV", help="3×3 matrix of the published gate on the losses")
    add("--batch", type=int, default=16, help="pairs in a step (default: %(default)s)")
    add("--held-out", type=float, default=0.1, metavar="SHARE",
        help="share of persons that are never trained on (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--precision", choices=["auto", "fp32", "bf16"], default="auto",
        help="of the arithmetic; auto: bf16 where it is fast (default: %(default)s)")  # fmt: skip
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
