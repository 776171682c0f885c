"""`AuditEvent/$tail`: the tenant's events as they are made, as server-sent events (HTML, 9.2), for auditors and administrators.

Nothing is kept for a listener: each reads the trail from where it is, and so a slow one costs no memory; one that takes nothing for
`PATIENCE` seconds is left. `Last-Event-ID` goes on where a listener was. It ends when the token does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles import json
from profiles.outcome import refuse
from server.audit.batches import AT_ONCE, POSITION_BITS, BatchBrokenError, opened, row_number
from server.audit.definitions import AUDITORS, TAIL
from server.audit.log import AuditLog, event_id, row_of
from server.seal.keyring import Tenant
from server.store.store import AuditBatch, Store, StoreUnavailableError

LOOK_SECONDS: Final = 0.5
BEAT_SECONDS: Final = 10.0
"""So often a listener hears something, and the server learns that nobody listens any more."""

PATIENCE: Final = 30.0
LISTENERS: Final = 20
"""So many may listen at a time, of all tenants."""

_HEADER: Final = "last-event-id"
_KIND: Final = "text/event-stream"
_BEAT: Final = b": still here\n\n"
_DAMAGED: Final = b'event: damaged\ndata: {"message":"Records here do not open; AuditEvent/$verify tells more."}\n\n'


@dataclass(slots=True)
class _Listeners:
    count: int = 0


def tail(store: Store, log: AuditLog, tenant_of: Callable[[str], Tenant]) -> Operation:
    listeners = _Listeners()

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value (400), not-acceptable (406), too-many-listeners (429)."""
        tenant = tenant_of(context.tenant)
        if _KIND not in given.headers.get("accept", ""):
            raise refuse(
                "not-acceptable", f"This is a stream that does not end by itself: send Accept: {_KIND}.", "http.Accept"
            )
        if listeners.count >= LISTENERS:
            raise refuse("too-many-listeners", f"{LISTENERS} listen already; try again when one has gone.")
        after = _place(given, tenant)
        if after is None:
            after = row_number((await store.audit_watermark())[1] + 1, 0) - 1
        events = _events(store, log, tenant, after, context.is_welcome, listeners)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return OperationOutput(headers=headers, stream=events, content_type=_KIND, patience=PATIENCE)

    return Operation(TAIL, run, "s", header_names=(_HEADER, "accept"), roles=AUDITORS, streams=True)


def _place(given: OperationInput, tenant: Tenant) -> int | None:
    """The row number of the event that was heard last. Raises FhirError (400)."""
    named = given.headers.get(_HEADER)
    if not named:
        return None
    row = row_of(tenant, named)
    if row is None:
        raise refuse("parameter-value", "Last-Event-ID is the id of an event that was sent before.", f"http.{_HEADER}")
    return row


async def _events(
    store: Store, log: AuditLog, tenant: Tenant, after: int, is_welcome: Callable[[], bool], listeners: _Listeners
) -> AsyncGenerator[bytes, None]:
    """All events behind the row `after`, then each that comes."""
    listeners.count += 1
    looked, quiet = (after >> POSITION_BITS) - 1, 0.0
    try:
        yield b"retry: 2000\n\n"
        while is_welcome():
            batches = await _next(store, looked)
            for batch in batches:
                if batch.tenant == tenant.number and (told := _told(log, tenant, batch, after)):
                    yield told
                    quiet = 0.0
            if batches:
                looked = batches[-1].seq
                await asyncio.sleep(0)
                continue
            await asyncio.sleep(LOOK_SECONDS)
            quiet += LOOK_SECONDS
            if quiet >= BEAT_SECONDS:
                yield _BEAT
                quiet = 0.0
    finally:
        listeners.count -= 1


async def _next(store: Store, looked: int) -> Sequence[AuditBatch]:
    """Nothing while the store does not answer: it is looked again, and nothing is left out."""
    try:
        return await store.audit_batches(looked, AT_ONCE)
    except StoreUnavailableError:
        return ()


def _told(log: AuditLog, tenant: Tenant, batch: AuditBatch, after: int) -> bytes:
    """The events of a batch that come behind the row `after`."""
    try:
        records = opened(tenant, batch).records
    except BatchBrokenError:
        return _DAMAGED
    return b"".join(
        b"id: "
        + event_id(tenant, row).encode()
        + b"\ndata: "
        + json.dumps(log.render(tenant, batch.seq, at, record))
        + b"\n\n"
        for at, record in enumerate(records)
        if (row := row_number(batch.seq, at)) > after
    )
