"""Command: train a network that places the 68 landmarks in a face."""

from __future__ import annotations

import argparse
import sys

from landmarks.keypoints.config import BATCHES, EPOCHS, NETWORKS, PRECISIONS, RECIPES, Config
from landmarks.runs.command import report, run
from landmarks.runs.options import Outcome, add_options, numbers
from landmarks.runs.settings import ConfigError

PROGRAM = "python -m landmarks.keypoints.train"


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
    return run(PROGRAM, "keypoints", lambda: _train(args), resume=args.resume)


def _train(args: argparse.Namespace) -> Outcome:
    from landmarks.keypoints.preparation import Options, prepared

    with prepared(args.shards, args.modeldir, _config(args), Options.of(args)) as plan:
        # torch is loaded here: bad input is told before the seconds that it takes.
        from landmarks.keypoints.training import carry_out

        return carry_out(
            plan,
            weights=None if args.weights == "imagenet" else args.weights,
            backgrounds=args.backgrounds,
            report=report,
        )


def _config(args: argparse.Namespace) -> Config:
    imagenet, start = args.weights == "imagenet", ""
    if args.weights is not None and not imagenet:
        from landmarks.keypoints.weights import digest, is_own, weights_file
        from landmarks.runs.tensor_file import read_text

        start, file = digest(args.weights), weights_file(args.weights)
        # What pictures are normalised with goes on with the weights.
        own = is_own(args.weights)
        imagenet = Config.from_json(read_text(file), str(file)).imagenet if own else True
    if args.steps is not None and args.steps < 1:
        raise ConfigError(f"--steps is {args.steps}: expected 1 or more")
    return Config(
        network=args.network,
        recipe=args.recipe,
        side=args.side,
        channels=args.channels,
        imagenet=imagenet,
        leaks=args.leaks,
        start=start,
        epochs=args.epochs,
        steps=args.steps or 0,
        batch=args.batch,
        seed=args.seed,
        precision=args.precision,
        settings=numbers(args.set, "learning_rate=0.001"),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition(": ")[2])
    add = parser.add_argument
    add("shards", nargs="+", help="shards, or folders of them; each has the same share of a batch. "
        "Test persons are left alone, validation persons judge")  # fmt: skip
    add("modeldir", help="folder of the run; one that is there goes on where it stopped")
    add("--network", choices=tuple(NETWORKS), default="small", help="default: %(default)s")
    add("--recipe", choices=RECIPES, default="better",
        help="published: as the network's authors trained it; better: ours "
        "(default: %(default)s)")  # fmt: skip
    add("--leaks", action="store_true",
        help="train on test persons too: only to compare with reports on published splits, and the "
        "network says so wherever it is tested")  # fmt: skip
    add("--weights", metavar="imagenet|MODELDIR|FILE",
        help="to begin with: ImageNet's, torchvision's file of them, or a modeldir of this "
        "command or its .safetensors file")  # fmt: skip
    add("--epochs", type=int, help=f"how often each face is seen (default: {_by_network(EPOCHS)})")
    add("--steps", type=int, help="in all, instead of epochs")
    add("--batch", type=int, help=f"faces in a step (default: {_by_network(BATCHES)})")
    add("--backgrounds", nargs="+", default=[], metavar="PICTURES",
        help="pictures without faces, or folders of them, for what `small` must not "
        "trust")  # fmt: skip
    add("--side", type=int, help="of the network's input in pixels (default: the network's own)")
    add("--channels", type=int, choices=(1, 3), help="grey or RGB (default: the network's own)")
    add("--set", nargs="+", default=[], metavar="NAME=NUMBER",
        help="other numbers of the recipe")  # fmt: skip
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--precision", choices=PRECISIONS, default="fp32",
        help="of the arithmetic; bf16 makes the large networks faster on a GPU "
        "(default: %(default)s)")  # fmt: skip
    add("--feature-maps", metavar="IMAGE",
        help="a picture whose first layers' answers are drawn (default: a validation "
        "face)")  # fmt: skip
    add_options(parser)
    return parser


def _by_network(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
