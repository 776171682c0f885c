"""Scopes in plain words, for the person who is asked (SMART App Launch 2.2, scopes-and-launch-context)."""

from __future__ import annotations

import re
from typing import Final

from server.auth.scopes import USERS_SCOPE, parse_resource_scope

_LAUNCH: Final = {
    "openid": "Know that it is you",
    "fhirUser": "Know who you are in the records",
    "profile": "Know your name",
    "launch": "Know what was open where you started the app",
    "launch/patient": "Know which patient was chosen",
    "launch/encounter": "Know which visit was chosen",
    "offline_access": "Go on with this when you are not there, until you or an administrator ends it",
    "online_access": "Go on with this as long as you are signed in",
    USERS_SCOPE: "Administer accounts and apps: who may sign in, what they may do, and which apps may ask",
}
_TYPES: Final = {
    "*": "everything",
    "AllergyIntolerance": "allergies",
    "Appointment": "appointments",
    "AuditEvent": "the audit trail",
    "CarePlan": "care plans",
    "Claim": "requests to insurers",
    "ClaimResponse": "answers of insurers",
    "Communication": "messages",
    "Condition": "diagnoses and problems",
    "Coverage": "insurance policies",
    "DiagnosticReport": "test reports",
    "DocumentReference": "documents",
    "Encounter": "visits",
    "Goal": "goals",
    "Immunization": "vaccinations",
    "MedicationRequest": "prescriptions",
    "Observation": "lab results and measurements",
    "Organization": "organizations",
    "Patient": "name, address and other personal data of patients",
    "Practitioner": "doctors and other staff",
    "Procedure": "treatments and operations",
    "Questionnaire": "questionnaires",
    "QuestionnaireResponse": "answered questionnaires",
    "ServiceRequest": "orders and referrals",
    "Task": "tasks",
}
_VERBS: Final = (
    (frozenset("rs"), "see"),
    (frozenset("c"), "add"),
    (frozenset("u"), "change"),
    (frozenset("d"), "delete"),
)


def in_words(scope: str, patient: str = "") -> str:
    """One scope that may be granted. `patient` is the name of the patient at hand."""
    if scope in _LAUNCH:
        return _LAUNCH[scope]
    parsed = parse_resource_scope(scope)
    if parsed is None:
        return scope
    verbs = [word for letters, word in _VERBS if letters & set(parsed.letters)]
    does = verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"
    what = (
        _TYPES.get(parsed.resource_type) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", parsed.resource_type).lower() + " records"
    )
    whose = (
        f"in the record of {patient or 'the patient'}"
        if parsed.reach == "patient"
        else "in every record that you may reach"
    )
    if parsed.filter:
        what = f"{what} (only {', '.join(f'{name} {value}' for name, value in parsed.filter)})"
    return f"{does.capitalize()} {what} {whose}"
