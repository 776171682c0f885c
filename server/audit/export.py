"""The audit trail as compliance tools take it: NDJSON of AuditEvents, or CSV; in the order of the trail, a piece at a time.

Records that do not open are told of in their place (an OperationOutcome; a row without a time), and the rest goes on: an export is
where a damage should show, and not where it ends. Cells of a CSV that a spreadsheet would take for a formula begin with an
apostrophe (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

from profiles import json
from profiles.outcome import Issue, operation_outcome
from server.audit.batches import BatchBrokenError, batches_of, opened, row_number
from server.audit.event import OUTCOMES, purpose_of
from server.audit.log import AuditLog, event_id
from server.audit.period import Period, batch_before
from server.audit.record import AuditRecord
from server.repository import instant
from server.seal.keyring import Tenant
from server.store.store import AuditBatch, Store

Format = Literal["ndjson", "csv"]
CONTENT_TYPES: Final[dict[Format, str]] = {"ndjson": "application/fhir+ndjson", "csv": "text/csv; charset=utf-8"}

COLUMNS: Final = (
    "id", "recorded", "action", "interaction", "outcome", "status", "refusal", "user", "user_reference", "roles", "client",
    "address", "purpose", "patients", "entities", "query", "request_id",
)  # fmt: skip
_FORMULA: Final = frozenset("=+-@\t\r\n")
_DAMAGED: Final = "Records here do not open; AuditEvent/$verify tells more."


async def export(store: Store, log: AuditLog, tenant: Tenant, period: Period, format_: Format) -> AsyncIterator[bytes]:
    """Raises StoreUnavailableError."""
    if format_ == "csv":
        yield csv_rows([COLUMNS])
    async for batch in batches_of(store, tenant.number, await batch_before(store, log, period)):
        try:
            records = opened(tenant, batch).records
        except BatchBrokenError:
            yield _damaged(format_)
            continue
        piece = _piece(log, tenant, batch, records, period, format_)
        if piece:
            yield piece


def _piece(
    log: AuditLog, tenant: Tenant, batch: AuditBatch, records: Sequence[AuditRecord], period: Period, format_: Format
) -> bytes:
    wanted = [(position, record) for position, record in enumerate(records) if period.holds(record.recorded)]
    if format_ == "csv":
        return csv_rows([_row(event_id(tenant, row_number(batch.seq, position)), record) for position, record in wanted])
    return b"".join(json.dumps(log.render(tenant, batch.seq, position, record)) + b"\n" for position, record in wanted)


def _damaged(format_: Format) -> bytes:
    if format_ == "csv":
        return csv_rows([("", "", "", "damaged", "", "", _DAMAGED, *[""] * (len(COLUMNS) - 7))])
    return json.dumps(operation_outcome([Issue("internal", _DAMAGED)])) + b"\n"


def _row(id_: str, record: AuditRecord) -> tuple[str, ...]:
    return (
        id_,
        instant(record.recorded),
        record.action,
        record.interaction,
        OUTCOMES.get(record.status // 100, "0"),
        str(record.status or ""),
        record.refusal,
        record.subject,
        record.fhir_user,
        " ".join(record.roles),
        record.client,
        record.address,
        purpose_of(record),
        " ".join(f"Patient/{patient}" for patient in record.patients),
        " ".join(record.entities),
        record.query,
        record.request_id,
    )


def csv_rows(rows: Sequence[Sequence[str]]) -> bytes:
    """RFC 4180, in UTF-8; no cell is a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ")[:1] in _FORMULA and cell.lstrip(" ") else cell
