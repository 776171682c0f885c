"""Where a decision comes from (R4 provenance.html): one Provenance in the commit that makes a ClaimResponse or a new version of it.

Its sources are the versions of what the request rests on, documents and their notes included, so that a decision can be traced to
what was read then, whatever becomes of it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operations.ports import Context, Write
from profiles import provenance as told
from profiles.json import Resource
from profiles.reading import child, text
from profiles.references import parse_reference

MOST_SOURCES: Final = 100


def first_decision(context: Context, response: Resource, sources: Iterable[str]) -> Write:
    """Of a new ClaimResponse. `sources` are versioned references."""
    entity = [told.source({"reference": source}) for source in list(dict.fromkeys(sources))[:MOST_SOURCES]]
    return _provenance(context, response, 1, "CREATE", entity)


def later_decision(context: Context, response: Resource, before: int) -> Write:
    """Of the version that follows the version `before`."""
    earlier = f"ClaimResponse/{response['id']}/_history/{before}"
    return _provenance(context, response, before + 1, "UPDATE", [told.revision(earlier)])


def _provenance(
    context: Context, response: Resource, version: int, activity: told.Activity, entity: list[Resource]
) -> Write:
    caller = context.caller
    agents = [told.agent("performer", told.caller(caller.fhir_user, caller.subject))]
    insurer = response.get("insurer")
    if insurer:
        agents.append(told.agent("author", insurer))
    target = f"ClaimResponse/{response['id']}/_history/{version}"
    patients = _patients(response)
    return Write(told.provenance(context.new_id(), [target], context.now(), activity, agents, entity, patients))


def _patients(response: Resource) -> list[str]:
    """The patient, where they have a record here."""
    reference = parse_reference(text(child(response, "patient").get("reference")) or "")
    is_here = reference is not None and reference.kind == "relative" and reference.type == "Patient"
    return [reference.id] if is_here and reference is not None and reference.id else []
