"""What a `$submit` may send to a payer: nothing that the patient's consents withhold from it (R4 consent.html; docs/security.md).

The member is looked for only where some consent says something at all. Whom nobody knows here has said nothing.
"""

from __future__ import annotations

from operations.pas.intake import Intake
from operations.pas.known_resources import find_known
from operations.payer.directory import Choice
from operations.ports import Context
from profiles.outcome import FhirError, Issue


async def refuse_withheld(given: Intake, choice: Choice, context: Context) -> None:
    """Raises FhirError (403) that names each entry which a consent withholds from the payer."""
    if context.disclosure is None:
        return
    insurer = frozenset({f"Organization/{choice.insurer['id']}"} if choice.insurer is not None else ())
    member = await _member(given, context)
    resources = [held.resource for held in given.request.index.entries]
    withheld = context.disclosure.withheld(member, insurer, resources)
    if withheld:
        text = "The patient's consent does not allow to send this to the payer: leave it out, or ask the patient."
        places = [f"Bundle.entry[{given.request.index.entries[number].place}].resource" for number in withheld]
        raise FhirError([Issue("consent-denied", text, place) for place in places], 403)


async def _member(given: Intake, context: Context) -> str | None:
    """The id of the patient whom the request is about, as we know them."""
    party = given.packet.follow("patient")
    held = next(
        (each for each in given.request.index.entries if party is not None and each.full_url == party.reference), None
    )
    known = await find_known(held, given.request.index, {}, context) if held is not None else None
    return known.reference.split("/")[1] if known is not None and known.reference is not None else None
