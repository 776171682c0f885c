"""Whose record a resource is part of, and which types a caller who is limited to one patient may see at all.

R4's Patient compartment leaves out types that tell of persons all the same (tasks, stored Bundles, Binary). Here they count
as part of a record when they name the patient, and are out of reach when they do not. R4 also puts a Patient into the
compartments of those it is linked to; for access, a record is its own only. A Provenance is part of the records of its targets, as it
says itself (profiles/provenance.py).
"""

from __future__ import annotations

from functools import cache
from typing import Final

from profiles.compartments import compartment_members, member_types
from profiles.json import Resource
from profiles.provenance import told_patients
from profiles.references import parse_reference
from profiles.search_parameters import search_parameters

_NAMING_A_PATIENT: Final = {
    "Contract": "patient",
    "Device": "patient",
    "GuidanceResponse": "patient",
    "Task": "patient",
}
"""Type -> the search parameter that tells its patient, for types outside of R4's compartment."""

_PERSONAL: Final = frozenset(
    {
        "Binary",
        "BiologicallyDerivedProduct",
        "Bundle",
        "EnrollmentResponse",
        "Linkage",
        "MessageHeader",
        "OperationOutcome",
        "Parameters",
        "PaymentNotice",
        "PaymentReconciliation",
        "Subscription",
        "VerificationResult",
    }
)
"""Types that may hold anybody's data and have no parameter that tells whose."""


@cache
def personal_types() -> frozenset[str]:
    """The types that a caller limited to one patient sees of that patient only; all others belong to nobody."""
    return member_types() | _PERSONAL | _NAMING_A_PATIENT.keys()


def tells_no_patient(type_: str) -> bool:
    """Whether its resources may hold anybody's data and have nothing that says whose. (A Binary may say what it was stored for.)"""
    return type_ in _PERSONAL and type_ != "Binary"


def patients_of(resource: Resource) -> tuple[str, ...]:
    """The ids of the patients whose record a resource (with its id) is part of, sorted."""
    type_: str = resource["resourceType"]
    if type_ == "Patient":
        return (resource["id"],)
    found = set(compartment_members(resource))
    if type_ == "Binary":
        found |= _patient(resource.get("securityContext"))
    elif type_ == "Provenance":
        found = found.union(*map(_patient, told_patients(resource)))
    elif (code := _NAMING_A_PATIENT.get(type_)) is not None:
        for value in search_parameters(type_)[code].extract(resource):
            found |= _patient(value.value)
    return tuple(sorted(found))


def _patient(reference: object) -> set[str]:
    text = reference.get("reference") if isinstance(reference, dict) else None
    parsed = parse_reference(text) if isinstance(text, str) else None
    return {parsed.id} if parsed is not None and parsed.type == "Patient" and parsed.id is not None else set()
