"""A record as AuditEvent (R4), by the patterns of IHE BALP 1.1: which profile it conforms to, its agents and entities.

BALP tells of what succeeded: an event says that it conforms (`meta.profile`) when it is one of its interactions, done, and names
the client, its network address and what was read or written. What it does not know (operations, bundles, history, refusals,
sign-ins) is said in the same way as far as that goes. A search that finds several patients is one event that names them all.
"""

from __future__ import annotations

import base64
from typing import Final

from profiles.json import Resource
from server.audit.record import AuditRecord

USUAL_PURPOSE: Final = "HPAYMT"
"""Healthcare payment: why a prior authorization server touches a record unless the caller says otherwise."""

OUTCOMES: Final = {2: "0", 4: "4", 5: "8"}

_RESTFUL: Final = "http://hl7.org/fhir/restful-interaction"
_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PROVENANCE: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_BALP: Final = "https://profiles.ihe.net/ITI/BALP/"
_REQUEST_ID: Final = f"{_BALP}CodeSystem/BasicAuditEntityType"
_OWN: Final = "https://assent.example/fhir/CodeSystem/"

SYSTEMS: Final = {
    "agent-role": (f"{_OWN}role",),
    "entity-role": (_ENTITY_ROLE,),
    "entity-type": (_ENTITY_TYPE, _REQUEST_ID, f"{_OWN}audit-entity"),
    "purpose": (_REASON,),
    "subtype": (_RESTFUL, _DICOM, f"{_OWN}activity", f"{_OWN}operation"),
    "type": (_EVENT_TYPE, _DICOM),
}
"""The code systems of all that an event says, by search parameter."""

_PROFILES: Final = {
    "read": "Read",
    "vread": "Read",
    "search-type": "Query",
    "search-system": "Query",
    "create": "Create",
    "update": "Update",
    "patch": "Update",
    "delete": "Delete",
}
"""BALP's name for an interaction."""

_SENDS: Final = (_DICOM, "110153")
_TAKES: Final = (_DICOM, "110152")
_SIDES: Final = {
    "Read": (_TAKES, _SENDS),
    "Delete": ((_DICOM, "110150"), (_PROVENANCE, "custodian")),
}
"""By BALP's name, what the client and the server are; in all else the client sends and the server takes."""

_RECIPIENT: Final = frozenset({"Read", "Query", ""})
"""Where the user learns something; elsewhere they are the author."""

_EMERGENCY: Final = "110127"
"""With what was done while the glass was broken."""

_AUTHENTICATION: Final = {"sign-in": "110122", "sign-out": "110123"}
_SECURITY: Final = (
    "client-",
    "consent",
    "keys-",
    "launch-",
    "patient-choose",
    "provider-",
    "role-",
    "tenant-",
    "token-",
    "user-",
)
"""Activities that are about who may do what, by the beginning of their names; no operation has such a name."""


def purpose_of(record: AuditRecord) -> str:
    """A v3 PurposeOfUse code."""
    return record.purpose or USUAL_PURPOSE


def to_audit_event(record: AuditRecord, id_: str, recorded: str, base_url: str) -> Resource:
    """The AuditEvent that a record stands for."""
    type_, subtypes = _kind(record)
    if record.reason:
        subtypes.append({"system": _DICOM, "code": _EMERGENCY, "display": "Emergency Override Started"})
    meta: Resource = {"versionId": "1", "lastUpdated": recorded}
    profile = _profile(record)
    if profile is not None:
        meta["profile"] = [f"{_BALP}StructureDefinition/IHE.BasicAudit.{profile}"]
    event: Resource = {
        "resourceType": "AuditEvent",
        "id": id_,
        "meta": meta,
        "type": type_,
        "subtype": subtypes,
        "action": record.action,
        "recorded": recorded,
        "outcome": OUTCOMES.get(record.status // 100, "0"),
    }
    if record.refusal:
        event["outcomeDesc"] = f"{record.status} {record.refusal}"
    event["purposeOfEvent"] = [_concept(_REASON, purpose_of(record))]
    event["agent"] = _agents(record, base_url)
    event["source"] = {
        "site": base_url,
        "observer": {"display": "Assent"},
        "type": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                "code": "4",
                "display": "Application Server",
            }
        ],
    }
    event["entity"] = _entities(record)
    return event


