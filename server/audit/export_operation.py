"""`AuditEvent/$export-trail`: the tenant's trail as a stream (docs/audit.md). The export is an event itself, written before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operations.policy.fhir_parameters import Given, read_parameters
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles.outcome import refuse
from server.audit.definitions import AUDITORS, EXPORT
from server.audit.export import CONTENT_TYPES, Format, export
from server.audit.log import AuditLog
from server.audit.period import read_period
from server.seal.keyring import Tenant
from server.store.store import Store

_FORMATS: Final[dict[str, Format]] = {"ndjson": "ndjson", "csv": "csv"}


def export_trail(store: Store, log: AuditLog, tenant_of: Callable[[str], Tenant]) -> Operation:
    async def run(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value (400)."""
        named = read_parameters(given.resource, ("from", "to", "format"), given.query)
        period = read_period(named)
        format_ = _format(named["format"]) if "format" in named else "ndjson"
        pieces = export(store, log, tenant_of(context.tenant), period, format_)
        name = f"audit-{context.tenant}.{format_}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return OperationOutput(headers=headers, stream=pieces, content_type=CONTENT_TYPES[format_])

    return Operation(EXPORT, run, "s", roles=AUDITORS, streams=True)


def _format(given: Given) -> Format:
    if not isinstance(given.value, str) or given.value not in _FORMATS:
        raise refuse("parameter-value", "The format is ndjson or csv.", given.expression)
    return _FORMATS[given.value]
