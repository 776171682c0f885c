"""`assent audit verify | export`: is the audit trail whole, and all of it for compliance tools. Works beside a running server.

`verify` ends with exit code 1 where a link does not hold.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Final

from server.audit.anchor import Anchor
from server.audit.checkpoint import Notary, signers
from server.audit.export import export
from server.audit.log import AuditLog
from server.audit.period import END, Period, moment_of
from server.audit.proof import Proof
from server.audit.verify import Break, Verification, Witness
from server.commands.opened import Opened, bases_of, opened
from server.config import ConfigurationError, Settings
from server.seal.keyring import Tenant

MOST: Final = 100
"""So many broken links of one trail are printed."""


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    settings = Settings.from_environment(environ)
    if arguments.action == "export":
        asyncio.run(_export(arguments, settings, _period(arguments)))
        return 0
    return asyncio.run(_verify(arguments, settings, _witness(arguments)))


async def _verify(arguments: Namespace, settings: Settings, witness: Witness | None) -> int:
    async with opened(settings) as store:
        proof = Proof(store.store, Notary(lambda: signers(store.keyring.entries())), Anchor(settings.data))
        broken = 0
        for tenant in _tenants(store, arguments.tenant):
            verification = await proof.verification(tenant, witness)
            if witness is not None and witness.records < verification.start.records:
                raise ConfigurationError(
                    "What was noted lies before the beginning of the trail: it cannot be compared any more."
                )
            found: list[Break] = []
            async for link in verification.breaks("recent" if arguments.recent else "all"):
                broken += 1
                if len(found) < MOST:
                    found.append(link)
            _tell(tenant.name, verification, found, as_json=arguments.json)
    return 1 if broken else 0


def _tell(name: str, verification: Verification, found: Sequence[Break], *, as_json: bool) -> None:
    place = verification.place
    if as_json:
        links = [{"kind": link.kind, "position": link.position, "message": link.sentence} for link in found]
        told = {"tenant": name, "records": place.records, "head": place.head, "pruned": verification.pruned}
        print(json.dumps({**told, "broken": links}))
        return
    for link in found:
        print(f"{name}: record {link.position}: {link.kind}. {link.sentence}")
    if not found:
        print(f"{name}: {place.records} records hold together; head {place.head}")


def _tenants(store: Opened, name: str | None) -> list[Tenant]:
    """All of them, retired ones as well, in the order of their making; or the one that is named."""
    entries = store.keyring.entries()
    if name is not None and name not in entries:
        raise ConfigurationError("There is no tenant of that name; `assent tenant list` prints those that are there.")
    numbers = sorted(entry["number"] for known, entry in entries.items() if name in (None, known))
    return [store.keyring.by_number(number) for number in numbers]


async def _export(arguments: Namespace, settings: Settings, period: Period) -> None:
    async with opened(settings) as store:
        (tenant,) = _tenants(store, arguments.tenant)
        bases = bases_of(settings)
        log = AuditLog(store.store, store.keyring, lambda known: bases(known)[0])
        await store.note("audit-export", f"tenant={tenant.name}&format={arguments.format}")
        try:
            async for piece in export(store.store, log, tenant, period, arguments.format):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise ConfigurationError(f"The export cannot be written ({os.strerror(error.errno or 0)}).") from error


def _period(arguments: Namespace) -> Period:
    try:
        start = moment_of(arguments.start) if arguments.start else 0
        return Period(start, moment_of(arguments.end, end=True) if arguments.end else END)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            "--from and --to take a date (2026-01-31) or an instant (2026-01-31T08:00:00Z)."
        ) from error


def _witness(arguments: Namespace) -> Witness | None:
    if arguments.witness is None:
        return None
    if arguments.tenant is None or arguments.recent:
        raise ConfigurationError(
            "--witness goes with --tenant, and not with --recent: it is the head of one tenant's trail."
        )
    records, separator, _ = arguments.witness.partition(":")
    if not separator or not (records.isascii() and records.isdigit() and len(records) < 16):
        raise ConfigurationError("--witness takes the head that an earlier `assent audit verify` printed.")
    return Witness(int(records), arguments.witness)
