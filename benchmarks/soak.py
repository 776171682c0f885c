"""A long run under mixed load: does memory stay where it is, and does the last minute answer as the first one did?

    .venv/bin/python -m benchmarks.soak [--minutes 10] [--store mongodb] [--rate 150] [--fill 40000] [--json]

Callers read, search, create, update, delete and ask for histories, post transactions and submit requests for prior authorization,
at a steady rate, so that minutes can be compared. Each second the server process is looked at: resident memory, open files, the
size of the log and of the store. It ends with exit code 1 when an answer was a 5xx.

The embedded store's page caches (twice 64 MiB) fill with the store, and look like a leak until they are full: `--fill` stores and
reads so many resources first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from benchmarks.load import Load, Result, run
from benchmarks.suites import PATIENT, example_bundle
from benchmarks.targets import ROOT, Target, assent

CALLERS = 8
UPDATED = 40
"""Resources that are updated again and again, each by one caller after another."""

DELETED = 20
AT_ONCE = 200
EXPECTED = {"200", "201", "204", "404", "409", "410", "412"}
IDENTIFIER = "https://bench.example/mrn"


@dataclass(frozen=True, slots=True)
class Sample:
    """The server process at one moment: MiB, and how many files it has open."""

    memory: float
    files: int
    log: float
    store: float


@dataclass(frozen=True, slots=True)
class Minute:
    """Medians of the samples, except for the log and the files: their largest values. Milliseconds."""

    rate: float
    median: float
    p99: float
    memory: float
    files: int
    log: float
    store: float
    faults: int


def requests(target: Target, bundle: dict[str, Any]) -> tuple[str, ...]:
    """What is asked, in this order, again and again. `{n}` becomes a number of its own each time."""
    create = target.request("POST", "Patient", PATIENT)
    fresh = json.loads(json.dumps(bundle))
    fresh["identifier"]["value"] = "{n}"
    fresh["entry"][0]["resource"]["identifier"][0]["value"] = "{n}"
    submit = target.request("POST", "Claim/$submit", json.dumps(fresh))
    entries = [{"request": {"method": "POST", "url": "Patient"}, "resource": json.loads(PATIENT)} for _ in range(10)]
    together = target.request("POST", "", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    asked: list[str] = []
    for number in range(UPDATED):
        own, gone = f"soak-{number}", f"soak-gone-{number % DELETED}"
        asked += [
            create,
            target.request("PUT", f"Patient/{own}", PATIENT.replace("{", f'{{"id": "{own}", ', 1)),
            *[target.request("GET", f"Patient/{own}")] * 4,
            target.request("GET", f"Patient?identifier={IDENTIFIER}|probe"),
            target.request("GET", "Patient?family=Lindqvist&birthdate=1971-04-09&_sort=-_lastUpdated&_count=10"),
            target.request("GET", f"Patient/{own}/_history?_count=5"),
            target.request("GET", "Claim?status=active&_sort=-created&_count=10"),
        ]
        asked += [together] * (number % 8 == 0) + [submit] * (number % 8 == 4)
        asked.append(target.request("PUT", f"Patient/{gone}", PATIENT.replace("{", f'{{"id": "{gone}", ', 1)))
        asked.append(target.request("DELETE", f"Patient/{gone}"))
    return tuple(asked)


class Watch:
    """Looks at the server each second, in a thread of its own."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._samples: list[Sample] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)
        self._thread.start()

    def _look_again_and_again(self) -> None:
        while not self._end.wait(1.0):
            self._samples.append(self.look())

    def look(self) -> Sample:
        data = self._target.data
        sizes = {path.name: path.stat().st_size / 2**20 for path in data.iterdir() if path.name.startswith("assent.db")}
        files = len(os.listdir(f"/proc/{self._target.pid}/fd"))
        return Sample(self._target.memory_mb(), files, sizes.get("assent.db-wal", 0.0), sizes.get("assent.db", 0.0))

    def take(self) -> list[Sample]:
        """What was seen since the last time."""
        taken, self._samples = self._samples, []
        return taken or [self.look()]

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


