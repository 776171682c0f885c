"""What a notification of a payer's answer is about (PAS 2.2.1 spec-58, -60, -61): whose request it was, and what is sent."""

from __future__ import annotations

from collections.abc import Sequence

from operations.pas.authorizations import id_of, linked
from operations.pas.response import as_sent
from profiles.json import Resource
from profiles.pas_names import RESPONSE_BUNDLE_LINK, SUBMITTER, TRANSMISSION_IDENTIFIERS
from profiles.reading import child, extension, identifiers, objects, text


def response_bundle_id(response: Resource) -> str | None:
    """The id of the stored Bundle in which a stored ClaimResponse went out."""
    reference = linked(response, RESPONSE_BUNDLE_LINK)
    return id_of(reference) if reference is not None else None


def sent_by(response: Resource) -> str | None:
    """Who sent the request (operations/pas/recording.py, `submitter`)."""
    return text(extension(response, SUBMITTER).get("valueString"))


def sender_identifiers(bundle: Resource) -> frozenset[str]:
    """What the organization that sent the request is known by: its id of X12 transmission, and the requestor's identifiers."""
    entries = objects(bundle.get("entry"))
    response = child(entries[0], "resource") if entries else {}
    transmission = extension(response, TRANSMISSION_IDENTIFIERS)
    receiver = text(extension(transmission, "interchangeReceiverID").get("valueString"))
    requestor = child(response, "requestor")
    found = {receiver} if receiver is not None else set()
    found |= {coded for each in objects(requestor.get("identifier")) if (coded := text(each.get("value"))) is not None}
    party = _named(entries, requestor)
    found |= {each.code for each in identifiers(party)}
    found |= {each.code for each in identifiers(_named(entries, child(party, "organization")))}
    return frozenset(found)


def _named(entries: Sequence[Resource], reference: Resource) -> Resource:
    """The resource of the Bundle that a reference names; an empty one where there is none."""
    literal = text(reference.get("reference"))
    if literal is None:
        return {}
    for entry in entries:
        url = str(entry.get("fullUrl", ""))
        if url == literal or url.endswith(f"/{literal}"):
            return child(entry, "resource")
    return {}


def sent_bundle(bundle: Resource) -> Resource:
    """The stored answer as it goes out."""
    return as_sent(bundle)
