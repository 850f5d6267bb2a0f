"""Memory that is full, of a processor or a GPU, told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from landmarks.runs.options import TrainingError


@contextmanager
def enough_memory(device: object, wanted: str, advice: str) -> Iterator[None]:
    """Within the block, memory that is full raises TrainingError.

    Parameters
    ----------
    device : str or torch.device
    wanted : str
        What there is too little memory for.
    advice : str
        What to do.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_full(error):
            raise
        raise TrainingError(
            f"{device} has too little memory for {wanted}: {advice}; a checkpoint that was there "
            "is kept"
        ) from None


def _is_full(error: Exception) -> bool:
    # The processor's allocator has no class of its own; its words have stayed for years.
    words = ("DefaultCPUAllocator", "can't allocate memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        word in str(error) for word in words
    )
