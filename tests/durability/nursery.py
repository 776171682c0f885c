"""Servers that die where they are told to: the program, started in children of one process (dying_server.py)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from live_server import CHECKOUT, LiveServer


class Nursery:
    """The parent of the programs that it starts."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("dying_server.py")],
            cwd=CHECKOUT,
            env={"PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, arguments: list[str], environment: dict[str, str], orders: Path, log: Path) -> Child:
        order = {"arguments": arguments, "environment": environment, "orders": str(orders), "log": str(log)}
        return Child(self, self.ask(do="start", **order)["pid"])

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


class Child:
    """What LiveServer needs of a process."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.ask(do="poll", pid=self.pid)["code"]
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            self._nursery.ask(do="signal", pid=self.pid, number=number)

    def wait(self, timeout: float) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
            time.sleep(0.002)
        return code


class DyingServer(LiveServer):
    """A `LiveServer` that is killed at the point that `order` names, and started again with `start`."""

    def __init__(self, data: Path, nursery: Nursery, **environment: str) -> None:
        super().__init__(data, **environment)
        self.environment: dict[str, str] = {}
        self._nursery = nursery
        self._orders = data.with_name(data.name + ".orders")

    def _spawn(self, environment: dict[str, str]) -> Any:
        self.environment = environment
        return self._nursery.start(["serve"], environment, self._orders, self.log)

    def run(self, *arguments: str, **environment: str) -> Child:
        """Another command of the program on the same store, that dies as ordered."""
        return self._nursery.start(list(arguments), {**self.environment, **environment}, self._orders, self.log)

    def order(self, point: str, nth: int = 1, *, power: bool = False) -> None:
        """Die at the nth passing of a point from now on; with `power`, so does the machine."""
        draft = self._orders.with_suffix(".draft")
        draft.write_text(json.dumps({"point": point, "nth": nth, "power": power}))
        draft.rename(self._orders)

    def let_jobs_fail(self, fail: bool) -> None:
        path = self._orders.with_suffix(".failing")
        if fail:
            path.touch()
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def sweeping_at_once(self) -> Iterator[None]:
        """A server that is started meanwhile takes any upload for one that was broken off."""
        self._environment["TEST_SWEEP"] = "1"
        yield
        del self._environment["TEST_SWEEP"]

    def expect_death(self, at: str, child: Child | None = None, within: float = 120) -> None:
        """Wait for it, and be sure that it was the ordered one."""
        code = (child or self._process).wait(within)
        reached = self._orders.with_suffix(".reached")
        assert (code, reached.read_text()) == (-signal.SIGKILL, at), self.log.read_text()[-2000:]
        reached.unlink()
        self.cancel()

    def cancel(self) -> None:
        self._orders.unlink(missing_ok=True)
