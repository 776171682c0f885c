"""`AuditEvent/$verify`: does the tenant's trail hold together, and where does it not (docs/audit.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from operations.policy.fhir_parameters import Given, boolean, code, group, parameters, read_parameters, text
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles.json import Resource
from profiles.outcome import refuse
from server.audit.definitions import AUDITORS, VERIFY
from server.audit.log import event_id
from server.audit.proof import Proof
from server.audit.verify import Break, Scope, Verification, Witness
from server.repository import instant
from server.seal.keyring import Tenant

_HEAD: Final = re.compile(r"(\d{1,15}):[0-9a-f]{0,32}\Z")
_SCOPES: Final[dict[str, Scope]] = {"all": "all", "recent": "recent"}


def verify(proof: Proof, tenant_of: Callable[[str], Tenant]) -> Operation:
    async def run(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: parameter-value (400)."""
        named = read_parameters(given.resource, ("scope", "witness", "checkpoints"), given.query)
        witness = read_witness(named["witness"]) if "witness" in named else None
        scope = _scope(named["scope"]) if "scope" in named else "all"
        tenant = tenant_of(context.tenant)
        verification = await proof.verification(tenant, witness)
        if witness is not None and (scope != "all" or witness.records < verification.start.records):
            raise refuse(
                "parameter-value", "What lies before the beginning of the trail cannot be compared.", "http.witness"
            )
        first, links = await look_through(verification, scope)
        answer = _answer(verification, tenant, first, links)
        if "checkpoints" in named and _flag(named["checkpoints"]):
            answer["parameter"] += [{"name": "checkpoint", "valueString": text_} for text_ in verification.signed]
        return OperationOutput(answer, headers={"Cache-Control": "no-store"})

    return Operation(VERIFY, run, "s", roles=AUDITORS)


async def look_through(verification: Verification, scope: Scope) -> tuple[Break | None, int]:
    """The first broken link, and how many there are."""
    first, links = None, 0
    async for found in verification.breaks(scope):
        first, links = first or found, links + 1
    return first, links


def read_witness(given: Given) -> Witness:
    match = _HEAD.match(given.value) if isinstance(given.value, str) and given.is_of("valueString") else None
    if match is None:
        raise refuse("parameter-value", "A witness is the head that an earlier answer gave.", given.expression)
    return Witness(int(match[1]), match[0])


def _scope(given: Given) -> Scope:
    if not isinstance(given.value, str) or given.value not in _SCOPES:
        raise refuse("parameter-value", "The scope is all or recent.", given.expression)
    return _SCOPES[given.value]


def _flag(given: Given) -> bool:
    if given.value not in (True, False, "true", "false"):
        raise refuse("parameter-value", "This is true or false.", given.expression)
    return given.value in (True, "true")


def _answer(verification: Verification, tenant: Tenant, first: Break | None, links: int) -> Resource:
    parts = [boolean("result", first is None), _count("records", verification.place.records)]
    parts.append({"name": "head", "valueString": verification.place.head})
    if verification.pruned:
        parts.append(_count("pruned", verification.pruned))
    if first is not None:
        parts.append(_broken(first, tenant, links))
    return parameters(parts)


def _broken(first: Break, tenant: Tenant, links: int) -> Resource:
    return group(
        "broken",
        (
            code("kind", first.kind),
            _count("position", first.position),
            text("message", first.sentence),
            _event("after", tenant, first.after),
            {"name": "after-time", "valueInstant": instant(first.at)} if first.at else None,
            _event("before", tenant, first.before),
            _count("links", links),
        ),
    )


def _event(name: Literal["after", "before"], tenant: Tenant, row: int | None) -> Resource | None:
    return None if row is None else {"name": name, "valueReference": {"reference": f"AuditEvent/{event_id(tenant, row)}"}}


def _count(name: str, value: int) -> Resource:
    return {"name": name, "valueDecimal": value}
