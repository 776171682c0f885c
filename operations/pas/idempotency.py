"""The same request twice gets the same answer (PAS "Absence of Reliable Messaging"; docs/decisions/0009).

A new request holds a key of who asks whom under which trace number; with other content under the same key it is refused,
unless the earlier answer was an error: then it is the correction that was asked for. Updates may repeat the trace number of
what they update, so that only an update with the same content is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from operations.pas.authorizations import id_of
from operations.pas.identity import RequestIdentity, content_key, request_key
from operations.pas.response_rules import first_response
from operations.ports import Context, UniqueKey
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.pas_names import X12_REJECT_REASON
from profiles.reading import has_code, objects


@dataclass(frozen=True, slots=True)
class Standing:
    """`answer`: the stored Bundle to answer with. Else the keys that the new answer claims, and whom it takes them from."""

    answer: Resource | None = None
    keys: tuple[UniqueKey, ...] = ()
    replaces: dict[UniqueKey, str] = field(default_factory=dict)


async def standing_of(
    identity: RequestIdentity, digest: str, scenario: str | None, context: Context, *, update: bool
) -> Standing:
    """What the store says about a request. Raises `FhirError` (409, pas-duplicate-request) for other content."""
    of_request = request_key(identity, context.pas_version, scenario)
    of_content = content_key(of_request, digest)
    request_holder = await context.records.holder(of_request)
    content_holder = await context.records.holder(of_content)
    if content_holder is not None and (update or content_holder == request_holder):
        answer = await context.records.read("Bundle", id_of(content_holder))
        if answer is not None and not _was_unable(answer):
            return Standing(answer)
    replaces = {of_content: content_holder} if content_holder is not None else {}
    if request_holder is None:
        return Standing(None, (of_request, of_content), replaces)
    if update:
        return Standing(None, (of_content,), replaces)
    earlier = await context.records.read("Bundle", id_of(request_holder))
    if earlier is not None and first_response(earlier).get("outcome") != "error":
        text = (
            "The identifier of this Claim was already used for a request with other content. "
            "Send a Claim Update that names the earlier Claim in `related`, or use a new identifier."
        )
        raise refuse("pas-duplicate-request", text, "Bundle.entry[0].resource.identifier")
    return Standing(None, (of_request, of_content), {**replaces, of_request: request_holder})


def _was_unable(answer: Resource) -> bool:
    """True for "unable to respond at current time" (X12 901, 42): the same request may be tried again."""
    errors = objects(first_response(answer).get("error"))
    return any(has_code(each.get("code"), "42", X12_REJECT_REASON) for each in errors)
