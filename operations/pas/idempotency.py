"""The same request twice gets the same answer (PAS "Absence of Reliable Messaging"; docs/decisions/0009).

A new request holds a key of who asks whom under which trace number; with other content under the same key it is refused,
unless the earlier answer was an error: then it is the correction that was asked for. Updates may repeat the trace number of
what they update, so that only an update with the same content is the same.

A key that is held tells that an answer was given, whoever asks: an answer that cannot be read, since it was deleted or is
hidden from the caller, is no leave to decide once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from operations.pas.authorizations import Authorization, current, id_of, read_authorization
from operations.pas.identity import RequestIdentity, content_key, request_key
from operations.pas.response_rules import first_response
from operations.pas.updates import is_wholly_cancelled
from operations.ports import Context, UniqueKey
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.pas_names import X12_REJECT_REASON
from profiles.reading import has_code, objects, text

_IDENTIFIER: Final = "Bundle.entry[0].resource.identifier"


@dataclass(frozen=True, slots=True)
class Standing:
    """`answer`: the stored Bundle to answer with. Else the keys that the new answer claims, and whom it takes them from."""

    answer: Resource | None = None
    keys: tuple[UniqueKey, ...] = ()
    replaces: dict[UniqueKey, str] = field(default_factory=dict)


async def standing_of(
    identity: RequestIdentity, digest: str, scenario: str | None, context: Context, *, update: bool
) -> Standing:
    """What the store says about a request.

    Raises `FhirError` (409, pas-duplicate-request) for other content, and where the earlier answer cannot be read.
    """
    of_request = request_key(identity, context.pas_version, scenario)
    of_content = content_key(of_request, digest)
    request_holder = await context.records.holder(of_request)
    content_holder = await context.records.holder(of_content)
    replaces: dict[UniqueKey, str] = {}
    if content_holder is not None:
        answer = await _given(content_holder, context)
        if not _is_error(answer) or ((content_holder == request_holder or update) and not _was_unable(answer)):
            return Standing(await _where_things_stand(answer, context))
        replaces[of_content] = content_holder
    if request_holder is None:
        return Standing(None, (of_request, of_content), replaces)
    if update:
        return Standing(None, (of_content,), replaces)
    if not _is_error(await _given(request_holder, context)):
        sentence = (
            "The identifier of this Claim was already used for a request with other content. "
            "Send a Claim Update that names the earlier Claim in `related`, or use a new identifier."
        )
        raise refuse("pas-duplicate-request", sentence, _IDENTIFIER)
    return Standing(None, (of_request, of_content), {**replaces, of_request: request_holder})


async def _given(holder: str, context: Context) -> Resource:
    """The response Bundle that holds a key. Raises `FhirError` (409) where there is none to be read."""
    answer = await context.records.read("Bundle", id_of(holder))
    if answer is None:
        raise _unreadable()
    return answer


async def _where_things_stand(answer: Resource, context: Context) -> Resource:
    """The answer that was given; its successor where the whole was cancelled since, or where this one is never decided."""
    response = first_response(answer)
    if _is_error(answer):
        return answer
    given = await read_authorization(context, text(response.get("id")) or "")
    if given is None:
        if Authorization(response, answer).is_pended:
            raise _unreadable()
        return answer
    if given.superseded_by is None:
        return answer
    in_force = await current(context, given)
    if in_force.superseded_by is not None:
        raise _unreadable()
    return in_force.bundle if given.is_pended or is_wholly_cancelled(in_force) else answer


def _unreadable() -> FhirError:
    sentence = (
        "This request was answered before, and the answer was deleted or is not for this caller to see; it is not decided "
        "a second time. Use a new identifier for a new request."
    )
    return refuse("pas-duplicate-request", sentence, _IDENTIFIER)


def _is_error(answer: Resource) -> bool:
    return first_response(answer).get("outcome") == "error"


def _was_unable(answer: Resource) -> bool:
    """True for "unable to respond at current time" (X12 901, 42): the same request may be tried again."""
    errors = objects(first_response(answer).get("error"))
    return any(has_code(each.get("code"), "42", X12_REJECT_REASON) for each in errors)
