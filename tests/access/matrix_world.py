"""The records, callers and consents of the matrix, each told twice: to the server as FHIR, and to the oracle as plain rules.

The oracle knows nothing of the server's code: whose a record is stands beside it, and what a scope or consent opens is a line of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from access_help import CATEGORIES, actors, classes, consent, labelled, patient

SECRET: Final = "Zyzzyva"
"""In every record that is told of one patient."""

NOTE: Final = [{"text": SECRET}]


@dataclass(frozen=True)
class Record:
    """`who` are the patients in whose record it lies; `loose` what may hold anybody's data; `context` what a Binary was stored for."""

    resource: dict[str, Any]
    who: frozenset[str] = frozenset()
    personal: bool = True
    loose: bool = False
    category: str = ""
    context: str = ""

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def name(self) -> str:
        return f"{self.type}/{self.resource['id']}"


def tagged(kind: str, who: str) -> dict[str, Any]:
    """A tag that nothing else has: where it is told, the resource is known."""
    return {"tag": [{"system": "urn:matrix", "code": f"{kind}-{who}"}]}


def _of(who: str) -> Iterator[Record]:
    me, own = {"reference": f"Patient/{who}"}, frozenset({who})
    yield Record(
        patient(who, name=[{"family": f"{SECRET}{who}"}], active=True, identifier=[{"system": "urn:matrix", "value": who}]),
        own,
    )
    for code in ("laboratory", "vital-signs"):
        yield Record(
            labelled(f"{code[:3]}-{who}", code, who, effectiveDateTime="2026-01-01", note=NOTE, meta=tagged(code[:3], who)),
            own,
            category=code,
        )
    yield Record(
        {
            "resourceType": "Observation",
            "id": f"bare-{who}",
            "status": "final",
            "code": {"text": SECRET},
            "subject": me,
            "meta": tagged("bare", who),
        },
        own,
    )
    yield Record(
        {
            "resourceType": "Condition",
            "id": f"c-{who}",
            "subject": me,
            "code": {"text": SECRET},
            "recordedDate": "2026-02-01",
        },
        own,
    )
    document = {
        "resourceType": "DocumentReference",
        "id": f"d-{who}",
        "status": "current",
        "subject": me,
        "description": SECRET,
    }
    yield Record({**document, "content": [{"attachment": {"url": f"Binary/b-{who}"}}]}, own)
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    yield Record(
        {**binary, "id": f"b-{who}", "securityContext": {"reference": f"DocumentReference/d-{who}"}},
        context=f"DocumentReference/d-{who}",
    )
    yield Record({**binary, "id": f"own-{who}", "securityContext": me}, own, context=f"Patient/{who}")
    yield Record(
        {
            "resourceType": "Task",
            "id": f"t-{who}",
            "status": "requested",
            "intent": "order",
            "for": me,
            "description": SECRET,
        },
        own,
    )
    items = [{"item": {"reference": f"Observation/{name}"}} for name in ("lab-p1", "lab-p2", "vit-p1")]
    yield Record(
        {
            "resourceType": "List",
            "id": f"li-{who}",
            "status": "current",
            "mode": "working",
            "subject": me,
            "entry": [*items[:2], {**items[2], "deleted": True}],
        },
        own,
    )
    yield Record(
        {
            "resourceType": "Coverage",
            "id": f"v-{who}",
            "status": "active",
            "beneficiary": me,
            "payor": [{"reference": "Organization/org"}],
        },
        own,
    )


RECORDS: Final = (
    *_of("p1"),
    *_of("p2"),
    Record({"resourceType": "Organization", "id": "org", "name": "An insurer"}, personal=False),
    Record(
        {
            "resourceType": "Group",
            "id": "both",
            "type": "person",
            "actual": True,
            "member": [{"entity": {"reference": f"Patient/{who}"}} for who in ("p1", "p2")],
        },
        frozenset({"p1", "p2"}),
    ),
    Record({"resourceType": "Bundle", "id": "kept", "type": "collection"}, loose=True),
    Record({"resourceType": "Binary", "id": "nobodys", "contentType": "text/plain", "data": "eA=="}),
)
BY_NAME: Final = {record.name: record for record in RECORDS}
TYPES: Final = tuple(sorted({record.type for record in RECORDS} | {"Consent", "AuditEvent"}))


