"""Assent that goes on to the next of `VARIANTS` after every `BLOCK` requests, and writes what each block took to BENCH_BLOCKS.

Only for benchmarks: nothing in the product can leave out its access predicate or its audit trail. One process, one store and blocks of a
tenth of a second, so that whatever else the machine does, it does to all variants alike.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from server.access.gate import ServersGate
from server.cli import main
from server.rest import dispatch

VARIANTS: Final = ("both", "no predicate", "no audit record", "neither")
BLOCK: Final = 480


class Switch:
    """Counts requests; a line for each block: the variant, its seconds, and its seconds of the processor."""

    def __init__(self, file: Path) -> None:
        self.variant = VARIANTS[0]
        self._file = file.open("w", buffering=1)
        self._count = 0
        self._since = (time.perf_counter(), time.process_time())

    def count(self) -> None:
        self._count += 1
        if self._count % BLOCK:
            return
        now = (time.perf_counter(), time.process_time())
        self._file.write(f"{self.variant}\t{now[0] - self._since[0]}\t{now[1] - self._since[1]}\n")
        self.variant = VARIANTS[self._count // BLOCK % len(VARIANTS)]
        self._since = (time.perf_counter(), time.process_time())


def install(switch: Switch) -> None:
    gate: Callable[..., Awaitable[Any]] = dispatch.open_gate
    audit: Callable[..., Awaitable[None]] = dispatch._audit

    async def open_gate(*given: Any) -> Any:
        switch.count()
        return ServersGate() if switch.variant in {"no predicate", "neither"} else await gate(*given)

    async def record(*given: Any) -> None:
        if switch.variant in {"both", "no predicate"}:
            await audit(*given)

    dispatch.open_gate = open_gate
    dispatch._audit = record


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        install(Switch(Path(os.environ["BENCH_BLOCKS"])))
    sys.exit(main())
