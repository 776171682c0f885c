"""`Patient/[id]/$disclosures`, and `AuditEvent/$disclosures?patient=` for auditors, who read no Patient (docs/audit.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from operations.policy.fhir_parameters import Given, boolean, code, group, parameters, read_parameters, text
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from server.audit.definitions import AUDITORS, DISCLOSURES, DISCLOSURES_OF
from server.audit.disclosures import Disclosure, disclosures
from server.audit.export import CONTENT_TYPES, csv_rows
from server.audit.log import AuditLog
from server.audit.period import read_period
from server.repository import microseconds

SIX_YEARS: Final = 2192 * 86_400 * 1_000_000
"""What 45 CFR 164.528(a)(1) lets a person ask for."""

COLUMNS: Final = ("when", "recipient", "recipient_reference", "kind", "purpose", "exempt", "what", "event")
MAY_ASK: Final = frozenset({"administrator", "doctor", "staff", "patient"})

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def disclosures_operations(log: AuditLog) -> tuple[Operation, Operation]:
    async def of_patient(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value, search-too-costly (400)."""
        return await _report(given, context, given.resource_id or "", log)

    async def of_named(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: required-element, parameter-value, search-too-costly (400)."""
        named = read_parameters(given.resource, ("patient", *_NAMES), given.query)
        if "patient" not in named:
            raise refuse("required-element", "Name the patient.", "http.patient")
        value = named["patient"].value
        if not isinstance(value, str) or _ID.match(value) is None:
            raise refuse("parameter-value", "The patient is named by an id.", named["patient"].expression)
        return await _report(given, context, value, log)

    return (
        Operation(DISCLOSURES, of_patient, "r", roles=MAY_ASK, one_patient=True),
        Operation(DISCLOSURES_OF, of_named, "s", roles=AUDITORS),
    )


_NAMES: Final = ("from", "to", "required", "format")


async def _report(given: OperationInput, context: Context, patient: str, log: AuditLog) -> OperationOutput:
    named = read_parameters(given.resource, ("patient", *_NAMES), given.query)
    period = read_period(named)
    if not period.start:
        period = replace(period, start=max(0, microseconds(context.now()) - SIX_YEARS))
    only_required = _is(named, "required", ("true", "false"), "false") == "true"
    as_csv = _is(named, "format", ("json", "csv"), "json") == "csv"
    context.note_entity(f"Patient/{patient}")
    await log.catch_up()
    found = [
        told async for told in disclosures(patient, period, context, json.loads) if not (only_required and told.exempt)
    ]
    headers = {"Cache-Control": "no-store"}
    if as_csv:
        body = csv_rows([COLUMNS, *map(_row, found)])
        return OperationOutput(body, headers=headers, content_type=CONTENT_TYPES["csv"])
    return OperationOutput(parameters(map(_part, found)), headers=headers)


def _is(named: dict[str, Given], name: str, values: tuple[str, ...], usual: str) -> str:
    if name not in named:
        return usual
    value = named[name].value
    value = {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else value
    if not isinstance(value, str) or value not in values:
        raise refuse("parameter-value", f"'{name}' is {' or '.join(values)}.", named[name].expression)
    return value


def _part(told: Disclosure) -> Resource:
    return group(
        "disclosure",
        (
            {"name": "when", "valueInstant": told.when},
            text("recipient", told.recipient),
            {"name": "recipient-reference", "valueReference": {"reference": told.reference}} if told.reference else None,
            text("kind", told.kind),
            code("purpose", told.purpose),
            boolean("exempt", told.exempt),
            *({"name": "what", "valueReference": {"reference": reference}} for reference in told.what),
            {"name": "event", "valueReference": {"reference": f"AuditEvent/{told.event}"}},
        ),
    )


def _row(told: Disclosure) -> tuple[str, ...]:
    exempt = "yes" if told.exempt else "no"
    event = f"AuditEvent/{told.event}"
    return (told.when, told.recipient, told.reference, told.kind, told.purpose, exempt, " ".join(told.what), event)
