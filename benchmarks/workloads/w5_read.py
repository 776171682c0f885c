"""W5: one Patient read again and again, and found by identifier; the bare answer (Y0) is asked in the same way."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.caller import Caller, Record


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    label, path = given["label"], given["path"]
    while not record.over:
        await caller.ask(label, "GET", path)
