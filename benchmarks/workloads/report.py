"""What the workloads print: the machine, and a table for each run."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.targets import ROOT
from benchmarks.workloads.run import Seen
from benchmarks.yardsticks import fsync_rate


@dataclass(frozen=True, slots=True)
class Line:
    """`times`: milliseconds, sorted. `count`: how many of the things that the rate is of; as many as times otherwise."""

    label: str
    times: Sequence[float]
    count: int | None = None


def say(text: str) -> None:
    print(text, flush=True)


def machine() -> str:
    """What a figure must not be quoted without."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    changed = subprocess.run(
        ["git", "status", "--porcelain", "-uno"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; commit {commit}{' and changes' if changed.strip() else ''}; "
        f"{os.cpu_count()} x {model}; Python {platform.python_version()}; load before: {load()}; {fsync_rate():,.0f} fdatasync/s. "
        "Embedded: WAL, synchronous=FULL; MongoDB: w:majority, j:true. Server, store and load share all cores."
    )


def load() -> str:
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


def head(title: str) -> None:
    say(f"\n### {title}\n")
    _row(
        "callers",
        "what",
        "per second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "errors",
        "cores: server, store, load; per second of one core",
    )
    say(f"| ---: | {'-' * 21} | " + "---: | " * 5 + "--- |")


def rows(seen: Seen, callers: int, lines: Sequence[Line]) -> None:
    """The first line has the cores, and what one core of server and store would do; errors are under what they happened to."""
    used = seen.server + seen.store
    for number, line in enumerate(lines):
        if line.times:
            label_errors = sum(count for key, count in seen.errors.items() if key.startswith(f"{line.label}: "))
            errors = sum(seen.errors.values()) if len(lines) == 1 or line.label == "all" else label_errors
            rate = (len(line.times) if line.count is None else line.count) / seen.seconds
            cores = f"{seen.server:.2f}, {seen.store:.2f}, {seen.load:.2f}; {rate / used if used else 0:,.0f}"
            figures = [f"{rate:,.0f}", *(f"{quantile(line.times, q):.2f}" for q in (0.5, 0.95, 0.99)), str(errors)]
            _row(str(callers), line.label, *figures, cores if number == 0 else "")
    if seen.errors:
        say(f"Errors: {seen.errors}")


def quantile(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def middle(seen: Sequence[Seen]) -> Seen:
    """The round of the middle rate."""
    rate = statistics.median_low(one.rate for one in seen)
    return next(one for one in seen if one.rate == rate)


def _row(callers: str, what: str, *cells: str) -> None:
    say(f"| {callers:>4} | {what:21} | " + " | ".join(f"{cell:>9}" for cell in cells) + " |")
