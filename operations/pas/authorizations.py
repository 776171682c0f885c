"""Authorizations as we keep them: a ClaimResponse, the response Bundle that carried it, and what replaced it.

A ClaimResponse that an update replaced has status `cancelled` and points at its successor; an old number leads, by that
chain, to the authorization that is in force (PAS spec-47, -48).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operations.pas.answers import ItemAnswer, review_action, sequence_of
from operations.pas.notes import unnamed
from operations.pas.response import as_sent
from operations.ports import Context
from profiles.json import Resource
from profiles.pas_names import (
    ASSENT_SD,
    PENDED,
    REQUEST_BUNDLE_LINK,
    RESPONSE_BUNDLE_LINK,
    SUBMITTER,
    SUPERSEDED_BY,
    SUPERSEDES,
)
from profiles.reading import child, extension, extensions, objects, text, whole

SUBMITTED_AS: Final = ASSENT_SD + "pas-submitted-as"
"""Which stored resource stands for which fullUrl of the request."""

LONGEST_CHAIN: Final = 200


@dataclass(frozen=True, slots=True)
class Authorization:
    """`response` is the stored ClaimResponse; `bundle` the stored response Bundle, of which `sent` is what went out."""

    response: Resource
    bundle: Resource

    @property
    def id(self) -> str:
        return str(self.response["id"])

    @property
    def version(self) -> int:
        return version_of(self.response)

    @property
    def sent(self) -> Resource:
        return as_sent(self.bundle)

    @property
    def sent_response(self) -> Resource:
        """The ClaimResponse as it was sent, with the request's addresses."""
        return child(objects(self.bundle.get("entry"))[0], "resource")

    @property
    def response_url(self) -> str:
        return str(objects(self.bundle.get("entry"))[0]["fullUrl"])

    @property
    def base_url(self) -> str:
        return self.response_url.rpartition("/ClaimResponse/")[0]

    @property
    def is_error(self) -> bool:
        return self.response.get("outcome") == "error"

    @property
    def request_bundle(self) -> str:
        return linked(self.response, REQUEST_BUNDLE_LINK) or ""

    @property
    def claim(self) -> str | None:
        """`Claim/id` of the request."""
        found = text(child(self.response, "request").get("reference"))
        return found.partition("/_history/")[0] if found is not None else None

    @property
    def superseded_by(self) -> str | None:
        return linked(self.response, SUPERSEDED_BY)

    @property
    def submitter(self) -> str | None:
        return text(extension(self.response, SUBMITTER).get("valueString"))

    def local(self) -> dict[str, str]:
        """Stored references (without version) by the request's fullUrls."""
        found: dict[str, str] = {}
        for each in extensions(self.response, SUBMITTED_AS):
            url = text(extension(each, "fullUrl").get("valueUri"))
            stored = linked(each, "stored")
            if url is not None and stored is not None:
                found[url] = stored
        return found

    def answers(self) -> tuple[ItemAnswer, ...]:
        """The answers as sent, each item with its addItem and the sentences that belong to it, in their order."""
        response = self.sent_response
        added = {sequence_of(each, added=True): each for each in objects(response.get("addItem"))}
        items = objects(response.get("item"))
        several = len({sequence_of(each) for each in items} | set(added))
        notes = {
            whole(note.get("number")): unnamed(said, several)
            for note in objects(response.get("processNote"))
            if (said := text(note.get("text"))) is not None
        }
        found = []
        for item in items:
            sequence = sequence_of(item) or 0
            found.append(_answer(sequence, item, added.pop(sequence, None), notes))
        found += [_answer(sequence or 0, None, each, notes) for sequence, each in added.items()]
        return tuple(found)

    def general_notes(self) -> tuple[str, ...]:
        """The sentences of the sent answer that belong to no item."""
        response = self.sent_response
        holders = [*objects(response.get("item")), *objects(response.get("addItem"))]
        used = {number for each in holders for number in each.get("noteNumber", ()) if whole(number) is not None}
        notes = objects(response.get("processNote"))
        return tuple(str(note["text"]) for note in notes if note.get("number") not in used and text(note.get("text")))

    @property
    def is_pended(self) -> bool:
        return any(review_action(each) == PENDED for each in objects(self.response.get("item")))


def _answer(sequence: int, item: Resource | None, added: Resource | None, notes: Mapping[int | None, str]) -> ItemAnswer:
    numbers = (item if item is not None else added or {}).get("noteNumber", ())
    sentences = tuple(note for number in numbers if (note := notes.get(number)) is not None)
    return ItemAnswer(sequence, _plain(item), sentences, _plain(added))


def _plain(element: Resource | None) -> Resource | None:
    if element is None:
        return None
    return {name: value for name, value in element.items() if name != "noteNumber"}


async def read_authorization(context: Context, id: str) -> Authorization | None:
    """A stored authorization, superseded or not."""
    response = await context.records.read("ClaimResponse", id)
    if response is None:
        return None
    bundle_reference = linked(response, RESPONSE_BUNDLE_LINK)
    if bundle_reference is None:
        return None
    bundle = await context.records.read("Bundle", id_of(bundle_reference))
    return Authorization(response, bundle) if bundle is not None else None


async def current(context: Context, authorization: Authorization) -> Authorization:
    """The authorization that is in force in place of this one: itself, or the end of the chain of updates."""
    for _ in range(LONGEST_CHAIN):
        successor = authorization.superseded_by
        following = await read_authorization(context, id_of(successor)) if successor is not None else None
        if following is None:
            return authorization
        authorization = following
    return authorization


def memory(
    request_bundle: str, response_bundle: str, submitter: str, local: Mapping[str, str], supersedes: str | None
) -> list[Resource]:
    """What a stored ClaimResponse remembers beside what was sent."""
    remembered: list[Resource] = [
        {"url": REQUEST_BUNDLE_LINK, "valueReference": {"reference": request_bundle}},
        {"url": RESPONSE_BUNDLE_LINK, "valueReference": {"reference": response_bundle}},
        {"url": SUBMITTER, "valueString": submitter},
    ]
    if supersedes is not None:
        remembered.append({"url": SUPERSEDES, "valueReference": {"reference": supersedes}})
    remembered += [
        {
            "url": SUBMITTED_AS,
            "extension": [
                {"url": "fullUrl", "valueUri": url},
                {"url": "stored", "valueReference": {"reference": reference}},
            ],
        }
        for url, reference in local.items()
    ]
    return remembered


def remembered(response: Resource) -> list[Resource]:
    """Our own extensions on a stored ClaimResponse."""
    return [each for each in objects(response.get("extension")) if str(each.get("url", "")).startswith(ASSENT_SD)]


def superseded(response: Resource, successor: str) -> Resource:
    """The stored ClaimResponse once an update has replaced it."""
    link = {"url": SUPERSEDED_BY, "valueReference": {"reference": successor}}
    return {**response, "status": "cancelled", "extension": [*objects(response.get("extension")), link]}


def linked(resource: Resource, url: str) -> str | None:
    """The reference in one of our extensions."""
    return text(child(extension(resource, url), "valueReference").get("reference"))


def id_of(reference: str) -> str:
    parts = reference.split("/")
    return parts[1] if len(parts) > 1 else ""


def version_of(resource: Resource) -> int:
    version = child(resource, "meta").get("versionId")
    return int(version) if isinstance(version, str) and version.isdigit() else 1
