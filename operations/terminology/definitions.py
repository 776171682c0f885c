"""The OperationDefinitions of the terminology operations (FHIR R4; facts of the specification, and R5's additions)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Level, Parameter, needed, rows

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

_TEXTS: Final = {
    "abstract": "Whether codes that are not for use count as well.",
    "activeOnly": "Codes that are retired are left out.",
    "check-system-version": "url|version that a code system must be of; anything else is an error.",
    "code": "A code, of `system`.",
    "codeableConcept": "A concept, any of whose codings counts.",
    "coding": "A code with its system.",
    "concept": "What is to be added to the table.",
    "count": "Codes on a page.",
    "date": "The moment that is asked about.",
    "default-valueset-version": "url|version for value sets that are named without one.",
    "designation": "Which languages and uses of other words are wanted.",
    "display": "The words that came with the code, to be checked.",
    "displayLanguage": "The language of the words, as Accept-Language.",
    "excludeNested": "All codes in one list.",
    "filter": "Only codes whose words match.",
    "force-system-version": "url|version that is taken whatever is named elsewhere.",
    "includeDefinition": "The definition of the value set as well.",
    "includeDesignations": "Other words for the codes as well.",
    "inferSystem": "The system is the one of the value set that has the code.",
    "lenient-display-validation": "Wrong words are a warning.",
    "name": "Of the table.",
    "offset": "Codes that are passed over.",
    "property": "Properties of codes that are wanted.",
    "reverse": "From the target to the source.",
    "system": "The code system, by its URL.",
    "system-version": "url|version for code systems that are named without one.",
    "target": "The value set into which it is translated.",
    "targetsystem": "The code system into which it is translated.",
    "tx-resource": "A definition that counts for this question alone.",
    "url": "The canonical of the definition.",
    "useSupplement": "Supplements that are to be heeded.",
    "version": "Of the definition, or of the table.",
}

_MEANINGS: Final = {
    "lookup": "What is known of a code.",
    "validate-code": "Whether a code is valid, and with which display.",
    "subsumes": "How one code stands to another.",
    "expand": "The codes of a value set.",
    "batch-validate-code": "Several codes checked in one request.",
    "translate": "The counterparts of a code in other code systems.",
    "closure": "What is new in a client's table of which codes subsume which.",
}


_TITLES: Final = {
    "lookup": "Look a code up",
    "validate-code": "Check a code",
    "subsumes": "Compare two codes",
    "expand": "Expand a value set",
    "batch-validate-code": "Check several codes",
    "translate": "Translate a code",
    "closure": "Keep a closure table",
}
_CHECKED: Final = (
    *rows("result:boolean! code:code system:uri version:string display:string inactive:boolean status:code message:string"),
    *rows("codeableConcept:CodeableConcept issues:OperationOutcome x-caused-by-unknown-system:canonical*"),
    *rows("x-unknown-system:canonical*"),
)
_VALUE: Final = Parameter("value", "Element")
_DESIGNATION: Final = rows("language:code use:Coding source:canonical value:string!")
_PROPERTY: Final = (needed("code", "code"), _VALUE, Parameter("description", "string"))
_MATCH: Final = rows("equivalence:code! relationship:code concept:Coding source:Coding originMap:canonical")
GIVES: Final = {
    "lookup": (
        *rows("name:string! version:string display:string! definition:string abstract:boolean code:code system:uri"),
        *rows("used-supplement:canonical*"),
        Parameter("designation", text="The display in other words or languages.", most=None, parts=_DESIGNATION),
        Parameter("property", text="What else is known of the code.", most=None, parts=_PROPERTY),
    ),
    "validate-code": _CHECKED,
    "batch-validate-code": (Parameter("validation", "Resource", "The answer to each, in their order.", most=None),),
    "subsumes": rows("outcome:code!"),
    "expand": rows("return:ValueSet!"),
    "closure": rows("return:ConceptMap!"),
    "translate": (
        *rows("result:boolean! message:string"),
        Parameter("match", text="One counterpart.", most=None, parts=_MATCH),
    ),
}
"""What is answered, by code."""
_BODIES: Final = {"ValueSet": "valueSet", "CodeSystem": "codeSystem", "ConceptMap": "conceptMap"}


def definition(resource_type: str, code: str, levels: tuple[Level, ...]) -> Definition:
    """The definition of a terminology operation."""
    name = f"{resource_type}-{code}"
    return Definition(
        id=name,
        code=code,
        title=_TITLES[code],
        text=_MEANINGS[code],
        levels=levels,
        on=(resource_type,),
        takes=rows(PARAMETERS[name], _TEXTS),
        gives=GIVES[code],
        affects_state=code == "closure",
        url=f"http://hl7.org/fhir/OperationDefinition/{name}",
        version="4.0.1",
        body=_BODIES[resource_type],
    )
