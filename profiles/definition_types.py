"""The resource types by which others are understood: what is compiled from them may be kept until one of them changes.

FHIR R4's metadata resources (`metadataresource.html`), and NamingSystem, which has no URL in R4.
"""

from __future__ import annotations

from typing import Final

DEFINITION_TYPES: Final = frozenset(
    {
        "ActivityDefinition", "CapabilityStatement", "ChargeItemDefinition", "CodeSystem", "CompartmentDefinition", "ConceptMap",
        "EventDefinition", "ExampleScenario", "GraphDefinition", "ImplementationGuide", "Library", "Measure",
        "MessageDefinition", "NamingSystem", "OperationDefinition", "PlanDefinition", "Questionnaire", "SearchParameter",
        "StructureDefinition", "StructureMap", "TerminologyCapabilities", "TestScript", "ValueSet",
    }
)  # fmt: skip


def is_definition(type_: str) -> bool:
    """Whether resources of the type define how others are to be read."""
    return type_ in DEFINITION_TYPES
