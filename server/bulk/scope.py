"""Whose records an export takes: of everybody, of the patients who are named, or of a group's members (R4 group.html).

It is found out once, when the job begins, and kept with it: whoever goes on after a kill exports the same records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError
from profiles.reading import child, objects, text
from profiles.references import parse_reference
from profiles.text import instant_range
from server.bulk.asked import Asked
from server.jobs.step import JobFailedError, Step
from server.rest.exchange import Exchange
from server.search.terms import local_reference

PART: Final = 0
"""The number of the job's part that it is kept in."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`patients`: in order, None for no such limit. `told`: what of the request came to nothing."""

    patients: tuple[str, ...] | None = None
    told: tuple[str, ...] = ()
    members: frozenset[str] = field(init=False, repr=False)
    """The same patients, to look one up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", frozenset(self.patients or ()))


async def settled_scope(step: Step, exchange: Exchange, asked: Asked) -> Scope:
    """Raises JobFailedError when the group is not there any more."""
    kept = await step.result(PART)
    if kept is not None:
        found = json.loads(kept)
        return Scope(None if found["patients"] is None else tuple(found["patients"]), tuple(found["told"]))
    scope = await _found(exchange, asked)
    step.put(PART, json.dumps({"patients": scope.patients, "told": scope.told}))
    return scope


async def _found(exchange: Exchange, asked: Asked) -> Scope:
    told: list[str] = []
    wanted = asked.patients
    if asked.level == "Group":
        members = await _members(exchange, asked, told)
        if wanted is not None and not members.issuperset(wanted):
            told.append("Some of the patients that were named are not members of the group: nothing of theirs is exported.")
        wanted = tuple(sorted(members if wanted is None else members.intersection(wanted)))
    elif wanted is not None:
        known = [patient for patient in wanted if await _is_there(exchange, patient)]
        if len(known) < len(wanted):
            told.append(
                "Some of the patients that were named are not there, or may not be seen: nothing of theirs is exported."
            )
        wanted = tuple(known)
    return Scope(wanted, tuple(told))


async def _is_there(exchange: Exchange, patient: str) -> bool:
    access = exchange.gate.access_if_any("r", "Patient")
    return access is not None and await exchange.repository.read(access, patient) is not None


async def _members(exchange: Exchange, asked: Asked, told: list[str]) -> set[str]:
    """Patients who are active members at the moment of the export; groups in it are not opened."""
    try:
        access = exchange.authorize("r", "Group")
    except FhirError as error:
        raise JobFailedError("The group may not be read any more.") from error
    group = await exchange.repository.read(access, asked.group)
    if group is None or group.deleted:
        raise JobFailedError("The group is not there any more.")
    members: set[str] = set()
    others = False
    for member in objects(group.resource().get("member")):
        reference = text(child(member, "entity").get("reference"))
        parsed = parse_reference(local_reference(reference, exchange.repository.base_url)) if reference else None
        if parsed is None or parsed.type != "Patient" or parsed.id is None:
            others = True
        elif member.get("inactive") is not True and _holds(child(member, "period"), asked.moment):
            members.add(parsed.id)
    if others:
        told.append("The group has members that are no patients: nothing is exported for them.")
    return members


def _holds(period: Resource, moment: int) -> bool:
    start, end = instant_range(period.get("start")), instant_range(period.get("end"))
    return (start is None or start[0] <= moment) and (end is None or moment <= end[1])
