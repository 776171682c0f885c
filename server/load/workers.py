"""Processes that prepare what is to be loaded, so that it does not wait for the one that commits, nor that for it.

Tasks are dealt out in turn and results taken in the same turn: what is committed keeps the order of the files. Keys travel over
the processes' own pipes and touch neither disk nor command line.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, TypeVar

import msgspec

from server.load.files import UNIT_LINES
from server.load.prepare import Prepared, Preparer, Recipe, Task

AHEAD: Final = 3
"""Tasks that each process has before it, and one more for each that a commit holds: they go on while it is written."""

NICE: Final = 5
"""The one that commits, and the database, go first: they are what everything waits for."""

_END: Final = b""
_Label = TypeVar("_Label")


class WorkerEndedError(Exception):
    """A process ended before its work was done."""


def work(connection: Connection, recipe: bytes) -> None:
    """What each process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that commits decides when to stop
    os.nice(NICE)
    preparer = Preparer(msgspec.msgpack.decode(recipe, type=Recipe))
    tasks, results = msgspec.msgpack.Decoder(Task), msgspec.msgpack.Encoder()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # resources are trees: hardly anything is left for the collector
    with suppress(BrokenPipeError):  # nobody is there any more who would want it
        while (message := _receive(connection)) != _END:
            connection.send_bytes(results.encode(preparer.prepare(tasks.decode(message))))


def _receive(connection: Connection) -> bytes:
    try:
        return connection.recv_bytes()
    except EOFError:
        return _END


class Workers:
    """`count` processes for one recipe; use it in an `async with`. `commit`: how many resources a commit carries."""

    def __init__(self, recipe: Recipe, count: int, commit: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._recipe = msgspec.msgpack.encode(recipe)
        self.count = count
        self._ahead = AHEAD * count + commit // UNIT_LINES
        self._workers: list[_Worker] = []

    async def __aenter__(self) -> Workers:
        for _ in range(self.count):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=work, args=(theirs, self._recipe), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(ours, process))
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    async def results(
        self, labelled: Iterator[_Label], task_of: Callable[[_Label], Task]
    ) -> AsyncIterator[tuple[_Label, Prepared]]:
        """Each label with what came of its task, in order. Raises WorkerEndedError."""
        decoder = msgspec.msgpack.Decoder(Prepared)
        waiting: deque[tuple[_Label, asyncio.Future[bytes]]] = deque()
        sent = 0
        more = True
        while more or waiting:
            while more and len(waiting) < self._ahead:
                label = next(labelled, None)
                if label is None:
                    more = False
                    break
                answer = self._workers[sent % self.count].ask(msgspec.msgpack.encode(task_of(label)))
                sent += 1
                waiting.append((label, answer))
            if waiting:
                label, answer = waiting.popleft()
                try:
                    yield label, decoder.decode(await answer)
                except (EOFError, OSError) as error:
                    raise WorkerEndedError from error


class _Worker:
    """One process, with a thread for each direction of its pipe: neither side ever waits for the other to make room."""

    def __init__(self, pipe: Connection, process: BaseProcess) -> None:
        self._pipe = pipe
        self._process = process
        self._sender = ThreadPoolExecutor(1, "load-send")
        self._receiver = ThreadPoolExecutor(1, "load-receive")

    def ask(self, task: bytes) -> asyncio.Future[bytes]:
        """Its answer: answers come in the order of the tasks."""
        self._sender.submit(self._pipe.send_bytes, task)
        return asyncio.get_running_loop().run_in_executor(self._receiver, self._pipe.recv_bytes)

    def end(self) -> None:
        self._process.terminate()
        self._process.join()
        self._sender.shutdown(cancel_futures=True)
        self._receiver.shutdown(cancel_futures=True)
        self._pipe.close()
