"""Lines that every training tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from landmarks.runs.loop import Advancing

_SHOWN = 10


def tell_skipped(
    reasons: Sequence[object],
    report: Callable[[str], None],
    summary: str = "pictures cannot be read and are skipped",
) -> None:
    """Tell the first of what was left out, and how much it was.

    Parameters
    ----------
    reasons : sequence
        One for each; its text is told.
    report : callable
        Takes one line of text at a time.
    summary : str, optional
        Follows the number of them.
    """
    for reason in reasons[:_SHOWN]:
        report(f"skipped: {reason}")
    if reasons:
        report(f"{len(reasons)} {summary}")


def tell_position(run: Advancing, place: Path, report: Callable[[str], None]) -> None:
    """Tell where a run goes on, if it did not just begin."""
    if run.finished:
        report(f"{place} has done all {run.step} steps: it is finished")
    elif run.step:
        report(f"{place} goes on at step {run.step} of {run.steps}")
