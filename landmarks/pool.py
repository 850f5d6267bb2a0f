"""Many processes over many tasks, in order, where one bad task takes down nothing but itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Died(Exception):
    """The process that worked on a task ended without an answer (killed, or crashed)."""


def _begin(parent: int, prepare: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # a killed parent cannot stop its workers itself

    threading.Thread(target=follow, daemon=True).start()
    prepare()


def _nothing() -> None:
    pass


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that start here never see Ctrl-C, which reaches the whole group at once."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started later, it would let interrupts through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_CANNOT_START = (
    "the worker processes cannot start: a script that uses several needs its main part below"
    " `if __name__ == '__main__':`"
)


class OrderedPool(Generic[Task, Result]):
    """Processes that answer in the order of the tasks.

    Parameters
    ----------
    work : callable
        Task → result; picklable, and so are its tasks and results.
    prepare : callable
        Called once in each process before its first task.
    jobs : int
        Number of processes; with 1 the work is done in this process.
    ahead : int, optional
        Tasks that wait for each process: enough to keep it busy, few enough to stay small.
    """

    def __init__(
        self,
        work: Callable[[Task], Result],
        prepare: Callable[[], None],
        jobs: int,
        *,
        ahead: int = 8,
    ) -> None:
        self._work = work
        self._prepare = prepare
        self._jobs = jobs
        self._ahead = ahead
        self._ready: Future[None] | None = None
        self._executor: ProcessPoolExecutor | None = None

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Died]]:
        """Work through `tasks`, holding only a few of them at a time.

        Parameters
        ----------
        tasks : iterable
            Read as the work goes on.

        Yields
        ------
        task, result
            In the order of `tasks`; `Died` where the process ended without an answer.
        """
        if self._jobs == 1:
            self._prepare()
            for task in tasks:
                yield task, self._work(task)
            return
        try:
            yield from self._run_many(iter(tasks))
        finally:
            self._stop()

    def _run_many(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Result | Died]]:
        waiting: deque[tuple[Task, Future[Result]]] = deque()
        while True:
            while len(waiting) < self._jobs * self._ahead:
                try:
                    task = next(tasks)
                except StopIteration:
                    break
                waiting.append((task, self._submit(task)))
            if not waiting:
                return
            task, future = waiting[0]
            try:
                result: Result | Died = future.result()
            except BrokenProcessPool:
                self._check_ready()
                # All that waited went down together: find the guilty one by trying each alone.
                suspects = [task for task, _ in waiting]
                waiting.clear()
                self._stop()
                for suspect in suspects:
                    yield suspect, self._alone(suspect)
                continue
            waiting.popleft()
            yield task, result

    def _alone(self, task: Task) -> Result | Died:
        try:
            return self._submit(task).result()
        except BrokenProcessPool:
            self._stop()
            return Died()

    def _submit(self, task: Task) -> Future[Result]:
        for _ in range(2):
            try:
                with _without_interrupts():
                    if self._executor is None:
                        self._start()
                    assert self._executor is not None
                    return self._executor.submit(self._work, task)
            except BrokenProcessPool:
                self._check_ready()
                self._executor = None
        raise RuntimeError(_CANNOT_START)

    def _start(self) -> None:
        self._executor = ProcessPoolExecutor(
            self._jobs,
            # A fork of a process with threads (the progress bar has one) can deadlock.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(os.getpid(), self._prepare),
        )
        if self._ready is None:
            self._ready = self._executor.submit(_nothing)

    def _check_ready(self) -> None:
        """If not even the first, empty task was done, no task is to blame."""
        assert self._ready is not None
        if isinstance(self._ready.exception(), BrokenProcessPool):
            self._stop()
            raise RuntimeError(_CANNOT_START)

    def _stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None
