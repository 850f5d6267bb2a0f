"""Command: train a network that places the 68 landmarks in a face."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from landmarks.errors import InputError
from landmarks.keypoints.config import BATCHES, EPOCHS, NETWORKS, PRECISIONS, RECIPES, Config

if TYPE_CHECKING:
    from landmarks.keypoints.training import Options

PROGRAM = "python -m landmarks.keypoints.train"
PACKAGES = ("torch", "accelerate", "safetensors", "tensorboard")
EXTRA = "pip install 'landmark-calibrated-expressions[keypoints]'"


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
    try:
        return _train(args)
    except (InputError, OSError) as error:
        print(f"{PROGRAM}: {_sentence(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        told = "interrupted without saving: a checkpoint that was there is kept"
        print(f"{PROGRAM}: {told}", file=sys.stderr)
    return 2


def _train(args: argparse.Namespace) -> int:
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise InputError(f"training needs {', '.join(missing)}: {EXTRA}")
    from landmarks.keypoints.training import train

    file = None if args.weights in (None, "imagenet") else args.weights
    outcome = train(
        args.shards,
        args.modeldir,
        _config(args),
        _options(args),
        weights=file,
        backgrounds=args.backgrounds,
        report=_report,
    )
    if outcome.interrupted:
        command = "the same command" + ("" if args.resume else " without --no-resume")
        print(
            f"{PROGRAM}: interrupted at step {outcome.step} of {outcome.steps}, saved: {command} "
            "goes on",
            file=sys.stderr,
        )
        return 2
    return 0


def _report(line: str) -> None:
    # A file's name may hold bytes that are no UTF-8.
    print(line.encode(errors="backslashreplace").decode(), flush=True)


def _sentence(error: InputError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        path = Path(os.fsdecode(error.filename))
        # Nobody asked for the name of a temporary file.
        shown = path.parent if path.name.startswith(".") else path
        return f"{shown}: {error.strerror}"
    if isinstance(error, OSError):
        return (
            f"a file could not be written: {error.strerror or error}; the last checkpoint is kept"
        )
    return str(error)


def _config(args: argparse.Namespace) -> Config:
    imagenet, start = args.weights == "imagenet", ""
    if args.weights is not None and not imagenet:
        from landmarks.keypoints.weights import digest

        start = digest(args.weights)
        # Our own files are .safetensors; torchvision's are not.
        imagenet = not args.weights.lower().endswith(".safetensors")
    return Config(
        network=args.network,
        recipe=args.recipe,
        side=args.side,
        channels=args.channels,
        imagenet=imagenet,
        start=start,
        epochs=args.epochs,
        steps=args.steps,
        batch=args.batch,
        seed=args.seed,
        precision=args.precision,
        settings=dict(args.set),
    )


def _options(args: argparse.Namespace) -> Options:
    from landmarks.keypoints.training import Options

    return Options(
        resume=args.resume,
        device=args.device,
        workers=args.workers,
        save_every=args.save_every,
        log_every=args.log_every,
        sample_every=args.sample_every,
        feature_maps=args.feature_maps,
    )


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    add = parser.add_argument
    add("shards", nargs="+", help="shards, or folders of them; each has the same share of a batch. "
        "Test persons are left alone, validation persons judge")  # fmt: skip
    add("modeldir", help="folder of the run; one that is there goes on where it stopped")
    add("--network", choices=tuple(NETWORKS), default="small", help="default: %(default)s")
    add("--recipe", choices=RECIPES, default="better",
        help="published: as the network's authors trained it; better: ours "
        "(default: %(default)s)")  # fmt: skip
    add("--weights", metavar="imagenet|FILE",
        help="to begin with: ImageNet's, torchvision's file of them, or a model of this "
        "command")  # fmt: skip
    add("--epochs", type=int, help=f"how often each face is seen (default: {_by_network(EPOCHS)})")
    add("--steps", type=int, default=0, help="in all, instead of epochs")
    add("--batch", type=int, help=f"faces in a step (default: {_by_network(BATCHES)})")
    add("--backgrounds", nargs="+", default=[], metavar="PICTURES",
        help="pictures without faces, or folders of them, for what `small` must not "
        "trust")  # fmt: skip
    add("--side", type=int, help="of the network's input in pixels (default: the network's own)")
    add("--channels", type=int, choices=(1, 3), help="grey or RGB (default: the network's own)")
    add("--set", type=_setting, nargs="+", default=[], metavar="NAME=NUMBER",
        help="other numbers of the recipe")  # fmt: skip
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--resume", action=argparse.BooleanOptionalAction, default=True,
        help="go on with the folder's run; --no-resume begins anew (default: go on)")  # fmt: skip
    add("--precision", choices=PRECISIONS, default="fp32",
        help="of the arithmetic; bf16 makes the large networks faster on a GPU "
        "(default: %(default)s)")  # fmt: skip
    add("--device", help="cpu, cuda, cuda:1, … (default: the best there is)")
    add("--workers", type=int, default=os.cpu_count() or 1, metavar="N",
        help="threads that prepare the pictures (default: %(default)s)")  # fmt: skip
    add("--save-every", type=float, default=60, metavar="SECONDS",
        help="between checkpoints (default: %(default)s)")  # fmt: skip
    add("--log-every", type=int, default=10, metavar="STEPS",
        help="between lines of metrics (default: %(default)s)")  # fmt: skip
    add("--sample-every", type=int, metavar="EPOCHS",
        help="between pictures of predictions (default: about twenty in a run)")  # fmt: skip
    add("--feature-maps", metavar="IMAGE",
        help="a picture whose first layers' answers are drawn (default: a validation "
        "face)")  # fmt: skip
    return parser


def _by_network(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
