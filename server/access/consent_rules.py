"""A patient's Consent (R4 consent.html) as rules: what it permits and denies, to whom, for what, of which data, and when.

What is read is enforced exactly; an active Consent that says anything else is refused, and never followed in part (docs/security.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from profiles.json import Json, Resource
from profiles.outcome import FhirError, Issue
from profiles.reading import Coded, codings, numbered
from profiles.references import parse_reference
from profiles.structure import resource_types
from profiles.text import period_range
from server.access.purposes import SYSTEM as PURPOSES
from server.audit.purposes import CODES
from server.reach import personal_types
from server.search.terms import local_reference

SCOPES: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY: Final = (SCOPES, "patient-privacy")
ACTIONS: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
CLASSES: Final = "http://hl7.org/fhir/resource-types"
POLICIES: Final = ("http://terminology.hl7.org/CodeSystem/v3-ActCode",)
EXEMPT: Final = frozenset({"AuditEvent", "Consent"})
"""Types that no consent hides: what was done, and what patients have said of it."""

_BASES: Final = {"OPTIN": True, "OPTOUT": False}
_ROLES: Final = frozenset({"IRCP", "PRCP"})
"""v3-ParticipationType: those who get to know."""
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ACTORS: Final = frozenset({"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"})
_ELEMENTS: Final = frozenset(
    {"id", "extension", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data", "provision"}
)  # fmt: skip
_DONE: Final = frozenset({"access", "disclose"})
MAX_RULES: Final = 200
"""Provisions of one Consent."""
MAX_DEPTH: Final = 8

Span = tuple[int | None, int | None]
"""First and last microsecond; None for an open end."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One provision. What is empty matches everything; `permits` is None where nothing is said but by the exceptions."""

    permits: bool | None
    period: Span | None = None
    actors: frozenset[str] = frozenset()
    """References without version, local where they are ours."""
    actions: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    codes: frozenset[Coded] = frozenset()
    labels: frozenset[Coded] = frozenset()
    data_period: Span | None = None
    data: frozenset[str] = frozenset()
    exceptions: tuple[Rule, ...] = ()

    def every(self) -> Iterator[Rule]:
        yield self
        for rule in self.exceptions:
            yield from rule.every()


@dataclass(frozen=True, slots=True)
class Rules:
    """What one Consent says of its patient's record."""

    patient: str
    root: Rule


def rules_of(consent: Resource, base_url: str) -> Rules | None:
    """None for one that is not active, or not about privacy. Raises FhirError (422) for what cannot be enforced as it stands."""
    if consent.get("status") != "active":
        return None
    reader = _Reader(base_url)
    found = reader.read(consent)
    if reader.issues:
        raise FhirError(reader.issues, 422)
    return found


