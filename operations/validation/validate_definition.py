"""The OperationDefinition of `$validate` as this server does it (FHIR R4 resource-operation-validate.html)."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource

_RETURN: Final = (
    "What was found, also where that is nothing. For many resources: an answer for each, in their order, as parts `return` of "
    "Parameters, or as the entries of a batch-response."
)


def _parameter(name: str, type_: str, most: str, documentation: str, *, use: str = "in", least: int = 0) -> Resource:
    return {"name": name, "use": use, "min": least, "max": most, "type": type_, "documentation": documentation}


VALIDATE_DEFINITION: Final[Resource] = {
    "resourceType": "OperationDefinition",
    "id": "Resource-validate",
    "url": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    "name": "Validate",
    "title": "Validate a resource",
    "status": "active",
    "kind": "operation",
    "affectsState": False,
    "code": "validate",
    "description": "Says what is wrong with a resource, and whether it could be created, updated or deleted. Nothing is stored.",
    "resource": ["Resource"],
    "system": True,
    "type": True,
    "instance": True,
    "parameter": [
        _parameter(
            "resource", "Resource", "*", "What is to be validated; at an instance without it, what is stored there."
        ),
        _parameter("mode", "code", "1", "create, update, delete or profile; without it the content alone is looked at."),
        _parameter("profile", "canonical", "*", "Profiles to conform to, besides those that the resource claims itself."),
        _parameter("return", "OperationOutcome", "*", _RETURN, use="out", least=1),
    ],
}