def fill(target: Target, resources: int) -> None:
    """Store so many Patients, and read them all."""
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": json.loads(PATIENT)}
    with target.client() as client:
        for _ in range(0, resources, AT_ONCE):
            client.post(
                "", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry] * AT_ONCE}
            ).raise_for_status()
        page: str | None = f"/Patient?_count={AT_ONCE}"
        while resources and page is not None:
            links = client.get(page).raise_for_status().json()["link"]
            page = next((link["url"] for link in links if link["relation"] == "next"), None)


def soak(target: Target, minutes: int, seconds: float, rate: float) -> Iterator[Minute]:
    """One `Minute` after another, each of so many seconds."""
    load = Load(target.host, target.port, requests(target, example_bundle()), CALLERS, seconds, 0.0, CALLERS / rate)
    watch = Watch(target)
    try:
        for _ in range(minutes):
            yield _minute(uvloop.run(run(load)), watch.take())
    finally:
        watch.stop()


def _minute(result: Result, samples: Sequence[Sample]) -> Minute:
    return Minute(
        result.rate,
        result.median,
        result.p99,
        statistics.median(sample.memory for sample in samples),
        max(sample.files for sample in samples),
        max(sample.log for sample in samples),
        samples[-1].store,
        sum(count for status, count in result.statuses.items() if status not in EXPECTED),
    )


def slope(values: Sequence[float]) -> float:
    """By how much a value grows from one minute to the next (least squares)."""
    if len(values) < 2:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope


def report(minutes: Sequence[Minute]) -> None:
    late = minutes[len(minutes) // 2 :]
    memory = [minute.memory for minute in minutes]
    print(
        f"\nMemory: {memory[0]:.0f} MiB in the first minute, {memory[-1]:.0f} in the last, {slope(memory):+.2f} MiB a minute "
        f"over all, {slope([minute.memory for minute in late]):+.2f} in the second half."
    )
    first = statistics.median(minute.p99 for minute in minutes[: len(minutes) - len(late)] or minutes)
    print(
        f"p99: {first:.1f} ms in the first half, {statistics.median(minute.p99 for minute in late):.1f} in the second (medians)."
    )
    print(
        f"Open files: at most {max(minute.files for minute in minutes)}. "
        f"Log: at most {max(minute.log for minute in minutes):.0f} MiB. Answers that were faults: {sum(m.faults for m in minutes)}."
    )


def show(number: int, minute: Minute) -> None:
    if number == 0:
        print("| minute | requests/s | p50 ms | p99 ms | memory MiB | open files | log MiB | store MiB |")
        print(f"| {'---: | ' * 8}".rstrip())
    print(
        f"| {number + 1} | {minute.rate:.0f} | {minute.median:.1f} | {minute.p99:.1f} | {minute.memory:.0f} | {minute.files} | "
        f"{minute.log:.1f} | {minute.store:.1f} |",
        flush=True,
    )


@contextmanager
def server_on(store: str) -> Iterator[Target]:
    if store == "mongodb":
        sys.path[:0] = [str(ROOT / "tests" / "store")]
        from mongod import mongodb_url

        before, _, options = mongodb_url().partition("?")
        os.environ["ASSENT_STORE"] = f"{before.rstrip('/')}/assent_soak_{os.getpid()}?{options}"
    with assent() as target:
        yield target


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long a minute is")
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second, at most")
    parser.add_argument("--fill", type=int, default=0, help="resources to store and read before")
    parser.add_argument("--store", choices=("embedded", "mongodb"), default="embedded")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each minute, and nothing else")
    given = parser.parse_args()
    minutes: list[Minute] = []
    with server_on(given.store) as target:
        fill(target, given.fill)
        for minute in soak(target, given.minutes, given.seconds, given.rate):
            if given.json:
                print(json.dumps(asdict(minute)), flush=True)
            else:
                show(len(minutes), minute)
            minutes.append(minute)
    if not given.json:
        report(minutes)
    return 1 if sum(minute.faults for minute in minutes) else 0


if __name__ == "__main__":
    sys.exit(main())