class _Reader:
    """Reads one Consent and collects what cannot be enforced."""

    def __init__(self, base_url: str) -> None:
        self.issues: list[Issue] = []
        self._base_url = base_url
        self._rules = 0

    def read(self, consent: Resource) -> Rules | None:
        if not any((coded.system, coded.code) == PRIVACY for coded in codings(consent.get("scope"))):
            if "provision" in consent:
                self._refuse("Consent.scope", "Provisions are enforced for the scope patient-privacy only.")
            return None
        if "modifierExtension" in consent:
            self._refuse("Consent.modifierExtension", "A modifier extension might say the opposite of what is enforced.")
        patient = self._local(consent.get("patient"))
        if patient is None or not patient.startswith("Patient/"):
            self._refuse("Consent.patient", "An active Consent names the patient by a reference to this server.")
            patient = "Patient/"
        codes = {coded.code for coded in codings(consent.get("policyRule")) if coded.system in POLICIES}
        base = next((permits for code, permits in _BASES.items() if code in codes), None)
        provision = consent.get("provision")
        if not isinstance(provision, dict) and base is None:
            text = "An active Consent says what it permits or denies: by provisions, or by the policy OPTIN or OPTOUT."
            self._refuse("Consent.provision", text)
            return None
        root = self._rule(provision if isinstance(provision, dict) else {}, "Consent.provision", base, 1)
        return Rules(patient.removeprefix("Patient/"), root)

    def _rule(self, provision: Resource, place: str, base: bool | None, depth: int) -> Rule:
        self._rules += 1
        if depth > MAX_DEPTH or self._rules > MAX_RULES:
            self._refuse(place, f"A Consent has at most {MAX_RULES} provisions, nested at most {MAX_DEPTH} deep.")
            return Rule(False)
        for name in provision.keys() - _ELEMENTS:
            self._refuse(f"{place}.{name}" if name.isalpha() else place, "This element of a provision is not enforced.")
        type_ = provision.get("type")
        permits = {"permit": True, "deny": False}.get(type_, base) if isinstance(type_, str) else base
        if permits is None and depth > 1:
            self._refuse(f"{place}.type", "A nested provision permits or denies.")
        exceptions = [
            self._rule(nested, f"{place}.provision[{number}]", None, depth + 1)
            for number, nested in numbered(provision.get("provision"))
        ]
        if permits is None and depth == 1 and not exceptions:
            self._refuse(f"{place}.type", "The provision permits or denies, or has provisions of its own that do.")
        return Rule(
            permits,
            self._span(provision, "period", place),
            frozenset(self._actors(provision, place)),
            frozenset(self._actions(provision, place)),
            frozenset(self._purposes(provision, place)),
            frozenset(self._classes(provision, place)),
            frozenset(self._codes(provision, place)),
            frozenset(self._labels(provision, place)),
            self._span(provision, "dataPeriod", place),
            frozenset(self._data(provision, place)),
            tuple(exceptions),
        )

    def _actors(self, provision: Resource, place: str) -> Iterator[str]:
        for number, actor in numbered(provision.get("actor")):
            at = f"{place}.actor[{number}]"
            roles = {coded.code for coded in codings(actor.get("role")) if coded.system == _PARTICIPATION}
            if roles.isdisjoint(_ROLES):
                self._refuse(f"{at}.role", "An actor is who gets to know: role IRCP or PRCP of v3-ParticipationType.")
            reference = self._local(actor.get("reference"))
            if reference is None or reference.partition("/")[0] not in _ACTORS:
                self._refuse(
                    f"{at}.reference", f"An actor is a reference to this server, to one of: {', '.join(sorted(_ACTORS))}."
                )
            else:
                yield reference

    def _actions(self, provision: Resource, place: str) -> Iterator[str]:
        for number, concept in numbered(provision.get("action")):
            found = {coded.code for coded in codings(concept) if coded.system == ACTIONS} & _DONE
            if not found:
                self._refuse(
                    f"{place}.action[{number}]", "The actions that are enforced are access and disclose (consentaction)."
                )
            yield from found

    def _purposes(self, provision: Resource, place: str) -> Iterator[str]:
        for number, coding in numbered(provision.get("purpose")):
            code = coding.get("code")
            if coding.get("system") != PURPOSES or not isinstance(code, str) or code not in CODES:
                self._refuse(f"{place}.purpose[{number}]", "A purpose is a code of HL7's PurposeOfUse (v3-ActReason).")
            else:
                yield code

    def _classes(self, provision: Resource, place: str) -> Iterator[str]:
        for number, coding in numbered(provision.get("class")):
            code = coding.get("code")
            known = isinstance(code, str) and code in resource_types() and code in personal_types() and code not in EXEMPT
            if coding.get("system") != CLASSES or not known or not isinstance(code, str):
                text = "A class is a resource type that can be part of a patient's record, but for AuditEvent and Consent."
                self._refuse(f"{place}.class[{number}]", text)
            else:
                yield code

    def _codes(self, provision: Resource, place: str) -> Iterator[Coded]:
        for number, concept in numbered(provision.get("code")):
            found = [coded for coded in codings(concept) if coded.system]
            if not found:
                self._refuse(f"{place}.code[{number}]", "A code needs its system.")
            yield from found

    def _labels(self, provision: Resource, place: str) -> Iterator[Coded]:
        for number, coding in numbered(provision.get("securityLabel")):
            system, code = coding.get("system"), coding.get("code")
            if not isinstance(system, str) or not isinstance(code, str):
                self._refuse(f"{place}.securityLabel[{number}]", "A security label needs system and code.")
            else:
                yield Coded(system, code)

    def _data(self, provision: Resource, place: str) -> Iterator[str]:
        for number, data in numbered(provision.get("data")):
            reference = self._local(data.get("reference"))
            if data.get("meaning") != "instance" or reference is None:
                self._refuse(
                    f"{place}.data[{number}]", "Data is named by a reference to this server, with the meaning instance."
                )
            else:
                yield reference

    def _span(self, provision: Resource, name: str, place: str) -> Span | None:
        period = provision.get(name)
        if period is None:
            return None
        found = period_range(period)
        given = {end for end in ("start", "end") if end in period} if isinstance(period, dict) else set()
        if found is None or (found[0] is None) != ("start" not in given) or (found[1] is None) != ("end" not in given):
            self._refuse(f"{place}.{name}", "The period cannot be read.")
        return found

    def _local(self, value: Json) -> str | None:
        """`Type/id` of a reference to this server."""
        text = value.get("reference") if isinstance(value, dict) else None
        found = parse_reference(local_reference(text, self._base_url)) if isinstance(text, str) else None
        return found.url if found is not None and found.kind == "relative" else None

    def _refuse(self, place: str, text: str) -> None:
        self.issues.append(Issue("consent-unsupported", text, place))
