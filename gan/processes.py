"""One process or many, on CPU or GPU: a thin layer over accelerate.

Networks are not wrapped: a step differentiates several losses through shared graphs, and gradients
are averaged once, when all are there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan.config import Config
from landmarks.errors import InputError
from landmarks.runs.devices import usable_device


class ProcessError(InputError):
    """A device or a number of processes cannot be used."""


class Processes:
    """The processes that `accelerate launch` or `torchrun` started, or this one alone.

    Parameters
    ----------
    config : Config
        Its batch must divide evenly.
    device : str or None
        `cpu`, `cuda`, `cuda:1`, …; None takes the best there is.

    Attributes
    ----------
    device : torch.device
    rank, count : int
        Which process this is, of how many.
    is_main : bool

    Raises
    ------
    InputError
        The device cannot be used, or not by this number of processes.
    """

    def __init__(self, config: Config, device: str | None = None) -> None:
        wanted = torch.device(usable_device(device)) if device else None
        self._accelerator = Accelerator(cpu=wanted is not None and wanted.type == "cpu")
        self.device = self._accelerator.device
        self.rank = self._accelerator.process_index
        self.count = self._accelerator.num_processes
        self.is_main = self._accelerator.is_main_process
        if wanted is not None:
            self._take(wanted)
        self._bf16 = config.precision == "bf16"
        if config.batch % self.count:
            raise ProcessError(
                f"a batch of {config.batch} cannot be shared by {self.count} processes: expected a "
                f"multiple of {self.count}"
            )

    def _take(self, wanted: torch.device) -> None:
        """A device that was named, where accelerate has chosen another."""
        if self.count > 1:
            if wanted.index is not None or wanted.type != self.device.type:
                raise ProcessError(
                    f"--device {wanted} cannot be shared by {self.count} processes, each of which "
                    f"has its own: expected {self.device.type}"
                )
        elif wanted.type != self.device.type or wanted.index is not None:
            self.device = wanted
        if self.device.type == "cuda" and self.device.index is not None:
            torch.cuda.set_device(self.device)

    def describe(self) -> str:
        """Device, processes and precision in words."""
        many = f"{self.count} processes, " if self.count > 1 else ""
        device = self.device.type if self.count > 1 else self.device
        return f"{many}{device}, {'bf16' if self._bf16 else 'fp32'}"

    def autocast(self) -> torch.autocast:
        """A new context for the precision of forward passes."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            self._accelerator.wait_for_everyone()

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes, the same bits in each."""
        if self.count == 1:
            return values
        total: Tensor = self._accelerator.reduce(values.clone(), "mean")
        return total

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every process the mean gradient: one exchange for all parameters together."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))
