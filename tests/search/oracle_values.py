"""What the oracle of searches looks at: R4's own FHIRPath expressions of search parameters, evaluated as they stand.

The server walks what it makes of them (profiles/search_walks.py); here the expression of the SearchParameter is evaluated by the FHIRPath
engine, so that the two ways meet in the values alone. Composite parameters have the expression of their places, and one for each part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from profiles.fhirpath import Expression, Node, Services, compile_expression

Resource = dict[str, Any]

_PERSON: Final = {
    "name": "{T}.name", "family": "{T}.name.family", "given": "{T}.name.given", "gender": "{T}.gender", "phonetic": "{T}.name",
    "address": "{T}.address", "address-city": "{T}.address.city", "address-state": "{T}.address.state", "address-country": "{T}.address.country",
    "address-postalcode": "{T}.address.postalCode", "address-use": "{T}.address.use", "telecom": "{T}.telecom",
    "phone": "{T}.telecom.where(system='phone')", "email": "{T}.telecom.where(system='email')",
}  # fmt: skip

EXPRESSIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Resource": {
        "_id": "id", "_lastUpdated": "meta.lastUpdated", "_profile": "meta.profile", "_tag": "meta.tag", "_security": "meta.security", "_source": "meta.source",
    },
    "Patient": {
        **{code: text.replace("{T}", "Patient") for code, text in _PERSON.items()},
        "identifier": "Patient.identifier", "active": "Patient.active", "birthdate": "Patient.birthDate",
        "death-date": "(Patient.deceased as dateTime)", "deceased": "Patient.deceased.exists() and Patient.deceased != false",
        "general-practitioner": "Patient.generalPractitioner", "organization": "Patient.managingOrganization", "language": "Patient.communication.language",
        "link": "Patient.link.other",
    },
    "Practitioner": {
        **{code: text.replace("{T}", "Practitioner") for code, text in _PERSON.items()},
        "identifier": "Practitioner.identifier", "active": "Practitioner.active", "communication": "Practitioner.communication",
    },
    "Organization": {
        "identifier": "Organization.identifier", "active": "Organization.active", "name": "Organization.name | Organization.alias", "partof": "Organization.partOf",
        "type": "Organization.type", "address-city": "Organization.address.city", "endpoint": "Organization.endpoint",
    },
    "Observation": {
        "identifier": "Observation.identifier", "status": "Observation.status", "category": "Observation.category", "code": "Observation.code", "subject": "Observation.subject",
        "patient": "Observation.subject.where(resolve() is Patient)", "date": "Observation.effective", "performer": "Observation.performer", "encounter": "Observation.encounter",
        "value-quantity": "(Observation.value as Quantity) | (Observation.value as SampledData)", "value-concept": "(Observation.value as CodeableConcept)",
        "value-string": "(Observation.value as string) | (Observation.value as CodeableConcept).text", "value-date": "(Observation.value as dateTime) | (Observation.value as Period)",
        "component-code": "Observation.component.code", "component-value-quantity": "(Observation.component.value as Quantity) | (Observation.component.value as SampledData)",
        "combo-code": "Observation.code | Observation.component.code", "data-absent-reason": "Observation.dataAbsentReason",
        "combo-value-quantity": "(Observation.value as Quantity) | (Observation.value as SampledData) | (Observation.component.value as Quantity) | (Observation.component.value as SampledData)",
        "based-on": "Observation.basedOn", "has-member": "Observation.hasMember", "derived-from": "Observation.derivedFrom",
    },
    "Condition": {
        "identifier": "Condition.identifier", "clinical-status": "Condition.clinicalStatus", "code": "Condition.code", "subject": "Condition.subject", "category": "Condition.category",
        "patient": "Condition.subject.where(resolve() is Patient)", "encounter": "Condition.encounter", "recorded-date": "Condition.recordedDate", "severity": "Condition.severity",
        "onset-date": "Condition.onset.as(dateTime) | Condition.onset.as(Period)", "onset-age": "Condition.onset.as(Age) | Condition.onset.as(Range)",
        "abatement-date": "Condition.abatement.as(dateTime) | Condition.abatement.as(Period)", "abatement-string": "Condition.abatement.as(string)", "asserter": "Condition.asserter",
    },
    "Encounter": {
        "identifier": "Encounter.identifier", "status": "Encounter.status", "class": "Encounter.class", "subject": "Encounter.subject", "patient": "Encounter.subject.where(resolve() is Patient)",
        "date": "Encounter.period", "length": "Encounter.length", "service-provider": "Encounter.serviceProvider", "part-of": "Encounter.partOf", "participant": "Encounter.participant.individual",
        "location": "Encounter.location.location",
    },
    "RiskAssessment": {
        "identifier": "RiskAssessment.identifier", "subject": "RiskAssessment.subject", "date": "(RiskAssessment.occurrence as dateTime)",
        "patient": "RiskAssessment.subject.where(resolve() is Patient)", "probability": "RiskAssessment.prediction.probability", "condition": "RiskAssessment.condition",
    },
    "ServiceRequest": {
        "status": "ServiceRequest.status", "intent": "ServiceRequest.intent", "code": "ServiceRequest.code", "subject": "ServiceRequest.subject", "authored": "ServiceRequest.authoredOn",
        "patient": "ServiceRequest.subject.where(resolve() is Patient)", "occurrence": "ServiceRequest.occurrence", "requester": "ServiceRequest.requester", "priority": "ServiceRequest.priority",
        "replaces": "ServiceRequest.replaces", "based-on": "ServiceRequest.basedOn", "instantiates-uri": "ServiceRequest.instantiatesUri", "instantiates-canonical": "ServiceRequest.instantiatesCanonical",
    },
    "Questionnaire": {
        "url": "Questionnaire.url", "version": "Questionnaire.version", "title": "Questionnaire.title", "name": "Questionnaire.name", "status": "Questionnaire.status", "date": "Questionnaire.date",
        "publisher": "Questionnaire.publisher", "description": "Questionnaire.description", "effective": "Questionnaire.effectivePeriod",
    },
    "QuestionnaireResponse": {
        "status": "QuestionnaireResponse.status", "subject": "QuestionnaireResponse.subject", "patient": "QuestionnaireResponse.subject.where(resolve() is Patient)",
        "authored": "QuestionnaireResponse.authored", "questionnaire": "QuestionnaireResponse.questionnaire", "source": "QuestionnaireResponse.source",
    },
    "Location": {
        "name": "Location.name | Location.alias", "status": "Location.status", "near": "Location.position", "partof": "Location.partOf", "organization": "Location.managingOrganization",
    },
    "List": {"status": "List.status", "title": "List.title", "item": "List.entry.item", "date": "List.date", "subject": "List.subject", "code": "List.code"},
    "Group": {
        "actual": "Group.actual", "member": "Group.member.entity", "characteristic": "Group.characteristic.code", "exclude": "Group.characteristic.exclude",
        "value": "(Group.characteristic.value as CodeableConcept) | (Group.characteristic.value as boolean)", "type": "Group.type", "code": "Group.code",
    },
}  # fmt: skip
"""By type: the expression of each parameter that the oracle knows, as R4's SearchParameter resources have it."""

