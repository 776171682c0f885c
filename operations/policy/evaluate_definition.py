"""The definition of `Library/[id]/$evaluate` (ours, docs/policies.md)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed

_CONDITION: Final = (
    needed("condition", "string"),
    Parameter("patient-value", "string"),
    needed("met", "boolean"),
    Parameter("reason", "string"),
)
_RULE: Final = (
    needed("rule-id", "string"),
    Parameter("description", "string"),
    needed("met", "boolean"),
    needed("state", "code"),
    needed("logic", "code"),
    Parameter("condition", text="What the rule asks for, one by one.", most=None, parts=_CONDITION),
)

LIBRARY_EVALUATE_DEFINITION: Final = Definition(
    id="library-evaluate",
    code="evaluate",
    title="Evaluate the criteria of a payer policy",
    text="Judges evidence by the criteria that the Library carries. Evidence JSON sent as the body itself is answered "
    "with the result JSON; Parameters are answered with Parameters.",
    levels=("instance",),
    on=("Library",),
    takes=(
        Parameter("evidence", "string", "Evidence JSON, nested or flat."),
        Parameter(
            "patient",
            "Reference",
            "A stored Patient whose record is read for evidence; also taken as a string.",
            targets=("Patient",),
            also=("string",),
        ),
    ),
    gives=(
        needed("result", "string", "The result as JSON."),
        needed("all-criteria-met", "boolean"),
        needed("total-rules", "integer"),
        needed("rules-met", "integer"),
        needed("rules-failed", "integer"),
        Parameter("rule", text="One rule, with its conditions.", most=None, parts=_RULE),
    ),
)
