"""Resources for the oracle of searches, made from a seed: many types that refer to each other, with what is seldom seen in each.

What they hold is not always what R4 lets a resource hold: a search must stand that, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from profiles.json import loads

Resource = dict[str, Any]
ACTS: Final = "http://example.org/acts"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"

WORDS: Final = (
    "Ångström", "Müller", "muller", "MULLER", "O’Brien", "O'Brien", "de la Cruz", "Łukasz", "Søren", "Straße", "Strasse", "李小龙", "Σίσυφος", "İstanbul", "a", "ab", "abc",
    "Abcd", "abzz", "  spaced   out ", "x,y|z$w\\q", "Nguyễn", "É", "Al-Rashid", "1234", "ﬁn", "naïve (2)", "\U0001f600 grin", "% _ *", "Robert", "Rupert",
)  # fmt: skip
DATES: Final = (
    "0001", "1582-10-15", "1815-12-10", "1899-12-31", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "2024-02-29", "2026", "2026-01", "2026-02", "2026-02-28",
    "2026-03-01T00:00:00+14:00", "2026-02-28T23:59:59.123456-12:00", "2026-03-01", "2026-03-01T10:30:00Z", "2026-03-01T12:30:00.5+02:00", "2100-12-31", "2300-01-01", "2300-01-02",
    "9999-12-31", "9999-12-31T23:59:59.999Z",
)  # fmt: skip
BIRTHS: Final = (
    "1850",
    "1900-02-28",
    "1900-03-01",
    "1970",
    "1970-05",
    "1970-05-17",
    "1970-05-18",
    "1985-12-31",
    "2000-02-29",
    "2026-01-01",
    "2150-12-31",
)
NUMBERS: Final = (
    "0", "-0.0", "0.0", "1", "1.0", "1.00", "0.5", "5.35", "5.4", "5.40", "5.45", "99.5", "100", "100.5", "1E2", "1.0e-3", "-5", "-5.4", "0.000001", "123456789012345", "1e15", "3", "0.0054",
)  # fmt: skip
CODES: Final = ("a", "A", "b", "leaf", "branch", "root", "8480-6", "8462-4", "a|b", "a,b", "c$d", "e\\f", "ünï", "0")
SYSTEMS: Final = (ACTS, LOINC, "urn:oid:1.2.3", None)
UNITS: Final = (
    ("mg", "milligram"), ("g", "gram"), ("kg", "kilos"), ("ug", None), ("mm", "millimetres"), ("cm", None), ("Cel", "°C"), ("min", "minutes"), ("h", None),
)  # fmt: skip
IDS: Final = ("a", "A", "a-1", "a.1", "x" * 64, "0")
STATES: Final = ("active", "final", "draft", "Active")


class Maker:
    """Makes one world. `per_type`: about how many of each type."""

    def __init__(self, seed: int, base: str, per_type: int) -> None:
        self.random = Random(seed)
        self.base = base
        self.names = {
            type_: [*IDS[: per_type // 4], *(f"{type_[0].lower()}{n}" for n in range(per_type))][:per_type]
            for type_ in _MAKERS
        }
        self.urls: list[str] = []

    def world(self) -> list[Resource]:
        """In the order in which they are to be stored: types mixed."""
        made = [self._one(type_, id_) for type_, ids in self.names.items() for id_ in ids]
        self.random.shuffle(made)
        return made

    # -- parts -----------------------------------------------------------------------------------------------------------------
    def some(self, make: Callable[[], Any], most: int = 3) -> list[Any]:
        return [make() for _ in range(self.random.choice((1, 1, 1, 2, most)))]

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def maybe(self, **members: Callable[[], Any]) -> Resource:
        """Each of the members two times out of three."""
        return {name: make() for name, make in members.items() if self.random.random() < 0.67}

    def text(self) -> str:
        return " ".join(self.some(lambda: self.pick(WORDS)))

    def long_text(self) -> str:
        return self.text() if self.random.random() < 0.6 else " ".join(self.pick(WORDS) + str(n) for n in range(25))

    def date(self) -> str:
        if self.random.random() < 0.5:
            return str(self.pick(DATES))
        day = f"2026-{self.random.randint(1, 12):02}-{self.random.randint(1, 28):02}"
        return day + str(self.pick(("", "", "T08:00:00Z", "T23:30:00-05:00", "T00:00:00.001Z")))

    def period(self) -> Resource:
        start, end = sorted((f"2026-{self.random.randint(1, 12):02}", f"2026-{self.random.randint(1, 12):02}"))
        return self.pick(
            (
                {"start": start, "end": end},
                {"start": start},
                {"end": f"{end}-28"},
                {},
                {"start": f"{start}-01T10:00:00Z", "end": "9999-12-31"},
            )
        )

    def coding(self) -> Resource:
        system, code = self.pick(SYSTEMS), self.pick(CODES)
        return {
            **({"system": system} if system else {}),
            **({"code": code} if self.random.random() < 0.93 else {}),
            **self.maybe(display=self.text),
        }

    def concept(self) -> Resource:
        return self.maybe(coding=lambda: self.some(self.coding), text=self.text)

    def identifier(self) -> Resource:
        kind = {"coding": [{"system": ACTS, "code": self.pick(CODES)}], "text": self.text()}
        return {
            **self.maybe(
                system=lambda: self.pick(("urn:oid:1.2.3", "http://example.org/mrn")), value=lambda: self.pick(CODES)
            ),
            **self.maybe(type=lambda: kind),
        }

    def decimal(self) -> Any:
        return loads(str(self.pick(NUMBERS)))

    def quantity(self) -> Resource:
        code, unit = self.pick(UNITS)
        kind = self.random.random()
        named = {"unit": unit} if unit else {}
        if kind < 0.6:
            return {"value": self.decimal(), "system": UCUM, "code": code, **named}
        if kind < 0.8:
            return {"value": self.decimal(), "system": "http://example.org/units", "code": self.pick(("tab", "mg"))}
        return self.pick(({"value": self.decimal()}, {"value": self.decimal(), "unit": "tablets"}, {"unit": "tablets"}))

    def name(self) -> Resource:
        return self.maybe(
            family=self.text, given=lambda: self.some(lambda: self.pick(WORDS)), text=self.text, prefix=lambda: ["Dr"]
        )

    def address(self) -> Resource:
        return self.maybe(line=lambda: self.some(self.text), city=self.text, state=lambda: self.pick(("OH", "oh", "New York")), postalCode=lambda: self.pick(("43999-1156", "43", "4399")), country=lambda: self.pick(("US", "Österreich")), use=lambda: self.pick(("home", "work")))  # fmt: skip

    def telecom(self) -> Resource:
        return self.maybe(
            system=lambda: self.pick(("phone", "email")), value=lambda: self.pick(("555 0100", "a@example.org", "+1-555"))
        )

    def reference(self, *types: str) -> Resource:
        type_ = self.pick(types)
        id_ = self.pick((*self.names[type_], *self.names[type_], "nobody"))
        kind = self.random.random()
        if kind < 0.7:
            return {"reference": f"{type_}/{id_}"}
        if kind < 0.78:
            return {"reference": f"{self.base}/{type_}/{id_}"}
        if kind < 0.83:
            return {"reference": f"{type_}/{id_}/_history/1"}
        if kind < 0.9:
            return {"identifier": self.identifier(), "display": "named only"}
        return {
            "reference": self.pick(
                (
                    f"https://elsewhere.example/fhir/{type_}/{id_}",
                    "urn:uuid:5a1b3c0e-0000-4000-8000-000000000000",
                    "#inside",
                )
            )
        }

    def url(self) -> str:
        return f"http://example.org/{self.pick(('q', 'q/a', 'q/a/b', 'qa', 'Q', 'q,c'))}/{self.random.randint(0, 5)}"

    def canonical(self) -> str:
        """Often that of a definition that is there: those are made before what is answered by them."""
        url = self.pick(self.urls) if self.urls and self.random.random() < 0.7 else self.url()
        return url + str(self.pick(("", "", "|1", "|1.0", "|1.2-draft", "|10", "|2")))

    # -- resources -------------------------------------------------------------------------------------------------------------
    def _one(self, type_: str, id_: str) -> Resource:
        meta = self.maybe(tag=lambda: self.some(self.coding), profile=lambda: self.some(self.url), source=self.url)
        words = f"<div>{self.text().replace('&', '')}</div>"
        about = {"text": {"status": "generated", "div": words}} if self.random.random() < 0.3 else {}
        return {"resourceType": type_, "id": id_, **({"meta": meta} if meta else {}), **about, **_MAKERS[type_](self)}


def _person(m: Maker) -> Resource:
    return m.maybe(
        identifier=lambda: m.some(m.identifier), active=lambda: m.pick((True, False)), name=lambda: m.some(m.name), telecom=lambda: m.some(m.telecom), address=lambda: m.some(m.address),
        gender=lambda: m.pick(("male", "female", "unknown")), birthDate=lambda: m.pick(BIRTHS),
    )  # fmt: skip


def _patient(m: Maker) -> Resource:
    dead = m.pick(
        (
            {},
            {"deceasedBoolean": True},
            {"deceasedBoolean": False},
            {"deceasedDateTime": m.pick(BIRTHS)},
            {"deceasedDateTime": "2020-02-01T10:00:00Z"},
        )
    )
    more = m.maybe(generalPractitioner=lambda: m.some(lambda: m.reference("Practitioner", "Organization")), managingOrganization=lambda: m.reference("Organization"), communication=lambda: [{"language": m.concept()}])  # fmt: skip
    return {**_person(m), **dead, **more}


def _observation(m: Maker) -> Resource:
    value = m.pick(
        (
            {},
            {"valueQuantity": m.quantity()},
            {"valueQuantity": m.quantity()},
            {"valueCodeableConcept": m.concept()},
            {"valueString": m.text()},
            {"valueDateTime": m.date()},
            {"valuePeriod": m.period()},
        )
    )
    when = m.pick(
        (
            {},
            {"effectiveDateTime": m.date()},
            {"effectiveDateTime": m.date()},
            {"effectivePeriod": m.period()},
            {"effectiveInstant": "2026-03-01T10:30:00Z"},
            {"effectiveTiming": {"event": ["2026-01-05", "2026-02-05"]}},
        )
    )
    parts = (
        {"component": m.some(lambda: {"code": m.concept(), "valueQuantity": m.quantity()})}
        if m.random.random() < 0.4
        else {}
    )
    return {
        "status": m.pick(STATES), "code": m.concept(), **value, **when, **parts,
        **m.maybe(subject=lambda: m.reference("Patient", "Patient", "Group", "Location"), category=lambda: m.some(m.concept), performer=lambda: m.some(lambda: m.reference("Practitioner", "Patient", "Organization")), encounter=lambda: m.reference("Encounter")),
        **({"hasMember": m.some(lambda: m.reference("Observation", "QuestionnaireResponse"))} if m.random.random() < 0.3 else {}),
    }  # fmt: skip


def _condition(m: Maker) -> Resource:
    onset = m.pick(
        (
            {},
            {"onsetDateTime": m.date()},
            {"onsetPeriod": m.period()},
            {"onsetAge": {"value": m.decimal(), "system": UCUM, "code": m.pick(("a", "mo"))}},
        )
    )
    return {
        **onset, **m.pick(({}, {"abatementString": m.text()}, {"abatementDateTime": m.date()})),
        **m.maybe(identifier=lambda: m.some(m.identifier), clinicalStatus=m.concept, code=m.concept, subject=lambda: m.reference("Patient", "Group"), recordedDate=m.date, encounter=lambda: m.reference("Encounter"), severity=m.concept, asserter=lambda: m.reference("Practitioner", "Patient")),
    }  # fmt: skip


def _encounter(m: Maker) -> Resource:
    return {
        "status": m.pick(STATES), "class": m.coding(),
        **m.maybe(identifier=lambda: m.some(m.identifier), subject=lambda: m.reference("Patient"), period=m.period, length=m.quantity, serviceProvider=lambda: m.reference("Organization"), partOf=lambda: m.reference("Encounter")),
        **m.maybe(participant=lambda: [{"individual": m.reference("Practitioner")}], location=lambda: [{"location": m.reference("Location")}]),
    }  # fmt: skip


def _risk(m: Maker) -> Resource:
    when = m.pick(({}, {"occurrenceDateTime": m.date()}, {"occurrencePeriod": m.period()}))
    return {"status": m.pick(STATES), **when, **m.maybe(subject=lambda: m.reference("Patient"), prediction=lambda: m.some(lambda: {"probabilityDecimal": m.decimal()}), condition=lambda: m.reference("Condition"))}  # fmt: skip


def _request(m: Maker) -> Resource:
    when = m.pick(
        (
            {},
            {"occurrenceDateTime": m.date()},
            {"occurrencePeriod": m.period()},
            {"occurrenceTiming": {"event": [m.date(), "2026-05-05"]}},
        )
    )
    return {
        "status": m.pick(STATES), "intent": m.pick(("order", "plan")), **when,
        **m.maybe(code=m.concept, subject=lambda: m.reference("Patient", "Group"), authoredOn=m.date, requester=lambda: m.reference("Practitioner", "Organization"), priority=lambda: m.pick(("urgent", "stat")), instantiatesUri=lambda: m.some(m.url), instantiatesCanonical=lambda: m.some(m.canonical), basedOn=lambda: m.some(lambda: m.reference("ServiceRequest"))),
    }  # fmt: skip


def _questionnaire(m: Maker) -> Resource:
    m.urls.append(f"{m.url()}-{len(m.urls)}")
    return {"status": m.pick(STATES), "url": m.urls[-1], **m.maybe(version=lambda: m.pick(("1", "2")), title=m.text, name=m.text, date=m.date, publisher=m.text, description=m.long_text, effectivePeriod=m.period)}  # fmt: skip


def _answers(m: Maker) -> Resource:
    return {
        "status": m.pick(STATES),
        **m.maybe(
            subject=lambda: m.reference("Patient"),
            authored=m.date,
            source=lambda: m.reference("Patient", "Practitioner"),
            questionnaire=m.canonical,
        ),
    }


def _location(m: Maker) -> Resource:
    place = {
        "latitude": loads(m.pick(("42.2565", "42.3", "-42.25", "89.9", "0"))),
        "longitude": loads(m.pick(("-83.69", "-83.6", "179.99", "-179.99", "0"))),
    }
    return {**m.maybe(name=m.text, alias=lambda: m.some(m.text), status=lambda: m.pick(STATES), position=lambda: place, partOf=lambda: m.reference("Location"), managingOrganization=lambda: m.reference("Organization"))}  # fmt: skip


def _list(m: Maker) -> Resource:
    def entry() -> Resource:
        return {
            "item": m.reference("Patient", "Observation", "Condition"),
            **({"deleted": True} if m.random.random() < 0.2 else {}),
        }

    return {"status": m.pick(STATES), "mode": "working", **m.maybe(title=m.text, entry=lambda: [entry() for _ in range(6)], date=m.date, subject=lambda: m.reference("Patient"), code=m.concept)}  # fmt: skip


def _group(m: Maker) -> Resource:
    def characteristic() -> Resource:
        return {
            "code": m.concept(),
            **m.pick(({"valueCodeableConcept": m.concept()}, {"valueBoolean": True})),
            "exclude": m.pick((True, False)),
        }

    return {"type": "person", "actual": m.pick((True, False)), **m.maybe(member=lambda: m.some(lambda: {"entity": m.reference("Patient", "Practitioner")}), characteristic=lambda: m.some(characteristic), code=m.concept)}  # fmt: skip


def _organization(m: Maker) -> Resource:
    return m.maybe(identifier=lambda: m.some(m.identifier), active=lambda: m.pick((True, False)), name=m.text, alias=lambda: m.some(m.text), partOf=lambda: m.reference("Organization"), type=lambda: m.some(m.concept), address=lambda: m.some(m.address))  # fmt: skip


_MAKERS: Final[dict[str, Callable[[Maker], Resource]]] = {
    "Patient": _patient, "Practitioner": _person, "Organization": _organization, "Observation": _observation, "Condition": _condition, "Encounter": _encounter, "RiskAssessment": _risk,
    "ServiceRequest": _request, "Questionnaire": _questionnaire, "QuestionnaireResponse": _answers, "Location": _location, "List": _list, "Group": _group,
}  # fmt: skip
