"""`Binary/[id]/$signed-link`: an address under which anybody who has it can fetch this content for a while (ours, docs/documents.md).

For browsers, viewers and people who cannot send a token. Whoever may read the Binary may make a link to it; what the link is good for
is decided by whoever signs it, which is the server.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from operations.definition import Definition, Parameter, needed
from operations.policy.fhir_parameters import Given, read_parameters
from operations.ports import Caller, Context, Operation, OperationInput, OperationOutput
from profiles.json import Resource
from profiles.outcome import refuse

USUAL_SECONDS: Final = 300

LinkSigner = Callable[[str, str, int, datetime, Caller], str]
"""(tenant, id of the Binary, version, when the link ends, who made it) -> the whole address."""

DEFINITION: Final = Definition(
    id="binary-signed-link",
    code="signed-link",
    title="Make a download link that is good for a while",
    text="Answers with an address from which the content of this version can be fetched without a token until the link "
    "ends, and as long as the Binary is not deleted.",
    levels=("instance",),
    on=("Binary",),
    takes=(
        Parameter(
            "lifetime",
            "positiveInt",
            "Seconds for which the link is good; 300 unless said otherwise, bounded by the server.",
        ),
    ),
    gives=(needed("url", "url"), needed("expires", "instant")),
)


def signed_link(sign: LinkSigner, longest: int) -> Operation:
    """`longest` in seconds."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        """Raises `FhirError`: not-found (404), parameter-value and unknown-parameter (400)."""
        named = read_parameters(given.resource, ("lifetime",), given.query)
        seconds = _seconds(named["lifetime"], longest) if "lifetime" in named else min(USUAL_SECONDS, longest)
        binary = await context.records.read("Binary", given.resource_id or "")
        if binary is None:
            raise refuse("not-found", "There is no such Binary.")
        version = int(binary["meta"]["versionId"])
        context.note_entity(f"Binary/{binary['id']}/_history/{version}")
        expires = (context.now() + timedelta(seconds=seconds)).astimezone(UTC).replace(microsecond=0)
        url = sign(context.tenant, binary["id"], version, expires, context.caller)
        answer: Resource = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "url", "valueUrl": url},
                {"name": "expires", "valueInstant": expires.isoformat().replace("+00:00", "Z")},
            ],
        }
        return OperationOutput(answer, headers={"Cache-Control": "no-store"})

    return Operation(DEFINITION, run, "r", discloses=True)


def _seconds(given: Given, longest: int) -> int:
    value = given.value
    if given.kind is None and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    elif not given.is_of("valueInteger", "valueUnsignedInt", "valuePositiveInt"):
        value = None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= longest:
        raise refuse("parameter-value", f"'lifetime' must be a whole number from 1 to {longest}.", given.expression)
    return value
