"""Threads of a test whose failure is the test's failure: an assertion inside a plain thread is printed, and nothing fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

PATIENCE = 60.0
"""Seconds: a guard against waiting for ever, not a measure of anything."""


class Worker:
    """Runs `task` in a thread of its own from now on."""

    def __init__(self, task: Callable[[], object]) -> None:
        with_one = ThreadPoolExecutor(max_workers=1)
        self._future = with_one.submit(task)
        with_one.shutdown(wait=False)

    def join(self, patience: float = PATIENCE) -> None:
        """Wait until the task is done, and raise what it raised."""
        self._future.result(patience)


@contextmanager
def repeated(task: Callable[[], object]) -> Iterator[None]:
    """Repeat `task` while the body runs: once before the body begins and once after it ended, at least."""
    stop, begun = threading.Event(), threading.Event()

    def again() -> None:
        try:
            while not stop.is_set():
                task()
                begun.set()
            task()
        finally:
            begun.set()

    worker = Worker(again)
    assert begun.wait(PATIENCE)
    try:
        yield
    finally:
        stop.set()
        worker.join()


def eventually(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for a condition, however long a busy machine takes."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"after {patience} s: {what}"
        time.sleep(0.02)


async def until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """`eventually`, for what happens on the event loop."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"after {patience} s: {what}"
        await asyncio.sleep(0.02)
