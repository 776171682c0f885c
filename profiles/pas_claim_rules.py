"""Rules of the PAS Claim (2.2.1 profile-claim-base, profile-claim, profile-claim-update, profile-claim-inquiry).

What the profile demands but older or simpler senders leave out, and what we can do without, is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles.bundle_index import BundleIndex, Held
from profiles.json import Resource
from profiles.outcome import Issue
from profiles.pas_names import (
    CANCEL_TYPE,
    CARE_TEAM_SCOPE,
    CERTIFICATION_TYPE,
    DOCUMENT_INFORMATION,
    LEVEL_OF_SERVICE,
    PAS_TEMP,
    RELATED_CLAIM,
    REQUEST_TYPE,
)
from profiles.pas_sequences import sequence_issues
from profiles.reading import child, extension, has_code, identifier, numbered, objects, text

_TARGETS: Final = {
    "patient": ("Patient",),
    "insurer": ("Organization",),
    "provider": ("Organization", "PractitionerRole", "Practitioner"),
}
_IMMEDIATE_APPEAL: Final = "1"


def claim_issues(index: BundleIndex, prior: Held | None, *, inquiry: bool = False) -> Iterator[Issue]:
    """The faults of the submitted Claim, and of other Claims beside it."""
    claim = index.entries[0].resource
    root = "Bundle.entry[0].resource"
    yield from _header_issues(claim, root)
    yield from _party_issues(index, root, inquiry=inquiry)
    yield from _related_issues(claim, root)
    yield from _other_claims(index, prior)
    if not inquiry:
        if not objects(claim.get("item")) and not is_whole_cancel(claim):
            yield Issue("pas-element-missing", "A request needs at least one item.", f"{root}.item")
        yield from _insurance_issues(claim, root)
        yield from sequence_issues(claim, root)
        yield from _item_issues(claim, root)
        yield from _information_issues(claim, root)


def is_whole_cancel(claim: Resource) -> bool:
    """True for a Claim that cancels the whole prior request: certification type 3 on the Claim itself."""
    return has_code(extension(claim, CERTIFICATION_TYPE).get("valueCodeableConcept"), CANCEL_TYPE)


def _header_issues(claim: Resource, root: str) -> Iterator[Issue]:
    if claim.get("use") != "preauthorization":
        yield Issue("pas-use", "A PAS Claim has use `preauthorization`.", f"{root}.use")
    if claim.get("status") != "active":
        yield Issue("pas-status", "A PAS Claim has status `active`, also when it cancels a request.", f"{root}.status")
    found = claim.get("identifier")
    if not isinstance(found, list) or not found:
        yield Issue("pas-element-missing", "A PAS Claim needs an identifier, its trace number.", f"{root}.identifier")
        return
    for place, each in enumerate(found):
        read = identifier(each)
        for name, value in (("system", read and read.system), ("value", read)):
            if not value:
                at = f"{root}.identifier[{place}].{name}"
                yield Issue("pas-element-missing", f"The trace number needs a {name}.", at)


def _party_issues(index: BundleIndex, root: str, *, inquiry: bool) -> Iterator[Issue]:
    claim = index.entries[0]
    for name, types in _TARGETS.items():
        literal = text(child(claim.resource, name).get("reference"))
        if literal is None:
            code = "pas-element-missing" if name == "insurer" else "required-element"
            if inquiry and name == "patient":
                code = "pas-patient-missing"
            yield Issue(code, f"The Claim must refer to its {name} in the Bundle.", f"{root}.{name}")
            continue
        target = index.resolve(literal, claim)
        if target is None:
            if inquiry:
                code = "pas-patient-missing" if name == "patient" else "pas-reference-unresolved"
                yield Issue(code, f"The {name} must be in the Bundle.", f"{root}.{name}.reference")
        elif target.resource.get("resourceType") not in types:
            yield Issue("pas-profile", f"The {name} must be a {' or '.join(types)}.", f"{root}.{name}.reference")


def _related_issues(claim: Resource, root: str) -> Iterator[Issue]:
    related = claim.get("related")
    if related is None:
        return
    found = objects(related)
    if len(found) != 1:
        yield Issue("pas-related", "An update names exactly one prior Claim.", f"{root}.related")
    for place, each in enumerate(found):
        at = f"{root}.related[{place}]"
        if not has_code(each.get("relationship"), "prior", RELATED_CLAIM):
            yield Issue("pas-related", "The relationship to the prior Claim must be `prior`.", f"{at}.relationship")
        claimed = child(each, "claim")
        if text(claimed.get("reference")) is None and identifier(claimed.get("identifier")) is None:
            yield Issue("pas-related", "The prior Claim must be referred to.", f"{at}.claim")


def _other_claims(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    for held in index.entries[1:]:
        if held.resource.get("resourceType") == "Claim" and (prior is None or held.place != prior.place):
            text = "Beside the submitted Claim, the Bundle may hold only the prior Claim that it updates."
            yield Issue("pas-claims", text, f"Bundle.entry[{held.place}].resource")


def _insurance_issues(claim: Resource, root: str) -> Iterator[Issue]:
    insurance = objects(claim.get("insurance"))
    if insurance and not any(each.get("focal") is True for each in insurance):
        text = "One insurance must be focal: the coverage under which authorization is asked for."
        yield Issue("pas-insurance", text, f"{root}.insurance")


def _item_issues(claim: Resource, root: str) -> Iterator[Issue]:
    urgent = bool(extension(claim, LEVEL_OF_SERVICE))
    for place, item in numbered(claim.get("item")):
        at = f"{root}.item[{place}]"
        certification = extension(item, CERTIFICATION_TYPE).get("valueCodeableConcept")
        if has_code(certification, _IMMEDIATE_APPEAL) and not urgent and not extension(item, LEVEL_OF_SERVICE):
            text = "An immediate appeal needs the level of service code on the Claim."
            yield Issue("pas-level-of-service", text, f"{at}.extension")
        wanted = (
            ("a request type", extension(item, REQUEST_TYPE)),
            ("a certification type", extension(item, CERTIFICATION_TYPE)),
            ("a service category", item.get("category")),
            ("a coded location", item.get("locationCodeableConcept")),
        )
        for what, found in wanted:
            if not found:
                yield Issue("pas-profile", f"The PAS profile wants {what} on every item.", at, "warning")
    for place, member in numbered(claim.get("careTeam")):
        if not extension(member, CARE_TEAM_SCOPE):
            text = "The PAS profile wants the scope (whole claim or item) of every care team member."
            yield Issue("pas-profile", text, f"{root}.careTeam[{place}]", "warning")


def _information_issues(claim: Resource, root: str) -> Iterator[Issue]:
    for place, info in numbered(claim.get("supportingInfo")):
        at = f"{root}.supportingInfo[{place}]"
        category = info.get("category")
        if has_code(category, "additionalInformation", PAS_TEMP):
            if not isinstance(info.get("valueReference"), dict):
                text = "Additional information is carried by valueReference."
                yield Issue("pas-supporting-info", text, f"{at}.value", "warning")
            if not extension(info, DOCUMENT_INFORMATION):
                text = "The PAS profile wants documentInformation on additional information."
                yield Issue("pas-supporting-info", text, at, "warning")
        elif has_code(category, "freeFormMessage", PAS_TEMP) and not isinstance(info.get("valueString"), str):
            yield Issue("pas-supporting-info", "A free form message is carried by valueString.", f"{at}.value", "warning")
        elif has_code(category, "dischargeDates", PAS_TEMP) and "timingPeriod" in info:
            yield Issue("pas-supporting-info", "A discharge has a date, not a period.", f"{at}.timing", "warning")