@dataclass(frozen=True)
class Scope:
    """`opens` says of a record whether the scope is about it, beyond whose it is; `types` and `letters` what it names."""

    text: str
    reach: str
    letters: str
    types: tuple[str, ...] = TYPES
    opens: Callable[[Record], bool] = lambda record: True


LAB: Final = f"category={CATEGORIES}|laboratory"


def _lab(record: Record) -> bool:
    return record.category == "laboratory"


SCOPES: Final[tuple[tuple[Scope, ...], ...]] = (
    (Scope("user/*.cruds", "user", "cruds"),),
    (Scope("system/*.read", "system", "rs"),),
    (Scope("patient/*.cruds", "patient", "cruds"),),
    (Scope("patient/*.read", "patient", "rs"),),
    (Scope(f"user/Observation.cruds?{LAB}", "user", "cruds", ("Observation",), _lab),),
    (
        Scope(f"user/Observation.cruds?{LAB}", "user", "cruds", ("Observation",), _lab),
        Scope("patient/*.cruds", "patient", "cruds"),
    ),
    (
        Scope(f"patient/Observation.rs?{LAB}", "patient", "rs", ("Observation",), _lab),
        Scope("patient/Patient.rs", "patient", "rs", ("Patient",)),
        Scope("user/Organization.rs", "user", "rs", ("Organization",)),
    ),
    (Scope("user/*.cruds?_id=lab-p1,vit-p2,org,d-p2,p2", "user", "cruds", TYPES, lambda record: record.resource["id"] in {"lab-p1", "vit-p2", "org", "d-p2", "p2"}),),
    (Scope("user/Condition.write", "user", "cud", ("Condition",)), Scope("user/Condition.rs", "user", "rs", ("Condition",))),
    (),
)  # fmt: skip
"""What tokens say, each a list of scopes."""

ROLES: Final[dict[str, Callable[[str], str]]] = {
    "administrator": lambda type_: "rs" if type_ == "AuditEvent" else "cruds",
    "doctor": lambda type_: "rs" if type_ == "AuditEvent" else "cruds",
    "staff": lambda type_: "rs" if type_ == "AuditEvent" else "crus",
    "payer": lambda type_: (
        "crus" if type_ == "Task" else "" if type_ in {"Bundle", "Consent", "AuditEvent", "Group", "List"} else "rs"
    ),
    "patient": lambda type_: "" if type_ == "AuditEvent" else "rs",
    "auditor": lambda type_: "rs" if type_ == "AuditEvent" else "",
}
"""What a role may do to a type, as docs/security.md has it."""


@dataclass(frozen=True)
class Said:
    """What patients have said, and which records that hides from `Practitioner/who`. `hides_any` is whether it hides anything."""

    name: str
    consents: tuple[dict[str, Any], ...] = ()
    hides: Callable[[Record], bool] = lambda record: False
    hides_any: bool = False


def _in(who: str, *types: str) -> Callable[[Record], bool]:
    return lambda record: who in record.who and (not types or record.type in types)


SAID: Final = (
    Said("nothing"),
    Said("p2 denies all", (consent("no", "p2", type="deny"),), _in("p2"), True),
    Said(
        "p1 denies observations and documents to who",
        (
            consent(
                "some", type="deny", class_=classes("Observation", "DocumentReference"), actor=actors("Practitioner/who")
            ),
        ),
        _in("p1", "Observation", "DocumentReference"),
        True,
    ),
    Said("somebody else is denied", (consent("other", "p2", type="deny", actor=actors("Practitioner/other")),)),
    Said(
        "p1 denies what is laboratory",
        (consent("code", type="deny", code=[{"coding": [{"system": CATEGORIES, "code": "laboratory"}]}]),),
        lambda record: "p1" in record.who and record.category == "laboratory",
        True,
    ),
)