def _kind(record: AuditRecord) -> tuple[Resource, list[Resource]]:
    """`type` and `subtype`."""
    rest = {"system": _EVENT_TYPE, "code": "rest", "display": "RESTful Operation"}
    name = record.interaction.removeprefix("$")
    activity = {"system": f"{_OWN}activity", "code": name}
    if name in _AUTHENTICATION:
        return {"system": _DICOM, "code": "110114"}, [{"system": _DICOM, "code": _AUTHENTICATION[name]}, activity]
    if name.startswith(_SECURITY):
        return {"system": _DICOM, "code": "110113"}, [activity]
    if record.status == 0:
        return rest, [activity]
    if name != record.interaction:
        return rest, [{"system": _RESTFUL, "code": "operation"}, {"system": f"{_OWN}operation", "code": name}]
    return rest, [{"system": _RESTFUL, "code": name}]


def _profile(record: AuditRecord) -> str | None:
    """The name of the BALP profile that the event conforms to."""
    name = _PROFILES.get(record.interaction)
    if name is None or not 200 <= record.status < 300 or not record.client or not record.address:
        return None
    if not record.query if name == "Query" else len(record.entities) != 1:
        return None
    return f"Patient{name}" if len(record.patients) == 1 else name


def _agents(record: AuditRecord, base_url: str) -> list[Resource]:
    name = _PROFILES.get(record.interaction, "")
    client_type, server_type = _SIDES.get(name, (_SENDS, _TAKES))
    user: Resource = {
        "type": _concept(_PARTICIPATION, "IRCP" if name in _RECIPIENT else "AUT"),
        "who": {"identifier": {"value": record.subject or "anonymous"}},
        "altId": record.subject or "anonymous",
        "requestor": True,
    }
    if record.fhir_user:
        user["who"]["reference"] = record.fhir_user
    if record.roles:
        user["role"] = [_concept(f"{_OWN}role", role) for role in record.roles]
    if record.purpose:
        user["purposeOfUse"] = [_concept(_REASON, record.purpose)]
    agents = [user]
    if record.client or record.address:
        client: Resource = {
            "type": _concept(*client_type),
            "who": {"identifier": {"value": record.client or "unknown"}},
            "requestor": False,
        }
        if record.address:
            client["network"] = {"address": record.address, "type": "2"}
        agents.append(client)
    server = {"identifier": {"value": base_url}, "display": "Assent"}
    network = {"address": base_url, "type": "5"}
    agents.append({"type": _concept(*server_type), "who": server, "requestor": False, "network": network})
    return agents


def without_server(event: Resource) -> Resource:
    """For the index: nobody looks for the server itself, which is in every event."""
    return {**event, "agent": event["agent"][:-1]}


def _entities(record: AuditRecord) -> list[Resource]:
    entities: list[Resource] = [
        {
            "what": {"reference": f"Patient/{patient}"},
            "type": {"system": _ENTITY_TYPE, "code": "1", "display": "Person"},
            "role": {"system": _ENTITY_ROLE, "code": "1", "display": "Patient"},
        }
        for patient in record.patients
    ]
    data = {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"}
    is_query = _PROFILES.get(record.interaction) == "Query"
    entities += [
        {
            "what": {"reference": reference},
            "type": {"system": f"{_OWN}audit-entity", "code": "found"} if is_query else data,
            "role": {"system": _ENTITY_ROLE, "code": "4", "display": "Domain Resource"},
        }
        for reference in record.entities
    ]
    if record.reason:
        why = {"system": f"{_OWN}audit-entity", "code": "break-glass-reason"}
        entities.append({"type": why, "description": record.reason})
    if record.query:
        entities.append(
            {
                "type": data if is_query else {"system": f"{_OWN}audit-entity", "code": "query"},
                "role": {"system": _ENTITY_ROLE, "code": "24", "display": "Query"},
                "query": base64.b64encode(record.query.encode()).decode(),
            }
        )
    entities.append(
        {"what": {"identifier": {"value": record.request_id}}, "type": {"system": _REQUEST_ID, "code": "XrequestId"}}
    )
    return entities


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}
