"""A process that starts the real program again and again, each time in a child of its own that ends where it is told to.

The program is what `assent` runs; in the child, before it starts, the way past the fail points (server/store/fail_points.py) is
replaced by one that ends the process with SIGKILL, and SQLite is given a disk that notices what is not synced. Forking from a
process that has loaded everything makes a start cheap enough for a kill at each point.

It is driven by lines of JSON: `{"do": "start", "arguments": [...], "environment": {...}, "orders": path, "log": path}` gives
`{"pid": n}`; `{"do": "poll", "pid": n}` gives `{"code": null}` while it runs;
`{"do": "signal", "pid": n, "number": n}` sends a signal. The orders are a file, looked at whenever a point is
passed: `{"point": name, "nth": n, "power": false}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from forgetful_disk import Disk

import server.cli
import server.seal.rotation
import server.store.open
import server.upkeep.keys
from server.store import fail_points

for name in ("server.app", "server.commands.serve", "server.commands.reindex", "server.store.mongo.connect", "uvloop"):
    import_module(name)

HASTE = server.seal.rotation.Pace(announce=0, settle=0.1)


class Killer:
    """Ends the process at the nth passing of the point that the orders name."""

    def __init__(self, orders: Path) -> None:
        self._orders = orders
        self._left: int | None = None
        self._lock = threading.Lock()
        self.disk = Disk(self.reach, random.Random(0))

    def reach(self, point: str) -> None:
        if not self._orders.exists():
            return
        with self._lock:
            wanted = json.loads(self._orders.read_text())
            if wanted["point"] != point:
                return
            self._left = (wanted["nth"] if self._left is None else self._left) - 1
            if self._left > 0:
                return
            if wanted["power"]:
                self.disk.fail_power()
            self._orders.with_suffix(".reached").write_text(point)
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()


def prepare(orders: Path) -> None:
    """What is different from the program as it is shipped: its end, its haste, smaller blocks, and jobs that may fail."""
    killer = Killer(orders)
    fail_points.reach = killer.reach
    killer.disk.install()
    _notice_commits(killer.reach)
    store = import_module("server.store.sqlite.sqlite_store")
    store.CHECKPOINT_PAGES, store.CHECKPOINT_SECONDS = 8, 0.05
    import_module("server.store.mongo.numbers").BLOCK = 16
    for module in (server.store.open, server.upkeep.keys):
        module.ALONE = HASTE
    server.store.open.SHARED = HASTE
    _let_jobs_fail(orders.with_suffix(".failing"))
    if os.environ.pop("TEST_SWEEP", ""):
        import_module("server.upkeep.blob_sweep").ABANDONED_AFTER = 0
    if os.environ.pop("TEST_STALE_READS", ""):
        _show_the_past(store.SqliteStore)


def _notice_commits(reach: Callable[[str], None]) -> None:
    """`wire-01-commit-sent`: MongoDB was asked to commit, and nobody will hear its answer."""
    pool = import_module("pymongo.asynchronous.pool")
    really = pool.async_sendall

    async def and_notice(connection: Any, data: bytes) -> None:
        await really(connection, data)
        if b"commitTransaction" in data:
            await asyncio.sleep(0.002)  # the loop writes to the socket when it comes round
            reach("wire-01-commit-sent")

    pool.async_sendall = and_notice


def _let_jobs_fail(when: Path) -> None:
    app = import_module("server.app")
    really = app.job_handlers

    def fail_when_wanted() -> None:
        if when.exists():
            raise RuntimeError("as the test wants it")

    def handlers(*given: Any) -> Mapping[str, Any]:
        def failing(handler: Any) -> Any:
            async def handle(*arguments: Any) -> Any:
                fail_when_wanted()
                return await handler(*arguments)

            return handle

        return {kind: failing(handler) for kind, handler in really(*given).items()}

    app.job_handlers = handlers


def _show_the_past(store: Any) -> None:
    """A fault made on purpose: one read in four shows what the one before it showed."""
    really, chance = store.read, random.Random(0)
    shown: dict[bytes, Any] = {}

    async def read(self: Any, key: bytes) -> Any:
        if key in shown and chance.random() < 0.25:
            return shown[key]
        shown[key] = await really(self, key)
        return shown[key]

    store.read = read


def start(order: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream, target in ((0, nothing), (1, nothing), (2, log)):
            os.dup2(target, stream)
        os.environ.clear()
        os.environ.update(order["environment"])
        prepare(Path(order["orders"]))
        code = server.cli.main(order["arguments"])
    finally:
        os._exit(code)


def poll(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any] = {}
        if order["do"] == "start":
            answer = {"pid": start(order)}
        elif order["do"] == "poll":
            answer = {"code": poll(order["pid"])}
        else:
            os.kill(order["pid"], order["number"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
