"""What the audit trail costs: requests with it and without it, in turn, and what its parts take. `python -m benchmarks.audit`

Without it is what the product cannot do (bare.py). Figures of one run belong together; those of another machine say little.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.load import Result
from benchmarks.suites import create, example_bundle, read, submit
from benchmarks.targets import Target, assent
from server.app import open_services
from server.audit.record import AuditRecord, encode, encode_batch
from server.config import Settings
from server.logs import EventLog
from server.seal.keyring import Tenant
from server.store.store import Commit

ROUNDS: Final = 3
CALLERS: Final = 16
BATCHES: Final = 5000

_RECORD: Final = encode(
    AuditRecord(
        1, "read", "R", 200, "0123456789abcdef", "administrator", "assent-cli", ("administrator",),
        "Practitioner/administrator", "127.0.0.1", ("Patient/p01/_history/1",), ("p01",), "", "", "",
    )
)  # fmt: skip


def main() -> None:
    runs: dict[str, Callable[[Target], Result]] = {
        "read": lambda target: read(target, CALLERS),
        "durable create": lambda target: create(target, CALLERS),
        "$submit": lambda target: submit(target, 1, example_bundle()),
    }
    with ExitStack() as stack:
        targets = {kind: stack.enter_context(assent(without=without)) for kind, without in (("with", ""), ("no", "audit"))}
        for name, run in runs.items():
            rates: dict[str, list[float]] = {kind: [] for kind in targets}
            for _ in range(ROUNDS):
                for kind, target in targets.items():
                    rates[kind].append(run(target).rate)
            full, none = (statistics.median(rates[kind]) for kind in targets)
            print(f"{name}: {full:,.0f} a second with audit, {none:,.0f} without: ratio {full / none:.2f}", flush=True)
    asyncio.run(_parts())


async def _parts() -> None:
    settings = Settings.from_environment({"ASSENT_DATA": str(Path(tempfile.mkdtemp()) / "data"), "ASSENT_SAMPLE": "0"})
    _, services = await open_services(settings, EventLog(lambda line: None))
    tenant = await services.keyring.make("default")
    _seal(tenant)
    for _ in range(BATCHES):
        await services.store.commit(Commit(tenant.number, audit=[_RECORD]))
    verification = await services.proof.verification(tenant)
    started = time.perf_counter()
    broken = [found async for found in verification.breaks()]
    each = (time.perf_counter() - started) / BATCHES
    print(f"$verify: {1 / each:,.0f} batches a second, {len(broken)} broken")
    await services.close()


def _seal(tenant: Tenant) -> None:
    """A batch of one record, as it was before batches said what they follow, and as it is."""
    before, encoder = os.urandom(32), msgspec.msgpack.Encoder()
    plain = _each(lambda: tenant.cipher.seal(encoder.encode([_RECORD]), b"audit/1/1"))
    linked = _each(lambda: tenant.cipher.seal(encode_batch([_RECORD], before), b"audit/1/1"))
    print(f"sealing a batch of one record: {plain:.1f} us without its link, {linked:.1f} us with it")


def _each(work: Callable[[], object], times: int = 5000) -> float:
    """Microseconds: the median of seven runs."""
    took = []
    for _ in range(7):
        started = time.perf_counter()
        for _ in range(times):
            work()
        took.append((time.perf_counter() - started) / times * 1e6)
    return statistics.median(took)


if __name__ == "__main__":
    main()
