"""Where a decision comes from (R4 provenance.html): one Provenance in the commit that makes a ClaimResponse or a new version of it.

Its sources are the versions of what the request rests on, documents and their notes included, so that a decision can be traced to
what was read then, whatever becomes of it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Final, Literal

from operations.ports import Context, Write
from profiles.json import Resource

MOST_SOURCES: Final = 100

_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def first_decision(context: Context, response: Resource, sources: Iterable[str]) -> Write:
    """Of a new ClaimResponse. `sources` are versioned references."""
    entity = [{"role": "source", "what": {"reference": source}} for source in list(dict.fromkeys(sources))[:MOST_SOURCES]]
    return _provenance(context, response, 1, "CREATE", entity)


def later_decision(context: Context, response: Resource, before: int) -> Write:
    """Of the version that follows the version `before`."""
    earlier = f"ClaimResponse/{response['id']}/_history/{before}"
    return _provenance(context, response, before + 1, "UPDATE", [{"role": "revision", "what": {"reference": earlier}}])


def _provenance(
    context: Context, response: Resource, version: int, activity: Literal["CREATE", "UPDATE"], entity: list[Resource]
) -> Write:
    caller = context.caller
    who: Resource = {"reference": caller.fhir_user} if caller.fhir_user else {"display": caller.subject}
    agents = [{"type": _concept(_AGENT, "performer"), "who": who}]
    insurer = response.get("insurer")
    if insurer:
        agents.append({"type": _concept(_AGENT, "author"), "who": insurer})
    made: Resource = {
        "resourceType": "Provenance",
        "id": context.new_id(),
        "target": [{"reference": f"ClaimResponse/{response['id']}/_history/{version}"}],
        "recorded": context.now().astimezone(UTC).isoformat(timespec="milliseconds"),
        "activity": _concept(_OPERATION, activity),
        "agent": agents,
    }
    return Write({**made, "entity": entity} if entity else made)


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}
