"""Validation of resources against R4's rules and profiles (FHIR R4 validation.html, profiling.html).

    from profiles.conformance import Definitions, Validator
    definitions = Definitions()
    definitions.add(profile)                       # or definitions.load_package(data)
    findings = Validator(definitions).validate(resource, profiles=["https://example.org/StructureDefinition/a"])

profiles/base_validation.py says first whether the JSON has the structure of its type; here follow invariants, bindings, extensions,
references, Bundles, QuestionnaireResponses and profiles. docs/validation.md tells what is checked.
"""

from profiles.conformance.bindings import Membership, NoTerminology, Terminology
from profiles.conformance.code_lists import CodeLists
from profiles.conformance.definitions import Definitions
from profiles.conformance.findings import Finding
from profiles.conformance.packages import PackageError
from profiles.conformance.validator import Options, Validator

__all__ = [
    "CodeLists",
    "Definitions",
    "Finding",
    "Membership",
    "NoTerminology",
    "Options",
    "PackageError",
    "Terminology",
    "Validator",
]
