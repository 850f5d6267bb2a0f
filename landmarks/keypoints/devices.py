"""Which device trains."""

from __future__ import annotations

import torch

from landmarks.errors import InputError
from landmarks.runs.devices import usable_device


def training_device(name: str | None) -> torch.device:
    """The device to train on, as accelerate chooses it or as it was named.

    Raises
    ------
    InputError
        It cannot be used here, or several processes were started.
    """
    from accelerate import Accelerator

    if name is not None:
        usable_device(name)
    accelerator = Accelerator(cpu=name is not None and torch.device(name).type == "cpu")
    if accelerator.num_processes > 1:
        raise InputError(
            f"{accelerator.num_processes} processes were started: these networks are small, and "
            "one process trains them"
        )
    return torch.device(name) if name is not None else accelerator.device
