"""Runs all benchmarks and prints one table: figure, aim, ratio to its yardstick. Nothing here passes or fails."""

from __future__ import annotations

import os
import platform
import statistics
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import suites
from benchmarks.suites import Measured, measure
from benchmarks.targets import Target, assent, bare_asgi
from benchmarks.yardsticks import fsync_rate, model_parse, raw_term_writes

TERMS = 25
"""Rows of the index that the Patient which is created here has."""


def main() -> None:
    print(_machine())
    bundle = suites.example_bundle()
    with bare_asgi() as y0_target, assent() as target:
        suites.prepare(target)
        y0_one, y0_many, one, many, found = _against_bare_asgi(y0_target, target)
        created = measure(lambda: suites.create(target, 16))
        y1 = raw_term_writes(TERMS)
        transactions = measure(lambda: suites.transaction(target, 4))
        y2 = model_parse(bundle)
        preview_one = measure(lambda: suites.preview(target, 1, bundle))
        preview_many = measure(lambda: suites.preview(target, 8, bundle))
        submit_one = measure(lambda: suites.submit(target, 1, bundle))
        submit_many = measure(lambda: suites.submit(target, 8, bundle))
        memory = target.memory_mb()
    rows = [
        _row("Y0 bare ASGI, 1 caller", y0_one, "", ""),
        _row("Y0 bare ASGI, 16 callers", y0_many, "", ""),
        _row("read, 1 caller", one, "", _ratio(one.rate, y0_one.rate, "Y0")),
        _row("read, 16 callers", many, "0.33 of Y0", _ratio(many.rate, y0_many.rate, "Y0")),
        _row("search by identifier, 16 callers", found, "", _ratio(found.rate, y0_many.rate, "Y0")),
        _row("durable create, 16 callers", created, "1,200/s, p99 40 ms", _ratio(created.rate, y1, "Y1")),
        _row(
            "transaction of 100, 4 callers (resources)",
            _times(transactions, 100),
            "3,000/s",
            _ratio(transactions.rate * 100, y1, "Y1"),
        ),
        _row("$preview-risk, 1 caller", preview_one, "p99 25 ms", _ratio(preview_one.median, y2, "Y2")),
        _row("$preview-risk, 8 callers", preview_many, "", ""),
        _row("$submit, 1 caller", submit_one, "p50 8 ms", _ratio(submit_one.median, y2, "Y2")),
        _row("$submit, 8 callers", submit_many, "p99 100 ms", ""),
    ]
    print(
        f"| {'figure':42} | {'per second':>10} | {'p50 ms':>8} | {'p99 ms':>8} | {'aim':20} | {'against its yardstick':22} |"
    )
    print(f"| {'-' * 42} | {'-' * 9}: | {'-' * 7}: | {'-' * 7}: | {'-' * 20} | {'-' * 22} |")
    print("\n".join(rows))
    print(
        f"\nY1: {y1:,.0f} resources/s of {TERMS} rows, raw apsw, 50 to a commit. Y2: {y2:.1f} ms, fhir.resources parsing the PAS Bundle."
    )
    print(f"fdatasync of 4 kB: {fsync_rate():,.0f}/s.")
    _starts(memory)
    _cost_of_sealing_and_audit()


def _against_bare_asgi(y0: Target, target: Target) -> tuple[Measured, Measured, Measured, Measured, Measured]:
    """Taken in turn, so that a slow minute slows both."""
    runs: dict[str, list[suites.Result]] = {}
    for _ in range(suites.ROUNDS):
        runs.setdefault("y0-1", []).append(suites.drive(y0, [y0.request("GET", "")], 1, "200"))
        runs.setdefault("read-1", []).append(suites.read(target, 1))
        runs.setdefault("y0-16", []).append(suites.drive(y0, [y0.request("GET", "")], 16, "200"))
        runs.setdefault("read-16", []).append(suites.read(target, 16))
        runs.setdefault("search-16", []).append(suites.search_by_identifier(target, 16))
    one, many = _middle(runs["y0-1"]), _middle(runs["y0-16"])
    return one, many, _middle(runs["read-1"]), _middle(runs["read-16"]), _middle(runs["search-16"])


def _middle(results: list[suites.Result]) -> Measured:
    return Measured(
        statistics.median(result.rate for result in results),
        statistics.median(result.median for result in results),
        statistics.median(result.p99 for result in results),
    )


def _starts(memory: float) -> None:
    with assent() as first:
        first_start, idle = first.started, first.memory_mb()
    print(f"Ready after {first_start:.2f} s with an empty folder and the sample practice to load (aim 1.5 s).")
    print(f"Memory: {idle:.0f} MiB idle, {memory:.0f} MiB after the load above (aim 200 MiB).")


def _cost_of_sealing_and_audit() -> None:
    """The same program with both, without audit, and without both, in turn."""
    kinds = {"full": "", "no audit": "audit", "bare": "audit,sealing"}
    rates: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        targets = {kind: stack.enter_context(assent(without=without)) for kind, without in kinds.items()}
        for _ in range(suites.ROUNDS):
            for kind, target in targets.items():
                rates.setdefault(("read", kind), []).append(suites.read(target, 16).rate)
                rates.setdefault(("create", kind), []).append(suites.create(target, 16).rate)
    for name in ("read", "create"):
        full, no_audit, bare = (statistics.median(rates[name, kind]) for kind in kinds)
        print(
            f"Of {name} throughput, audit costs {100 * (1 - full / no_audit):.0f} %, sealing and audit together "
            f"{100 * (1 - full / bare):.0f} % (aim: at most 15 %): {full:,.0f}, {no_audit:,.0f}, {bare:,.0f} a second."
        )


def _times(measured: Measured, factor: int) -> Measured:
    return Measured(measured.rate * factor, measured.median, measured.p99)


def _ratio(value: float, yardstick: float, name: str) -> str:
    return f"{value / yardstick:.2f} of {name}" if yardstick else ""


def _row(name: str, measured: Measured, aim: str, ratio: str) -> str:
    return f"| {name:42} | {measured.rate:10,.0f} | {measured.median:8.2f} | {measured.p99:8.2f} | {aim:20} | {ratio:22} |"


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{moment}; {os.cpu_count()} x {model}; Python {platform.python_version()}; load before: {load}\n"


if __name__ == "__main__":
    main()
