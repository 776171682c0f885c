"""Patients and visits as lists to choose from, found as the person may see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from profiles.json import Resource
from profiles.references import parse_reference
from server.auth.principal import Principal
from server.oauth.authority import Authority
from server.oauth.records import read, search

SHOWN: Final = 20
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """One line."""

    id: str
    name: str
    detail: str


async def find_patients(authority: Authority, caller: Principal, name: str, birthdate: str) -> tuple[list[Choice], bool]:
    """Those whose names begin like each of the words, and whether there are more. Raises ValueError for what is no question."""
    query = [
        ("name", word.replace("\\", "").replace(",", "\\,").replace("$", "\\$").replace("|", "\\|"))
        for word in name.split()
    ]
    if birthdate:
        if _DATE.fullmatch(birthdate) is None:
            raise ValueError("The birth date is written as year-month-day, such as 1980-01-31.")
        query.append(("birthdate", birthdate))
    if not query or len(query) > 10:
        raise ValueError("Type a name, a birth date, or both.")
    found = await search(authority, caller, "Patient", [*query, ("_count", str(SHOWN + 1))])
    if found is None:
        raise ValueError("Type a name, a birth date, or both.")
    return [_patient(patient) for patient in found[:SHOWN]], len(found) > SHOWN


async def find_visits(authority: Authority, caller: Principal, patient: str) -> list[Choice]:
    """The latest ones of a patient."""
    query = [("patient", f"Patient/{patient}"), ("_sort", "-date"), ("_count", str(SHOWN))]
    return [_visit(visit) for visit in await search(authority, caller, "Encounter", query) or ()]


async def is_visit_of(authority: Authority, caller: Principal, visit: str, patient: str) -> bool:
    """Whether the caller may see the visit, and it is one of the patient's (of anybody's without one)."""
    found = await read(authority, caller, "Encounter", visit)
    if found is None:
        return False
    subject = parse_reference(str(found.get("subject", {}).get("reference", "")))
    return not patient or (subject is not None and (subject.type, subject.id) == ("Patient", patient))


async def name_of(authority: Authority, caller: Principal, patient: str) -> str | None:
    """What a patient is called; None for one that the caller may not see."""
    found = await read(authority, caller, "Patient", patient)
    return None if found is None else _patient(found).name


def _patient(patient: Resource) -> Choice:
    details = (patient.get("birthDate", "birth date not known"), patient.get("gender", ""))
    return Choice(patient["id"], _name(patient), ", ".join(part for part in details if part))


def _name(patient: Resource) -> str:
    names = patient.get("name") or [{}]
    name = next((item for item in names if item.get("use") in {"official", "usual"}), names[0])
    parts = [*(part for part in name.get("given", []) if part), name.get("family", "")]
    return name.get("text") or " ".join(part for part in parts if part) or f"Patient {patient['id']}"


def _visit(visit: Resource) -> Choice:
    types = [coding for type_ in visit.get("type", []) for coding in (type_, *type_.get("coding", []))]
    name = next((coding.get("text") or coding.get("display") for coding in types), None)
    start = str(visit.get("period", {}).get("start", "date not known"))[:10]
    return Choice(visit["id"], name or "Visit", f"{start}, {visit.get('status', '')}")