COMPOSITES: Final[Mapping[tuple[str, str], tuple[str, tuple[tuple[str, str], ...]]]] = {
    ("Observation", "code-value-quantity"): ("Observation", (("token", "code"), ("quantity", "value.as(Quantity)"))),
    ("Observation", "code-value-concept"): ("Observation", (("token", "code"), ("token", "value.as(CodeableConcept)"))),
    ("Observation", "code-value-date"): ("Observation", (("token", "code"), ("date", "value.as(dateTime) | value.as(Period)"))),
    ("Observation", "code-value-string"): ("Observation", (("token", "code"), ("string", "value.as(string)"))),
    ("Observation", "component-code-value-quantity"): ("Observation.component", (("token", "code"), ("quantity", "value.as(Quantity)"))),
    ("Observation", "combo-code-value-quantity"): ("Observation | Observation.component", (("token", "code"), ("quantity", "value.as(Quantity)"))),
    ("Group", "characteristic-value"): ("Group.characteristic", (("token", "code"), ("token", "value.as(CodeableConcept) | value.as(boolean)"))),
}  # fmt: skip
"""(type, code): where the parts lie together, and the kind and expression of each part."""


@dataclass(frozen=True)
class Item:
    """A value with its FHIR type."""

    kind: str
    value: Any


class _ByItsName:
    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        """A stand-in that has the type which the reference names: that is all that the expressions ask."""
        parts = reference.partition("/_history/")[0].split("/")
        return {"resourceType": parts[-2], "id": parts[-1]} if len(parts) > 1 and parts[-2].isalpha() else None


_SERVICES: Final = Services(resolver=_ByItsName())


@cache
def _compiled(text: str, type_: str) -> Expression:
    return compile_expression(text, type=type_, as_filters=True)


def _evaluated(text: str, type_: str, value: Any, resource: Resource) -> list[Item]:
    found = _compiled(text, type_).evaluate(value, resource=resource, services=_SERVICES)
    return [Item(one.type, one.value) if isinstance(one, Node) else Item(type(one).__name__, one) for one in found]


def values_of(resource: Resource, code: str) -> list[Item]:
    """What a parameter finds in a resource."""
    type_ = resource["resourceType"]
    text = EXPRESSIONS[type_].get(code) or EXPRESSIONS["Resource"][code]
    return [item for item in _evaluated(text, type_, resource, resource) if item.value is not None]


def places_of(resource: Resource, code: str) -> list[tuple[tuple[str, list[Item]], ...]]:
    """For a composite parameter: at each place, the kind and the values of each part."""
    type_ = resource["resourceType"]
    where, parts = COMPOSITES[type_, code]
    return [
        tuple((kind, _evaluated(text, place.kind, place.value, resource)) for kind, text in parts)
        for place in _evaluated(where, type_, resource, resource)
    ]
