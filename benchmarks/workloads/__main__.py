"""`python -m benchmarks.workloads [w1 ... w5] [--store embedded|mongodb|both] [--seconds 8] [--callers 1,4,16] [--resources 10000]`.

Without names, all five. Printed are medians and 99th percentiles by verb or category, errors, and the cores that server, store and load used.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.population import population, write
from benchmarks.targets import bare_asgi
from benchmarks.workloads import report
from benchmarks.workloads.loaded import load_file
from benchmarks.workloads.report import Line
from benchmarks.workloads.run import Seen, over
from benchmarks.workloads.served import Served, StoreName, serving
from benchmarks.workloads.w1_crud import RESOURCES
from benchmarks.workloads.w3_searches import ONE_TO_THREE
from benchmarks.yardsticks import fsync_rate

ROUNDS: Final = 3
MEDICAL_RECORD: Final = "https://benchmarks.example/codes/medical-record"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    seconds: float
    callers: tuple[int, ...]
    resources: int


def crud(store: StoreName, asked: Asked) -> None:
    with serving(store) as served:
        report.head(f"W1 crud-36, {store}")
        for callers in asked.callers:
            seen = over(served, "w1_crud", callers, asked.seconds)
            report.rows(seen, callers, [Line("all", seen.all()), *_lines(seen)])


def bundles(store: StoreName, asked: Asked) -> None:
    """The rate of the last third against the first one says how it goes as the store grows."""
    with serving(store) as served:
        report.head(f"W2 transactions of 600 entries, {store}")
        rates = []
        for callers in (1, 2, 4):
            seen = over(served, "w2_bundles", callers, asked.seconds, {"seed": callers * 1000})
            entries = sum(int(label) * len(times) for label, times in seen.times.items())
            rates.append(entries / asked.seconds)
            report.rows(seen, callers, [Line("entries", seen.all(), entries)])
        again = over(served, "w2_bundles", 1, asked.seconds, {"seed": 9000})
        entries = sum(int(label) * len(times) for label, times in again.times.items())
        report.rows(again, 1, [Line("entries, at the end", again.all(), entries)])
        report.say(f"Decay, one caller at the end : at the beginning: {entries / asked.seconds / rates[0]:.2f}.")


def searches(store: StoreName, asked: Asked) -> None:
    with tempfile.TemporaryDirectory() as name:
        data, file = Path(name) / "data", Path(name) / "population.ndjson"
        data.mkdir()
        write(asked.resources, file)
        known = [one["id"] for one in islice(population(), asked.resources) if one["resourceType"] == "Patient"]
        with load_file(store, data, file) as (served, seconds):
            report.say(f"\n{asked.resources:,} resources loaded by `assent load` in {seconds:.0f} s.")
            report.head(f"W3 search-30, {store}")
            for callers in asked.callers:
                seen = over(served, "w3_searches", callers, asked.seconds, {"patients": known})
                aimed = sorted(one for label in ONE_TO_THREE for one in seen.times.get(label, []))
                lines = [Line("all", seen.all()), Line("1 to 3 parameters", aimed), *_lines(seen)]
                report.rows(seen, callers, lines)


def pairs(store: StoreName, asked: Asked) -> None:
    with serving(store) as served:
        report.head(f"W4 tx-2, {store}")
        for callers in asked.callers:
            synced = fsync_rate()
            seen = over(served, "w4_pair", callers, asked.seconds)
            report.rows(seen, callers, _lines(seen))
            report.say(
                f"{seen.rate / synced:.2f} transactions for each fdatasync that the disk makes alone ({synced:,.0f}/s)."
            )


def reads(store: StoreName, asked: Asked) -> None:
    """Each round asks the bare server, a read and a search in turn, so that a slow minute slows all."""
    patient = RESOURCES["Patient"] | {"resourceType": "Patient"}
    with bare_asgi() as bare, serving(store) as served:
        with served.target.client() as client:
            id_ = client.post("/Patient", json=patient).raise_for_status().json()["id"]
        kinds = {
            "Y0": (Served(bare, store, None), ""),
            "read": (served, f"Patient/{id_}"),
            "search by identifier": (served, f"Patient?identifier={MEDICAL_RECORD}|%7Bn%7D"),
        }
        report.head(f"W5 read-1, {store}")
        for callers in asked.callers:
            taken: dict[str, list[Seen]] = {}
            for _ in range(ROUNDS):
                for label, (whom, path) in kinds.items():
                    given = {"label": label, "path": path}
                    taken.setdefault(label, []).append(over(whom, "w5_read", callers, asked.seconds / ROUNDS, given))
            middle = {label: report.middle(seen) for label, seen in taken.items()}
            for seen in middle.values():
                report.rows(seen, callers, _lines(seen))
            ratios = ", ".join(
                f"{label} {seen.rate / middle['Y0'].rate:.2f}" for label, seen in middle.items() if label != "Y0"
            )
            report.say(f"Of Y0 with {callers} callers: {ratios}.")


def _lines(seen: Seen) -> list[Line]:
    return [Line(label, times) for label, times in sorted(seen.times.items())]


WORKLOADS: Final[dict[str, Callable[[StoreName, Asked], Any]]] = {
    "w1": crud, "w2": bundles, "w3": searches, "w4": pairs, "w5": reads,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workloads", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workloads", nargs="*", metavar="w1 ... w5", help="which; all without names")
    parser.add_argument("--store", choices=("embedded", "mongodb", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run")
    parser.add_argument("--callers", default="1,4,16")
    parser.add_argument("--resources", type=int, default=10_000, help="that W3 searches")
    given = parser.parse_args()
    asked = Asked(given.seconds, tuple(int(one) for one in given.callers.split(",")), given.resources)
    stores: tuple[StoreName, ...] = ("embedded", "mongodb") if given.store == "both" else (given.store,)
    report.say(report.machine())
    for name in given.workloads or WORKLOADS:
        for store in stores:
            WORKLOADS[name](store, asked)
    report.say(f"\nLoad after: {report.load()}.")


if __name__ == "__main__":
    main()
