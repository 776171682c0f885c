"""What subscriptions add to a create: none, 10 and 100 that are active, each told of every Patient. `python -m benchmarks.workloads.subscribed`

Every notification is id-only, to a hook in a process of its own that answers 200 at once. Deliveries go on beside the creates, and take from
the same cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from benchmarks.targets import ROOT, _free_port, _wait
from benchmarks.workloads import report
from benchmarks.workloads.caller import Caller, Record
from benchmarks.workloads.report import Line
from benchmarks.workloads.run import over
from benchmarks.workloads.served import serving
from benchmarks.workloads.w1_crud import _BODIES

COUNTS: Final = (0, 10, 100)
SECONDS: Final = 5.0
CALLERS: Final = 4
_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    turn = 0
    while not record.over:
        turn += 1
        body = _BODIES["Patient"].replace("{n}", f"{number}-{turn}-{record.begin}")
        await caller.ask("create", "POST", "Patient", body.encode(), expect=201)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The hook: takes what it is sent, as an application for uvicorn."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def _hook() -> Iterator[str]:
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.workloads.subscribed:app",
        "--port",
        str(port),
        "--no-access-log",
    ]
    with subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/", process)
            yield f"http://127.0.0.1:{port}/hook"
        finally:
            process.terminate()


def _subscription(endpoint: str) -> dict[str, Any]:
    content = {"extension": [{"url": f"{_BACKPORT}/backport-payload-content", "valueCode": "id-only"}]}
    filters = {"extension": [{"url": f"{_BACKPORT}/backport-filter-criteria", "valueString": "Patient"}]}
    channel = {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json", "_payload": content}
    return {"resourceType": "Subscription", "status": "requested", "reason": "measuring", "channel": channel,
        "criteria": "https://assent.example/fhir/SubscriptionTopic/resource-changed", "_criteria": filters}  # fmt: skip


def _subscribe(client: httpx.Client, endpoint: str, count: int) -> None:
    """So many more, all active."""
    names = [
        client.post("/Subscription", json=_subscription(endpoint)).raise_for_status().json()["id"] for _ in range(count)
    ]
    end = time.monotonic() + 120
    for name in names:
        while client.get(f"/Subscription/{name}").json()["status"] != "active":
            if time.monotonic() > end:
                raise RuntimeError("A subscription did not become active.")
            time.sleep(0.1)


def main() -> None:
    os.environ["ASSENT_INNER_NETWORKS"] = "127.0.0.1"
    report.say(report.machine())
    with _hook() as endpoint, serving("embedded") as served, served.target.client() as client:
        report.head("Creates beside subscriptions, embedded")
        there = 0
        for count in COUNTS:
            _subscribe(client, endpoint, count - there)
            there = count
            seen = over(served, "subscribed", CALLERS, SECONDS)
            report.rows(seen, CALLERS, [Line(f"create, {count} active", seen.times["create"])])
    report.say(f"\nLoad after: {report.load()}.")


if __name__ == "__main__":
    main()
