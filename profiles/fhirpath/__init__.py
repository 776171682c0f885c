"""FHIRPath over plain JSON: parse, compile to closures, evaluate (FHIRPath 2.0 with the functions of FHIR R4).

    from profiles import fhirpath
    expression = fhirpath.compile_expression("name.where(use = 'official').given", type="Patient")
    expression.evaluate(patient)      # a list of system values and Nodes
    expression.test(patient)          # True, False or None for empty

docs/fhirpath.md tells what is supported, how values look, limits and costs.
"""

from profiles.fhirpath.environment import (
    Limits,
    Profiles,
    Resolver,
    Services,
    Terminology,
    Trace,
)
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.expression import Expression, compile_expression, unwrapped
from profiles.fhirpath.temporal import Date, DateTime, Time
from profiles.fhirpath.values import Node, Quantity, system_value

__all__ = [
    "Date",
    "DateTime",
    "Expression",
    "FhirPathError",
    "Limits",
    "Node",
    "Profiles",
    "Quantity",
    "Resolver",
    "Services",
    "Terminology",
    "Time",
    "Trace",
    "compile_expression",
    "system_value",
    "unwrapped",
]
