"""Whether a resource has the structure of its R4 type (FHIR R4 2.6.2, 2.24, and the definitions of all types).

Elements, cardinality, JSON types and forms of primitives, choices, required bindings, references and their targets,
extensions, contained resources. Profiles and invariants are others' matter. Any JSON value is taken; none makes it raise.
"""

from __future__ import annotations

from profiles.json import Json
from profiles.outcome import Issue
from profiles.validation.accept import accepts
from profiles.validation.objects import resource_check
from profiles.validation.resources import resource_type
from profiles.validation.run import EnoughIssuesError, Path, Run


def validate_resource(resource: Json, *, expected_type: str | None = None) -> list[Issue]:
    """The faults of a resource against base R4, at most 50, in the order of its elements; an empty list if it has none.

    `expected_type` is the type that the address or operation asks for. Expressions are FHIRPath with indexes:
    `Patient.name[0].given[1]`, `Bundle.entry[3].resource.birthDate`, `Observation.value.ofType(Quantity).unit`.
    """
    if type(resource) is not dict:
        return [Issue("structure", "A resource is a JSON object.")]
    if (expected_type is None or resource.get("resourceType") == expected_type) and accepts(resource):
        return []
    run = Run()
    try:
        _validate(resource, expected_type, run)
    except EnoughIssuesError:
        return run.issues
    return run.issues


def _validate(resource: dict[str, Json], expected_type: str | None, run: Run) -> None:
    root: Path = (None, expected_type or "Resource", -1)
    name = resource_type(resource, root, run)
    if name is None:
        return
    root = (None, name, -1)
    if expected_type is not None and name != expected_type:
        run.add("structure", f"The resource is a {name} where a {expected_type} is expected.", root)
        return
    resource_check(resource, root, run, 0)
