"""Trains the zstd dictionary that ships with Assent: `python -m server.seal.train NUMBER`.

The samples are what a server holds after loading the synthetic practice: its resources, the requests and the answers. No real
patient's data ever goes into a dictionary. A dictionary is never changed once it has shipped: its number is in every record
that was sealed with it; a better one gets the next number.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import zstandard

from profiles.structure import resource_types
from server.app import Application
from server.config import Settings
from server.http import DEFAULT_TENANT
from server.logs import EventLog
from server.repository import Repository
from server.rest.exchange import Services
from server.search.index_entries import TYPE_TERM
from server.store.algebra import AnyOf, Plan

SIZE: Final = 32 * 1024


async def samples() -> list[bytes]:
    """The bodies of all resources of a freshly loaded practice."""
    with tempfile.TemporaryDirectory() as folder:
        application = Application(Settings.from_environment({"ASSENT_DATA": folder}), EventLog(lambda line: None))
        await application.start()
        try:
            if application.services is None:
                return []
            return [body for type_ in sorted(resource_types()) for body in await _bodies(application.services, type_)]
        finally:
            await application.stop()


async def _bodies(services: Services, type_: str) -> list[bytes]:
    tenant = await services.keyring.make(DEFAULT_TENANT)
    repository = Repository(services.store, tenant, services.base_url(tenant), services.clock)
    term = AnyOf((tenant.index.term(type_, TYPE_TERM, ""),))
    hits = await services.store.find(Plan((term,), limit=10_000))
    records = await services.store.fetch([hit.rid for hit in hits])
    return [repository.open(record, type_).body for record in records.values()]


def main() -> int:
    number = int(sys.argv[1])
    path = Path(__file__).with_name(f"dictionary-{number}.dict")
    if path.exists():
        print(f"{path.name} has shipped already; take the next number.", file=sys.stderr)
        return 2
    bodies = asyncio.run(samples())
    given: list[bytes | bytearray | memoryview] = [*bodies]
    trained = zstandard.train_dictionary(SIZE, given, dict_id=number)
    path.write_bytes(trained.as_bytes())
    print(f"{len(bodies)} samples, {sum(map(len, bodies))} bytes, {path.name} of {os.path.getsize(path)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
