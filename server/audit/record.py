"""What is noted of an interaction, compactly: some 200 bytes, encoded in a few microseconds, sealed with its batch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from profiles.json import Resource
from server.store.audit_chain import LINK_BYTES


class AuditRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One interaction as it was answered. `recorded` is microseconds; references are local (`Patient/1/_history/2`)."""

    recorded: int
    interaction: str
    """A FHIR restful-interaction code (`read`, `search-type`, ...) or an operation (`$submit`)."""
    action: str
    """C, R, U, D or E."""
    status: int
    """The HTTP status of the answer (0 for work that no request asked for)."""
    request_id: str
    subject: str
    client: str
    roles: tuple[str, ...]
    fhir_user: str
    address: str
    entities: tuple[str, ...]
    patients: tuple[str, ...]
    query: str
    """The search as it was asked (empty for others)."""
    refusal: str
    """Our error code when the answer was a refusal."""
    purpose: str
    """A v3 PurposeOfUse code."""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AuditRecord)
_BATCH: Final = msgspec.msgpack.Decoder(list[bytes | list[bytes]])


def encode(record: AuditRecord) -> bytes:
    return _ENCODER.encode(record)


def encode_batch(records: Sequence[bytes], before: bytes = b"") -> bytes:
    """`before` is the hash of the tenant's batch that this one follows."""
    return _ENCODER.encode((before[:LINK_BYTES], records))


def decode_batch(data: bytes) -> list[AuditRecord]:
    return open_batch(data)[1]


def open_batch(data: bytes) -> tuple[bytes | None, list[AuditRecord]]:
    """What the batch says that it follows (None: written before batches said it), and its records."""
    items = _BATCH.decode(data)
    if len(items) == 2 and isinstance(items[0], bytes) and isinstance(items[1], list):
        return items[0], [_DECODER.decode(item) for item in items[1]]
    return None, [_DECODER.decode(item) for item in items if isinstance(item, bytes)]


PURPOSE_OPERATIONS: Final = "HPAYMT"
"""Healthcare payment: why a prior authorization server touches a record unless the caller says otherwise."""

_RESTFUL: Final = "http://hl7.org/fhir/restful-interaction"
_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_OWN: Final = "https://assent.example/fhir/CodeSystem/"

SYSTEMS: Final = {
    "agent-role": (f"{_OWN}role",),
    "entity-role": (_ENTITY_ROLE,),
    "entity-type": (_ENTITY_TYPE, f"{_OWN}audit-entity"),
    "subtype": (_RESTFUL, f"{_OWN}activity", f"{_OWN}operation"),
    "type": (_EVENT_TYPE,),
}
"""The code systems of all that `to_audit_event` says, by search parameter."""

_OUTCOMES: Final = {2: "0", 4: "4", 5: "8"}


def to_audit_event(record: AuditRecord, id_: str, recorded: str, base_url: str) -> Resource:
    """The AuditEvent (R4; BALP patterns for RESTful activity) that a record stands for."""
    operation = record.interaction.startswith("$")
    subtype = {"system": _RESTFUL, "code": "operation" if operation else record.interaction}
    if record.status == 0:
        subtype = {
            "system": f"{_OWN}activity",
            "code": record.interaction.removeprefix("$"),
        }
    event: Resource = {
        "resourceType": "AuditEvent",
        "id": id_,
        "meta": {"versionId": "1", "lastUpdated": recorded},
        "type": {
            "system": _EVENT_TYPE,
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [subtype],
        "action": record.action,
        "recorded": recorded,
        "outcome": _OUTCOMES.get(record.status // 100, "0"),
    }
    if operation:
        event["subtype"].append({"system": f"{_OWN}operation", "code": record.interaction[1:]})
    if record.refusal:
        event["outcomeDesc"] = f"{record.status} {record.refusal}"
    event["purposeOfEvent"] = [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                    "code": record.purpose or PURPOSE_OPERATIONS,
                }
            ]
        }
    ]
    event["agent"] = _agents(record)
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


def _agents(record: AuditRecord) -> list[Resource]:
    user: Resource = {
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
        "who": {"identifier": {"value": record.subject or "anonymous"}},
        "altId": record.subject or "anonymous",
        "requestor": True,
    }
    if record.fhir_user:
        user["who"]["reference"] = record.fhir_user
    if record.roles:
        user["role"] = [{"coding": [{"system": f"{_OWN}role", "code": role}]} for role in record.roles]
    if record.address:
        user["network"] = {"address": record.address, "type": "2"}
    agents = [user]
    if record.client:
        agents.append(
            {
                "type": {"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110150"}]},
                "who": {"identifier": {"value": record.client}},
                "requestor": False,
            }
        )
    return agents


def _entities(record: AuditRecord) -> list[Resource]:
    kind, role = _ENTITY_TYPE, _ENTITY_ROLE
    entities: list[Resource] = [
        {
            "what": {"reference": f"Patient/{patient}"},
            "type": {"system": kind, "code": "1", "display": "Person"},
            "role": {"system": role, "code": "1", "display": "Patient"},
        }
        for patient in record.patients
    ]
    entities += [
        {
            "what": {"reference": reference},
            "type": {"system": kind, "code": "2", "display": "System Object"},
            "role": {"system": role, "code": "4", "display": "Domain Resource"},
        }
        for reference in record.entities
    ]
    if record.query:
        entities.append(
            {
                "type": {"system": kind, "code": "2", "display": "System Object"},
                "role": {"system": role, "code": "24", "display": "Query"},
                "query": base64.b64encode(record.query.encode()).decode(),
            }
        )
    entities.append(
        {
            "what": {"identifier": {"value": record.request_id}},
            "type": {"system": f"{_OWN}audit-entity", "code": "request-id"},
        }
    )
    return entities
