"""The OperationDefinitions of the terminology operations (FHIR R4; facts of the specification, and R5's additions)."""

from __future__ import annotations

from typing import Final, Literal

from profiles.json import Resource

_PINS: Final = "system-version:canonical* check-system-version:canonical* force-system-version:canonical*"
_SHARED: Final = (
    f"displayLanguage:code useSupplement:canonical* default-valueset-version:canonical* tx-resource:Resource* {_PINS}"
)
_CODE: Final = (
    "code:code display:string coding:Coding codeableConcept:CodeableConcept abstract:boolean"
    " lenient-display-validation:boolean date:dateTime"
)

PARAMETERS: Final = {
    "CodeSystem-lookup": f"code:code system:uri version:string coding:Coding date:dateTime property:code* {_SHARED}",
    "CodeSystem-validate-code": f"url:uri codeSystem:CodeSystem system:uri version:string systemVersion:string {_CODE} {_SHARED}",
    "CodeSystem-subsumes": f"codeA:code codeB:code system:uri version:string codingA:Coding codingB:Coding {_SHARED}",
    "ValueSet-expand": (
        "url:uri valueSet:ValueSet valueSetVersion:string filter:string date:dateTime offset:integer count:integer"
        " includeDesignations:boolean designation:string* includeDefinition:boolean activeOnly:boolean excludeNested:boolean"
        f" property:string* {_SHARED}"
    ),
    "ValueSet-validate-code": (
        "url:uri valueSet:ValueSet valueSetVersion:string system:uri systemVersion:string inferSystem:boolean"
        f" valueset-membership-only:boolean activeOnly:boolean {_CODE} {_SHARED}"
    ),
    "ValueSet-batch-validate-code": f"url:uri valueSet:ValueSet validation:Parameters* {_CODE} {_SHARED}",
    "ConceptMap-closure": "name:string concept:Coding* version:string",
    "ConceptMap-translate": (
        "url:uri conceptMap:ConceptMap conceptMapVersion:string code:code system:uri version:string source:uri target:uri"
        " coding:Coding codeableConcept:CodeableConcept targetsystem:uri reverse:boolean sourceCode:code sourceSystem:uri"
        " sourceCoding:Coding sourceCodeableConcept:CodeableConcept sourceScope:uri targetScope:uri targetSystem:uri"
        f" targetCode:code targetCoding:Coding {_SHARED}"
    ),
}
"""Input parameters by type and code: `name:type`, with `*` where it may repeat."""

_MEANINGS: Final = {
    "lookup": "What is known of a code.",
    "validate-code": "Whether a code is valid, and with which display.",
    "subsumes": "How one code stands to another.",
    "expand": "The codes of a value set.",
    "batch-validate-code": "Several codes checked in one request.",
    "translate": "The counterparts of a code in other code systems.",
    "closure": "What is new in a client's table of which codes subsume which.",
}


def definition(resource_type: str, code: str, level: Literal["system", "type", "instance"]) -> Resource:
    """The OperationDefinition of an operation at one level."""
    name = f"{resource_type}-{code}"
    parts = [_parameter(row) for row in dict.fromkeys(PARAMETERS[name].split())]
    return {
        "resourceType": "OperationDefinition",
        "id": f"{name.lower()}-{level}",
        "url": f"http://hl7.org/fhir/OperationDefinition/{name}",
        "name": "".join(word.capitalize() for word in name.split("-")),
        "status": "active",
        "kind": "operation",
        "affectsState": code == "closure",
        "description": _MEANINGS[code],
        "code": code,
        "resource": [resource_type],
        "system": level == "system",
        "type": level == "type",
        "instance": level == "instance",
        "parameter": [*parts, _output(code)],
    }


def _parameter(row: str) -> Resource:
    name, _, type_ = row.partition(":")
    repeats = type_.endswith("*")
    return {"name": name, "use": "in", "min": 0, "max": "*" if repeats else "1", "type": type_.rstrip("*")}


def _output(code: str) -> Resource:
    known = {"expand": ("return", "ValueSet"), "subsumes": ("outcome", "code"), "closure": ("return", "ConceptMap")}
    name, type_ = known.get(code, ("return", "Parameters"))
    return {"name": name, "use": "out", "min": 1, "max": "1", "type": type_}
