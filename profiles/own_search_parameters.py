"""Search parameters of ours, beside R4's: what prior authorization is looked up by and base FHIR has no name for.

Most read extensions of Da Vinci PAS 2.2.1. One row: the parameter's type and its expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PAS: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-"
_TRACE: Final = f"extension('{_PAS}itemTraceNumber').value.ofType(Identifier)"
_NUMBER: Final = f"extension('{_PAS}authorizationNumber').value.ofType(string)"
_PENDED: Final = f"extension('{_PAS}administrationReferenceNumber').value.ofType(string)"
_REVIEW: Final = f"adjudication.extension('{_PAS}reviewAction')"
_GIVEN: Final = f"{_REVIEW}.extension('number').value.ofType(string)"
_ACTION: Final = f"{_REVIEW}.extension('{_PAS}reviewActionCode').value.ofType(CodeableConcept)"


def _on(path: str, *holders: str) -> str:
    return " | ".join(f"{holder}.{path}" if holder else path for holder in holders)


OWN_SEARCH_PARAMETERS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "AuditEvent": {
        "purpose": ("token", "purposeOfEvent | agent.purposeOfUse"),
    },
    "Claim": {
        "administration-reference-number": ("token", _on(_PENDED, "", "item")),
        "authorization-number": ("token", _on(_NUMBER, "", "item")),
        "item-code": ("token", "item.productOrService"),
        "item-trace-number": ("token", _on(_TRACE, "item")),
    },
    "ClaimResponse": {
        "administration-reference-number": ("token", _on(_PENDED, "", "item", "addItem")),
        "authorization-number": (
            "token",
            f"preAuthRef | {_on(_GIVEN, '', 'item', 'addItem')} | {_on(_NUMBER, '', 'item', 'addItem')}",
        ),
        "item-trace-number": ("token", _on(_TRACE, "item", "addItem")),
        "review-action": ("token", _on(_ACTION, "", "item", "addItem")),
    },
}
"""Resource type -> parameter code -> (parameter type, paths)."""
