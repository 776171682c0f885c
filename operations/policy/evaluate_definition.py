"""The OperationDefinition of `Library/[id]/$evaluate` (FHIR R4; ours, docs/policies.md)."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource

LIBRARY_EVALUATE_DEFINITION: Final[Resource] = {
    "resourceType": "OperationDefinition",
    "id": "library-evaluate",
    "url": "https://assent.example/fhir/OperationDefinition/library-evaluate",
    "version": "1.0.0",
    "name": "LibraryEvaluate",
    "title": "Evaluate the criteria of a payer policy",
    "status": "active",
    "kind": "operation",
    "affectsState": False,
    "description": "Judges evidence by the criteria that the Library carries. Evidence JSON sent as the body itself is answered "
    "with the result JSON; Parameters are answered with Parameters.",
    "code": "evaluate",
    "resource": ["Library"],
    "system": False,
    "type": False,
    "instance": True,
    "parameter": [
        {
            "name": "evidence",
            "use": "in",
            "min": 0,
            "max": "1",
            "type": "string",
            "documentation": "Evidence JSON, nested or flat.",
        },
        {
            "name": "patient",
            "use": "in",
            "min": 0,
            "max": "1",
            "type": "Reference",
            "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"],
            "documentation": "A stored Patient whose record is read for evidence; also taken as a string.",
        },
        {"name": "result", "use": "out", "min": 1, "max": "1", "type": "string", "documentation": "The result as JSON."},
        {"name": "all-criteria-met", "use": "out", "min": 1, "max": "1", "type": "boolean"},
        {"name": "total-rules", "use": "out", "min": 1, "max": "1", "type": "integer"},
        {"name": "rules-met", "use": "out", "min": 1, "max": "1", "type": "integer"},
        {"name": "rules-failed", "use": "out", "min": 1, "max": "1", "type": "integer"},
        {
            "name": "rule",
            "use": "out",
            "min": 0,
            "max": "*",
            "documentation": "One rule: rule-id, description, met, state, logic, and a condition part for each condition.",
            "part": [
                {"name": "rule-id", "use": "out", "min": 1, "max": "1", "type": "string"},
                {"name": "description", "use": "out", "min": 0, "max": "1", "type": "string"},
                {"name": "met", "use": "out", "min": 1, "max": "1", "type": "boolean"},
                {"name": "state", "use": "out", "min": 1, "max": "1", "type": "code"},
                {"name": "logic", "use": "out", "min": 1, "max": "1", "type": "code"},
                {
                    "name": "condition",
                    "use": "out",
                    "min": 0,
                    "max": "*",
                    "part": [
                        {"name": "condition", "use": "out", "min": 1, "max": "1", "type": "string"},
                        {"name": "patient-value", "use": "out", "min": 0, "max": "1", "type": "string"},
                        {"name": "met", "use": "out", "min": 1, "max": "1", "type": "boolean"},
                        {"name": "reason", "use": "out", "min": 0, "max": "1", "type": "string"},
                    ],
                },
            ],
        },
    ],
}
