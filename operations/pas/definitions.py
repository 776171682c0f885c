"""The OperationDefinitions of the PAS operations, as this server does them (PAS 2.2.1 Claim-submit, Claim-inquiry)."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from profiles.pas_names import PAS


def _definition(id: str, code: str, title: str, description: str, most: str, *, affects_state: bool) -> Resource:
    return {
        "resourceType": "OperationDefinition",
        "id": id,
        "url": f"{PAS}/OperationDefinition/{id}",
        "version": "2.2.1",
        "name": "".join(part.capitalize() for part in id.split("-")),
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": affects_state,
        "code": code,
        "description": description,
        "resource": ["Claim"],
        "system": False,
        "type": True,
        "instance": False,
        "parameter": [
            {
                "name": "resource",
                "use": "in",
                "min": 1,
                "max": "1",
                "type": "Bundle",
                "documentation": "The request Bundle, the Claim first. Sent as the body itself, or as this parameter.",
            },
            {
                "name": "return",
                "use": "out",
                "min": 1 if most == "1" else 0,
                "max": most,
                "type": "Bundle",
                "documentation": "A response Bundle, the ClaimResponse first.",
            },
        ],
    }


SUBMIT_DEFINITION: Final = _definition(
    "Claim-submit",
    "submit",
    "Submit a prior authorization request",
    "Takes in a prior authorization request, an update or a cancellation, and answers for every item of it.",
    "1",
    affects_state=True,
)
INQUIRE_DEFINITION: Final = _definition(
    "Claim-inquiry",
    "inquire",
    "Inquire about prior authorizations",
    "Finds the authorizations in force that match an example Claim, for who asked for them or can name the member and a provider.",
    "*",
    affects_state=False,
)
