"""What the access predicate costs: `python -m benchmarks.access`. Reads and searches in process, with the predicate and without it.

Each pair is asked in turns, so that both meet the same machine; printed are medians of the processor time of an answer, in
microseconds, and the ratio of the two.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from server.access.gate import ServersGate
from server.app import Application
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.config import Settings
from server.logs import EventLog
from server.repository import Repository
from server.rest import dispatch
from server.rest.address import template_of
from server.rest.exchange import Services
from server.rest.request import Base, Request
from server.store.store import Commit

PATIENTS: Final = 200
EACH: Final = 10
ROUNDS: Final = 150
INNER: Final = 8
BASE: Final = Base("default", "http://127.0.0.1:8080/fhir")
LABORATORY: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]
}


def records() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"Family{n}"}]} for n in range(PATIENTS)
    ]
    for n in range(PATIENTS * EACH):
        subject = {"reference": f"Patient/p{n % PATIENTS}"}
        observation = {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "code": {"text": "x"},
            "subject": subject,
        }
        found.append(
            {**observation, "category": [LABORATORY] if n % 2 else [], "effectiveDateTime": f"2026-01-{1 + n % 28:02}"}
        )
    return found


def denial(patient: int, **provision: Any) -> dict[str, Any]:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    consent = {
        "resourceType": "Consent",
        "id": f"c{patient}",
        "status": "active",
        "scope": scope,
        "patient": {"reference": f"Patient/p{patient}"},
    }
    return {**consent, "provision": {"type": "deny", **provision}}


async def store(services: Services, resources: list[dict[str, Any]]) -> None:
    tenant = await services.keyring.make("default")
    repository = Repository(services.store, tenant, BASE.url, services.clock)
    for start in range(0, len(resources), 500):
        puts = [repository.prepare(one, one["id"], None).put for one in resources[start : start + 500]]
        await services.commit(Commit(tenant.number, puts))


class Bench:
    """Asks one server."""

    def __init__(self, services: Services, data: Path) -> None:
        self.services = services
        self.data = data
        self._open = dispatch.open_gate

    def token(self, scope: str, patient: str | None = None) -> str:
        grant = Grant("default", "bench", "bench", ["doctor"], scope, "Practitioner/bench", patient)
        return issue_token(load_or_create(self.data), grant, lifetime=36_000)

    async def once(self, token: str, path: str) -> float:
        """Microseconds of this process for one answer."""
        address, _, query = path.partition("?")
        segments = tuple(address.split("/"))
        pairs = tuple(tuple(pair.split("=", 1)) for pair in query.split("&")) if query else ()
        headers = {"authorization": f"Bearer {token}"}
        request = Request("GET", BASE, segments, pairs, headers, b"", "bench", template_of(segments))
        started = time.process_time()
        for _ in range(INNER):
            answer = await dispatch.answer(self.services, request)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return (time.process_time() - started) / INNER * 1e6

    async def pair(self, name: str, scope: str, path: str, patient: str | None = None) -> None:
        token = self.token(scope, patient)
        on: list[float] = []
        off: list[float] = []
        for _ in range(ROUNDS):
            on.append(await self.once(token, path))
            with_nothing: Callable[..., Any] = _no_gate
            dispatch.open_gate = with_nothing
            off.append(await self.once(token, path))
            dispatch.open_gate = self._open
        with_it, without = statistics.median(on), statistics.median(off)
        print(f"{name:58} {with_it:9.1f} {without:9.1f} {with_it / without:7.3f}")


async def _no_gate(*_: object) -> ServersGate:
    return ServersGate()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"ASSENT_DATA": folder, "ASSENT_SAMPLE": "0"})
        application = Application(settings, EventLog(lambda line: None))
        await application.start()
        services = application.services
        if services is None:
            raise RuntimeError("The application did not start.")
        await store(services, records())
        bench = Bench(services, Path(folder))
        print(f"{'microseconds (median)':58} {'with':>9} {'without':>9} {'ratio':>7}")
        paths = {
            "read": "Observation/o1",
            "search, 50 hits": "Observation",
            "search, 10 hits": "Observation?patient=p1",
            "count": "Observation?_summary=count",
        }
        for name, path in paths.items():
            await bench.pair(f"no consents, user/*.rs: {name}", "user/*.rs", path)
        await bench.pair("no consents, patient/*.rs: read", "patient/*.rs", "Observation/o1", "p1")
        await bench.pair("no consents, patient/*.rs: search, 10 hits", "patient/*.rs", "Observation?patient=p1", "p1")
        scope = "user/Observation.rs?category=laboratory"
        for name, path in paths.items():
            await bench.pair(f"granular scope: {name}", scope, path)
        await store(services, [denial(n, actor=_somebody()) for n in range(50)])
        for name, path in paths.items():
            await bench.pair(f"50 consents that deny somebody else: {name}", "user/*.rs", path)
        await store(services, [denial(n) for n in range(100, 150)])
        for name, path in paths.items():
            await bench.pair(f"50 consents that deny everything: {name}", "user/*.rs", path)
        await application.stop()


def _somebody() -> list[dict[str, Any]]:
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    return [{"role": role, "reference": {"reference": "Practitioner/somebody"}}]


if __name__ == "__main__":
    asyncio.run(main())