@dataclass(frozen=True)
class Caller:
    role: str
    scopes: tuple[Scope, ...]
    patient: str | None
    said: Said

    def __str__(self) -> str:
        return f"{self.role} [{' '.join(scope.text for scope in self.scopes)}] of {self.patient}, {self.said.name}"

    def reaches(self, record: Record) -> bool:
        """The oracle: whether the caller may know of a record by any letter at all."""
        return any(self.reaches_by(letter, record) for letter in "cruds")

    def reaches_by(self, letter: str, record: Record) -> bool:
        return not self._is_hidden(record) and any(self._opened(scope, letter, record) for scope in self.scopes)

    def may_leave(self, letter: str, record: Record) -> bool:
        """The oracle: whether the caller may write, or take away, a record like this. Consents say nothing of that."""
        for scope in self.scopes:
            named = letter in scope.letters and record.type in scope.types and scope.opens(record)
            if (
                named
                and letter in ROLES[self.role](record.type)
                and (scope.reach != "patient" or record.who == {self.patient})
            ):
                return True
        return False

    def may_name(self, letter: str, scope: Scope, type_: str) -> bool:
        """Whether a scope opens anything of a type at all."""
        return letter in scope.letters and letter in ROLES[self.role](type_) and type_ in scope.types

    def may_all(self, letter: str, type_: str) -> bool:
        """Whether some scope opens a type without search parameters: so much it takes to call an operation on all of a type."""
        return any(self.may_name(letter, scope, type_) and "?" not in scope.text for scope in self.scopes)

    def _opened(self, scope: Scope, letter: str, record: Record) -> bool:
        if letter not in scope.letters or letter not in ROLES[self.role](record.type):
            return False
        if record.type not in scope.types or not scope.opens(record):
            return False
        if scope.reach != "patient" and self.role != "patient":
            return True
        if self.patient is None:
            return False
        context = BY_NAME.get(record.context)
        return not record.personal or self.patient in record.who or (context is not None and self.patient in context.who)

    def _is_hidden(self, record: Record) -> bool:
        if self.role == "patient":  # the patient who asks
            return False
        if record.type in {"Consent", "AuditEvent"}:
            return False
        context = BY_NAME.get(record.context)
        return (
            self.said.hides(record)
            or (context is not None and self.said.hides(context))
            or (record.loose and self.said.hides_any)
        )


def callers() -> list[Caller]:
    """Every role with every token; what patients have said goes round, so that each meets each."""
    made = []
    for number, (role, scopes) in enumerate(product(ROLES, SCOPES)):
        needs_patient = role == "patient" or any(scope.reach == "patient" for scope in scopes)
        said = SAID[number % len(SAID)]
        made.append(Caller(role, scopes, "p1" if needs_patient and number % 7 != 6 else None, said))
        if role in {"doctor", "administrator"} and scopes:
            made.append(Caller(role, scopes, "p1" if needs_patient else None, SAID[(number + 2) % len(SAID)]))
    return made


def changes() -> list[tuple[str, Record | None, Record]]:
    """(method, what is there, what is to be there, or to be deleted): within reach for some, beyond it for others."""
    old = BY_NAME
    moved = {
        name: {**old[name].resource, "subject": {"reference": "Patient/p2"}}
        for name in ("Observation/lab-p1", "Condition/c-p1")
    }
    recoded = {**old["Observation/lab-p1"].resource, "category": old["Observation/vit-p1"].resource["category"]}
    p2 = frozenset({"p2"})
    return [
        *[("PUT", old[name], old[name]) for name in ("Observation/vit-p2", "Observation/bare-p1", "Patient/p2", "Organization/org", "Task/t-p1")],
        ("PUT", old["Observation/lab-p1"], Record(moved["Observation/lab-p1"], p2, category="laboratory")),
        ("PUT", old["Condition/c-p1"], Record(moved["Condition/c-p1"], p2)),
        ("PUT", old["Observation/lab-p1"], Record(recoded, frozenset({"p1"}), category="vital-signs")),
        *[("POST", None, old[name]) for name in ("Observation/lab-p1", "Observation/lab-p2", "Observation/vit-p1", "Condition/c-p2", "Organization/org", "Task/t-p2")],
        *[("DELETE", old[name], old[name]) for name in ("Observation/lab-p2", "Observation/vit-p1", "Condition/c-p2", "Coverage/v-p1", "DocumentReference/d-p2")],
    ]  # fmt: skip
