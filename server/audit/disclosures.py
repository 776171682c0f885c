"""Who was sent or shown something of a patient's record (45 CFR 164.528), told from the audit trail.

A disclosure is what leaves the practice: a request that was sent to an insurer, a notification, an export, what an insurer's people
or somebody else's app looked at. What the practice's own staff read for their work is a use, and no disclosure. Of each it says
whether the rule asks for it: treatment, payment and operations need not be accounted for, and neither does what the patients
themselves were given; many practices account for them all the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from operations.ports import Context, Records
from profiles.json import Resource
from profiles.references import parse_reference
from server.audit.period import END, Period
from server.repository import instant

SENT: Final = {
    "submit": "sent to an insurer",
    "submit-attachment": "sent to an insurer",
    "inquire": "asked of an insurer",
}
"""Operations that send something of a record to an insurer."""

TAKEN: Final = frozenset({"export", "everything", "export-trail", "docref", "linked"})
"""Operations by which whoever calls them takes something away."""

NOTIFIED: Final = "notify"
"""What a subscriber was told of, who is named as the user (server/subscriptions)."""

_OWN: Final = "https://assent.example/fhir/CodeSystem/"
_OPERATION: Final = f"{_OWN}operation"
_ROLE: Final = f"{_OWN}role"
_EXEMPT: Final = frozenset(
    {"TREAT", "ETREAT", "CAREMGT", "COC", "HPAYMT", "CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM",
     "REMITADV", "HOPERAT", "HACCRED", "HCOMPL", "HQUALIMP", "PATADMIN", "PATSFTY", "PERFMSR", "RECORDMGT", "TRAIN",
     "PATRQT"}
)  # fmt: skip
"""Purposes that 164.528(a)(1) leaves out: treatment, payment, operations, the individual's own request."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """`when` is an instant; `event` the id of the AuditEvent that tells of it. `what` are references."""

    when: str
    recipient: str
    reference: str
    kind: str
    purpose: str
    exempt: bool
    what: tuple[str, ...]
    event: str


async def disclosures(
    patient: str, period: Period, context: Context, loads: Callable[[bytes], Resource]
) -> AsyncIterator[Disclosure]:
    """Newest first. Raises FhirError (search-too-costly) where there are too many events to look at."""
    query: dict[str, str | Sequence[str]] = {"patient": f"Patient/{patient}", "outcome": "0"}
    dates = [f"ge{instant(period.start)}"] if period.start else []
    dates += [f"lt{instant(period.end)}"] if period.end != END else []
    if dates:
        query["date"] = dates
    async for found in context.records.find("AuditEvent", query):
        told = await _told(loads(found.body), patient, context.records)
        if told is not None:
            yield told


async def _told(event: Resource, patient: str, records: Records) -> Disclosure | None:
    """None for what is no disclosure."""
    name = next((item["code"] for item in event["subtype"] if item["system"] == _OPERATION), "")
    user, roles = event["agent"][0], _roles(event)
    what = tuple(
        reference
        for entity in event["entity"]
        if (reference := entity.get("what", {}).get("reference")) is not None and not reference.startswith("Patient/")
    ) or (f"Patient/{patient}",)
    purpose = event["purposeOfEvent"][0]["coding"][0]["code"]
    if name in SENT:
        recipient, reference = await _insurer(what, records)
        kind = SENT[name]
    elif name == NOTIFIED:
        recipient, reference, kind = *_who(user), "notified"
    elif name in TAKEN:
        recipient, reference, kind = *_who(user), "exported"
    elif "payer" in roles:
        recipient, reference, kind = *_who(user), "looked at by an insurer"
    elif "patient" in roles:
        recipient, reference, kind, purpose = *_who(user), "looked at by the patient", "PATRQT"
    elif (app := _app(event)) is not None:
        recipient, reference, kind = app, "", "taken by an app or service"
    else:
        return None
    return Disclosure(event["recorded"], recipient, reference, kind, purpose, purpose in _EXEMPT, what, event["id"])


def _roles(event: Resource) -> set[str]:
    return {
        coding["code"]
        for role in event["agent"][0].get("role", ())
        for coding in role["coding"]
        if coding["system"] == _ROLE
    }


def _who(agent: Resource) -> tuple[str, str]:
    return agent["altId"], agent["who"].get("reference", "")


def _app(event: Resource) -> str | None:
    """A client that acts on its own account: no person stands behind what it asks."""
    subject = event["agent"][0]["altId"]
    clients = [agent["who"]["identifier"]["value"] for agent in event["agent"][1:-1]]
    return subject if subject in clients else None


async def _insurer(what: Sequence[str], records: Records) -> tuple[str, str]:
    """Whom a request went to: its Claim or ClaimResponse names the insurer."""
    for text in what:
        reference = parse_reference(text)
        if reference is None or reference.type not in {"Claim", "ClaimResponse"} or reference.id is None:
            continue
        version = int(reference.version) if reference.version else None
        found = await (
            records.read(reference.type, reference.id)
            if version is None
            else records.read_version(reference.type, reference.id, version)
        )
        insurer = (found or {}).get("insurer", {})
        target = parse_reference(insurer.get("reference", ""))
        if target is not None and target.type == "Organization" and target.id is not None:
            organization = await records.read("Organization", target.id)
            name = (organization or {}).get("name") or insurer.get("display") or f"Organization/{target.id}"
            return name, f"Organization/{target.id}"
        if insurer.get("display"):
            return insurer["display"], ""
    return "an insurer", ""
