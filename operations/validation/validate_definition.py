"""The definition of `$validate` as this server does it (FHIR R4 resource-operation-validate.html)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed

_RETURN: Final = (
    "What was found, also where that is nothing. For many resources: an answer for each, in their order, as parts `return` of "
    "Parameters, or as the entries of a batch-response."
)

VALIDATE_DEFINITION: Final = Definition(
    id="Resource-validate",
    code="validate",
    title="Validate a resource",
    text="Says what is wrong with a resource, and whether it could be created, updated or deleted. Nothing is stored.",
    levels=("system", "type", "instance"),
    on=("Resource",),
    takes=(
        Parameter(
            "resource", "Resource", "What is to be validated; at an instance without it, what is stored there.", most=None
        ),
        Parameter("mode", "code", "create, update, delete or profile; without it the content alone is looked at."),
        Parameter(
            "profile", "canonical", "Profiles to conform to, besides those that the resource claims itself.", most=None
        ),
    ),
    gives=(needed("return", "OperationOutcome", _RETURN, most=None),),
    url="http://hl7.org/fhir/OperationDefinition/Resource-validate",
    version="4.0.1",
    body="resource",
)
