"""A load in a process of its own: `python -m benchmarks.workloads.run LOAD.json` prints what it saw as JSON.

`over` is how the harness starts it: it looks at the processor time of server, store and load meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.targets import ROOT
from benchmarks.workloads.caller import Caller, Record, connect
from benchmarks.workloads.served import Served

Scenario = Callable[[Caller, Record, int, dict[str, Any]], Coroutine[Any, Any, None]]
"""What one caller does, again and again, until the record is over: (caller, record, its number, what was given)."""

WARM_UP: Final = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """`scenario` is a module of benchmarks.workloads with a function of that name."""

    scenario: str
    host: str
    port: int
    token: str
    callers: int
    seconds: float
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds by label, sorted; how often another status came than was expected; cores used by whom."""

    seconds: float
    times: dict[str, list[float]]
    errors: dict[str, int]
    server: float
    store: float
    load: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return sum(map(len, self.times.values())) / self.seconds

    def all(self) -> list[float]:
        return sorted(one for times in self.times.values() for one in times)


def over(served: Served, scenario: str, callers: int, seconds: float, given: dict[str, Any] | None = None) -> Seen:
    """Drive a scenario. The warm-up counts neither for times nor for processor time."""
    target = served.target
    task = Task(scenario, target.host, target.port, target.token, callers, seconds, given or {})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(task), file)
        file.flush()
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workloads.run", file.name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # the warm-up is over
            before, begin = served.used(), time.perf_counter()
            process.stdout.readline()  # the last answer that counts is there
            after, took = served.used(), time.perf_counter() - begin
            seen = json.loads(process.stdout.read())
    if process.returncode:
        raise RuntimeError("The load failed; see above.")
    return Seen(
        seconds, seen["times"], seen["errors"], (after[0] - before[0]) / took, (after[1] - before[1]) / took, seen["load"]
    )


async def _drive(task: Task) -> dict[str, Any]:
    scenario: Scenario = import_module(f"benchmarks.workloads.{task.scenario}").scenario
    begin = time.perf_counter() + WARM_UP
    record = Record(begin, begin + task.seconds)
    callers = [await connect(task.host, task.port, task.token, record) for _ in range(task.callers)]
    running = [asyncio.create_task(scenario(one, record, number, task.given)) for number, one in enumerate(callers)]
    await asyncio.sleep(max(0.0, begin - time.perf_counter()))
    print(flush=True)
    used = time.process_time()
    await asyncio.sleep(max(0.0, record.end - time.perf_counter()))
    load = (time.process_time() - used) / task.seconds
    print(flush=True)
    await asyncio.gather(*running)
    for one in callers:
        one.close()
    return {"times": {label: sorted(times) for label, times in record.times.items()}, "errors": record.errors, "load": load}


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    sys.stdout = os.fdopen(sys.stdout.fileno(), "w", closefd=False)
    print(json.dumps(uvloop.run(_drive(Task(**given)))))


if __name__ == "__main__":
    main()
