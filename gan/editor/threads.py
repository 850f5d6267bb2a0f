"""Many faces at once: what is done to each on the processor is shared among its cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from landmarks.batch import cores

T = TypeVar("T")

_FEW = 4
# Fewer faces are not worth the threads.


def spread(work: Callable[..., T], *given: Any) -> list[T]:
    """`work` of the first of each sequence, of the second of each, and so on, in their order.

    OpenCV and NumPy let go of Python's lock while they work, so that threads gain.
    """
    count = len(given[0])
    threads = min(count, cores())
    if count < _FEW or threads == 1:
        return [work(*each) for each in zip(*given, strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, *given))
