"""What the commands that use a trained generator share: how it is given, how problems are told."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from calibration import console
from landmarks.errors import InputError


def generator_parser(program: str, about: str) -> argparse.ArgumentParser:
    """A parser that knows a generator's arguments: model, --device, --last.

    Parameters
    ----------
    program : str
    about : str
        The command's module docstring: its first line and all below its usage are shown.
    """
    first, _, more = about.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=program, description=first.partition(": ")[2], epilog=more.partition("\n\n")[2]
    )
    parser.add_argument("model", help="the folder of a training run, or a .safetensors file of it")
    parser.add_argument("--device", help="cpu, cuda, … (the GPU where there is one)")
    parser.add_argument(
        "--last", action="store_true", help="the weights of the last step, not their moving average"
    )
    return parser


def run(program: str, work: Callable[[], None]) -> int:
    """Do the work of a command, as `calibration.console.run`; a missing package is told too.

    Parameters
    ----------
    program : str
        Its name, for the sentence on stderr.
    work : callable

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """

    def told() -> None:
        try:
            work()
        except ModuleNotFoundError as error:
            raise InputError(
                f"{error.name} is not installed: pip install 'landmark-calibrated-expressions[gan]'"
            ) from None

    return console.run(program, told)
