"""The lines of a staged file from a place on, and what each brings: a resource that may be stored, or why it may not."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from profiles import json
from profiles.base_validation import validate_resource
from profiles.json import JsonError, Resource
from profiles.outcome import Issue
from server.bulk.files import File, read_file
from server.jobs.step import Step
from server.rest.exchange import is_id

_MARK: Final = codecs.BOM_UTF8
"""What some programs put before the first line."""


@dataclass(frozen=True, slots=True)
class Line:
    """Its number, from 1; where it ends, in bytes of the file; and what it holds, None for an empty one."""

    number: int
    end: int
    found: Resource | tuple[Issue, ...] | None


async def lines_of(step: Step, file: File, type_: str, start: int, number: int) -> AsyncIterator[Line]:
    """From the byte `start` on, behind the line `number`. Raises DamagedRecordError, StoreUnavailableError."""
    largest = step.services.settings.max_body
    rest, too_long, base = bytearray(), False, start
    async for piece in read_file(step.services.store.jobs, step.tenant, step.job.id, file, start, file.size):
        rest += piece
        begin = 0
        while (at := rest.find(b"\n", begin)) >= 0:
            number += 1
            is_large = too_long or at - begin > largest
            line = bytes(rest[begin:at]).removeprefix(_MARK if number == 1 else b"")
            yield Line(number, base + at + 1, _large(largest) if is_large else brought(line, type_))
            begin, too_long = at + 1, False
        del rest[:begin]
        base += begin
        if len(rest) > largest:  # what is left of it is passed over
            base += len(rest)
            too_long = True
            rest.clear()


def _large(largest: int) -> tuple[Issue, ...]:
    return (Issue("body-too-large", f"A line may have at most {largest} bytes (ASSENT_MAX_BODY)."),)


def brought(line: bytes, type_: str) -> Resource | tuple[Issue, ...] | None:
    """What a line holds: a resource of the type, or every fault that was found."""
    if not line.strip():
        return None
    try:
        resource = json.loads(line)
    except JsonError as error:
        return (Issue("body-not-json", str(error)),)
    if not isinstance(resource, dict):
        return (Issue("structure", "A line is a JSON object."),)
    if json.repeats_a_name(line, resource):
        return (Issue("structure", "An object has two members of the same name."),)
    if resource.get("resourceType") != type_:
        return (
            Issue("id-mismatch", f"The file is said to hold {type_}, and the line holds something else.", "resourceType"),
        )
    faults = tuple(issue for issue in validate_resource(resource) if issue.severity in {"error", "fatal"})
    if faults:
        return faults
    if not is_id(resource.get("id", "")):
        return (Issue("id-format", "The resource needs an id: it keeps the one that it has.", f"{type_}.id"),)
    return resource
