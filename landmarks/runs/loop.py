"""Everything that happens between two steps of a run: lines, pictures, checkpoints, Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Protocol

from landmarks.runs.interrupts import Interrupts
from landmarks.runs.options import Options


class Advancing(Protocol):
    """A run that can be advanced step by step."""

    step: int
    steps: int
    epoch_steps: int

    @property
    def epoch(self) -> int:
        """Whole epochs done."""

    @property
    def finished(self) -> bool:
        """Nothing is left to do."""

    @property
    def per_step(self) -> int:
        """Pictures of a step."""

    def batch(self, step: int, pool: Executor) -> Any:
        """What a step is trained on, a pure function of the step; `pool` shares the work."""

    def one(self, batch: Any) -> Mapping[str, Any]:
        """Do one step; parts of its loss."""

    def log(self, parts: Mapping[str, Any], rate: float) -> str:
        """Write them; a line that tells them."""

    def evaluate(self) -> str:
        """Judge what was learnt on held-out persons; a line that tells it."""

    def show(self) -> None:
        """Write sample pictures."""

    def save(self) -> None:
        """Write a checkpoint."""


def until_finished(run: Advancing, options: Options, report: Callable[[str], None]) -> bool:
    """Advance a run to its end.

    Parameters
    ----------
    run : Advancing
    options : Options
    report : callable
        Takes one line of text at a time.

    Returns
    -------
    interrupted : bool
        Ctrl-C or SIGTERM came before; the run is saved at that step.

    Notes
    -----
    The next batch is prepared while a step is computed.
    """
    every = options.sample_every or max(1, run.steps // run.epoch_steps // 20)
    saved = logged = time.monotonic()
    logged_step = run.step
    with (
        ThreadPoolExecutor(options.workers) as pool,
        ThreadPoolExecutor(1) as ahead,
        Interrupts() as interrupts,
    ):
        waiting = None if run.finished else ahead.submit(run.batch, run.step, pool)
        while waiting is not None:
            batch = waiting.result()
            waiting = ahead.submit(run.batch, run.step + 1, pool)
            parts = run.one(batch)
            if run.step % options.log_every == 0 or run.step == run.steps:
                rate = (run.step - logged_step) * run.per_step / (time.monotonic() - logged)
                logged, logged_step = time.monotonic(), run.step
                report(run.log(parts, rate))
            if run.step % run.epoch_steps == 0 or run.step == run.steps:
                report(run.evaluate())
                if run.epoch % every == 0 or run.finished:
                    run.show()
            stop = interrupts.wanted or run.finished
            if stop or time.monotonic() - saved >= options.save_every:
                run.save()
                saved = time.monotonic()
            if stop:
                waiting.result()
                waiting = None
    return not run.finished
