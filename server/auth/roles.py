"""What each role may do, as data: role -> resource type -> interaction letters (c create, r read, u update, d delete, s search).

A type that a role does not name falls under the role's `*`; a type that it names is ruled by that entry alone. Operations
are judged by the letter and the type that their definition names: `$submit` is `c` on Claim. docs/security.md shows the
table, and a test keeps the two the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.auth.scopes import ResourceScope

_READ: Final = "rs"
_APPEND: Final = "crs"
_KEEP: Final = "crus"
_ALL: Final = "cruds"

DEFINITIONS: Final = (
    "ActivityDefinition",
    "CapabilityStatement",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "ImplementationGuide",
    "Library",
    "Measure",
    "NamingSystem",
    "OperationDefinition",
    "PlanDefinition",
    "Questionnaire",
    "SearchParameter",
    "StructureDefinition",
    "StructureMap",
    "ValueSet",
)
"""Types that say what the server holds to be true: policies, profiles, code systems."""

WIRING: Final = ("Endpoint",)
"""Types that say where the practice sends its requests: whoever may write them decides where PHI goes."""

_GUARDED: Final = {
    **dict.fromkeys((*DEFINITIONS, *WIRING), _READ),
    "AuditEvent": _READ,
    "Provenance": _APPEND,
    "Subscription": _ALL,
}
"""A Subscription is its owner's alone, and sends what the owner could fetch (server/subscriptions)."""


@dataclass(frozen=True, slots=True)
class Role:
    """`rights` maps a type, or `*`, to letters. A role that is `own_record_only` reaches the token's patient alone."""

    meaning: str
    rights: Mapping[str, str]
    own_record_only: bool = False
    purposes: tuple[str, ...] = ("HPAYMT", "HOPERAT")
    """What the role may say it asks for (v3 PurposeOfUse, and what lies within), unless the token says more or less."""
    breaks_glass: bool = False
    """Whether the role may see, with a reason, what a patient's consent hides."""

    def allows(self, letter: str, resource_type: str) -> bool:
        letters = self.rights.get(resource_type)
        return letter in (self.rights.get("*", "") if letters is None else letters)


ROLES: Final[Mapping[str, Role]] = {
    "administrator": Role(
        "Runs the server: everything, deleting included. Audit records are written by the server alone.",
        {"*": _ALL, "AuditEvent": _READ},
    ),
    "doctor": Role(
        "Treats patients: everything clinical, deleting included, except what was sent to or came from a payer.",
        {"*": _ALL, "Claim": _KEEP, "ClaimResponse": _KEEP, **_GUARDED},
        purposes=("TREAT", "HPAYMT", "HOPERAT", "PUBHLTH"),
        breaks_glass=True,
    ),
    "staff": Role(
        "Works on requests: reads and writes records, deletes nothing, and leaves policies and addresses alone.",
        {"*": _KEEP, **_GUARDED},
        purposes=("TREAT", "HPAYMT", "HOPERAT", "PUBHLTH"),
    ),
    "payer": Role(
        "Decides requests: reads what they rest on, writes decisions, questions and policies.",
        {
            **dict.fromkeys(
                (
                    "Binary",
                    "Claim",
                    "Communication",
                    "Condition",
                    "Coverage",
                    "DeviceRequest",
                    "DocumentReference",
                    "Encounter",
                    "Location",
                    "MedicationRequest",
                    "Observation",
                    "Organization",
                    "Patient",
                    "Practitioner",
                    "PractitionerRole",
                    "Procedure",
                    "QuestionnaireResponse",
                    "ServiceRequest",
                ),
                _READ,
            ),
            **dict.fromkeys(
                ("ClaimResponse", "CommunicationRequest", "InsurancePlan", "Library", "Questionnaire", "Task"), _KEEP
            ),
        },
        purposes=("HPAYMT", "HOPERAT", "HRESCH"),
    ),
    "auditor": Role(
        "Looks at who did what, and at nothing else.",
        {"AuditEvent": _READ, "Provenance": _READ},
    ),
    "patient": Role(
        "Reads their own record.",
        {"*": _READ, "AuditEvent": ""},
        own_record_only=True,
        purposes=("PATRQT", "HPAYMT"),
    ),
}


def scope_allows(scope: ResourceScope, letter: str, resource_type: str) -> bool:
    """Whether a scope names the type (or all types) and the letter; its filter is the caller's to apply."""
    return letter in scope.letters and scope.resource_type in {resource_type, "*"}


def roles_table() -> str:
    """The table of docs/security.md, in Markdown: for each role what its `*` allows, the types ruled otherwise, and its purposes."""
    rows = [
        "| role | meaning | letters on most types | on these types instead | purposes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, role in ROLES.items():
        by_letters: dict[str, list[str]] = {}
        for resource_type, letters in role.rights.items():
            if resource_type != "*":
                by_letters.setdefault(letters, []).append(resource_type)
        others = [
            f"{f'`{letters}`' if letters else 'nothing'}: {', '.join(sorted(types))}"
            for letters, types in by_letters.items()
        ]
        most = f"`{role.rights['*']}`" if "*" in role.rights else "nothing"
        purposes = ", ".join((*role.purposes, *(("breaks the glass",) if role.breaks_glass else ())))
        rows.append(f"| `{name}` | {role.meaning} | {most} | {'; '.join(others)} | {purposes} |")
    return "\n".join(rows) + "\n"
