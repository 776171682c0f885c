"""The OperationDefinitions of the audit trail (FHIR R4; ours, docs/audit.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from profiles.json import Resource

AUDITORS: Final = frozenset({"administrator", "auditor"})


def _parameter(name: str, use: str, type_: str, text: str = "", *, least: int = 0, most: str = "1") -> Resource:
    made: Resource = {"name": name, "use": use, "min": least, "max": most, "type": type_}
    return {**made, "documentation": text} if text else made


def _definition(
    code: str, title: str, description: str, on: str, parameters: Sequence[Resource], *, instance: bool = False
) -> Resource:
    return {
        "resourceType": "OperationDefinition",
        "id": f"{on.lower()}-{code}",
        "url": f"https://assent.example/fhir/OperationDefinition/{on.lower()}-{code}",
        "version": "1.0.0",
        "name": f"{on}{''.join(part.capitalize() for part in code.split('-'))}",
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": False,
        "description": description,
        "code": code,
        "resource": [on],
        "system": False,
        "type": not instance,
        "instance": instance,
        "parameter": list(parameters),
    }


_PERIOD: Final = (
    _parameter("from", "in", "dateTime", "Records made then or later; a date, or an instant with its time zone."),
    _parameter("to", "in", "dateTime", "Records made before then; of a date, its whole day counts."),
)

VERIFY: Final = _definition(
    "verify",
    "Tell whether the audit trail is whole",
    "Follows the chain of the tenant's audit records and names the first link that does not hold. For auditors and "
    "administrators.",
    "AuditEvent",
    (
        _parameter("scope", "in", "code", "`all` (the default), or `recent`: from the newest checkpoint that still fits."),
        _parameter(
            "witness", "in", "string", "A `head` that was noted outside before: it must still be part of the trail."
        ),
        _parameter("result", "out", "boolean", "Whether every link holds.", least=1),
        _parameter(
            "records", "out", "decimal", "How many records there are, those that retention took away included.", least=1
        ),
        _parameter(
            "head", "out", "string", "What to note outside: the number of records and the end of the chain.", least=1
        ),
        _parameter("pruned", "out", "decimal", "How many of the records retention took away."),
        _parameter(
            "checkpoint", "out", "string", "Signed statements (JWS) about the trail, where they are asked for.", most="*"
        ),
        {
            "name": "broken",
            "use": "out",
            "min": 0,
            "max": "1",
            "documentation": "The first link that does not hold, and how many there are.",
            "part": [
                _parameter("kind", "out", "code", "missing, edited, reordered, truncated or forged-checkpoint", least=1),
                _parameter("position", "out", "decimal", "The number of the first record that is not as it was.", least=1),
                _parameter("message", "out", "string", least=1),
                _parameter("after", "out", "Reference", "The last AuditEvent before it that is sound."),
                _parameter("after-time", "out", "instant", "When that was made."),
                _parameter("before", "out", "Reference", "The first AuditEvent behind it."),
                _parameter("links", "out", "decimal", "How many links do not hold.", least=1),
            ],
        },
    ),
)
VERIFY["parameter"].insert(
    2, _parameter("checkpoints", "in", "boolean", "Whether the signed statements are wanted as well.")
)

EXPORT: Final = _definition(
    "export-trail",
    "Export the audit trail",
    "Streams the tenant's AuditEvents in the order in which they were made, for compliance tools. For auditors and "
    "administrators.",
    "AuditEvent",
    (
        *_PERIOD,
        _parameter("format", "in", "code", "`ndjson` (the default) or `csv`."),
        _parameter("return", "out", "Binary", least=1),
    ),
)

TAIL: Final = _definition(
    "tail",
    "Watch the audit trail",
    "Server-sent events: each AuditEvent of the tenant as it is made. For auditors and administrators; ends with the token.",
    "AuditEvent",
    (_parameter("return", "out", "Binary", least=1),),
)

_DISCLOSURE: Final = {
    "name": "disclosure",
    "use": "out",
    "min": 0,
    "max": "*",
    "documentation": "One disclosure: when, recipient, recipient-reference, purpose, kind, exempt, what (references), event.",
}
_REPORT: Final = (
    *_PERIOD,
    _parameter("required", "in", "boolean", "Only what 45 CFR 164.528 asks for: not treatment, payment, operations."),
    _parameter("format", "in", "code", "`json` (the default) or `csv`."),
    _DISCLOSURE,
)
_ACCOUNT: Final = "Who was sent or shown something of the patient's record, when, why and what (45 CFR 164.528)."

DISCLOSURES: Final = _definition("disclosures", "Account for disclosures", _ACCOUNT, "Patient", _REPORT, instance=True)
DISCLOSURES_OF: Final = _definition(
    "disclosures",
    "Account for disclosures",
    _ACCOUNT,
    "AuditEvent",
    (_parameter("patient", "in", "id", "The id of the Patient.", least=1), *_REPORT),
)
