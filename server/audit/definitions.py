"""The definitions of the audit trail's operations (ours, docs/audit.md)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed

AUDITORS: Final = frozenset({"administrator", "auditor"})
_ON: Final = ("AuditEvent",)
_PERIOD: Final = (
    Parameter("from", "dateTime", "Records made then or later; a date, or an instant with its time zone."),
    Parameter("to", "dateTime", "Records made before then; of a date, its whole day counts."),
)
_BREAK: Final = (
    needed("kind", "code", "missing, edited, reordered, truncated or forged-checkpoint"),
    needed("position", "decimal", "The number of the first record that is not as it was."),
    needed("message", "string"),
    Parameter("after", "Reference", "The last AuditEvent before it that is sound."),
    Parameter("after-time", "instant", "When that was made."),
    Parameter("before", "Reference", "The first AuditEvent behind it."),
    needed("links", "decimal", "How many links do not hold."),
)

VERIFY: Final = Definition(
    id="auditevent-verify",
    code="verify",
    title="Tell whether the audit trail is whole",
    text="Follows the chain of the tenant's audit records and names the first link that does not hold. For auditors and "
    "administrators.",
    levels=("type",),
    on=_ON,
    takes=(
        Parameter("scope", "code", "`all` (the default), or `recent`: from the newest checkpoint that still fits."),
        Parameter("witness", "string", "A `head` that was noted outside before: it must still be part of the trail."),
        Parameter("checkpoints", "boolean", "Whether the signed statements are wanted as well."),
    ),
    gives=(
        needed("result", "boolean", "Whether every link holds."),
        needed("records", "decimal", "How many records there are, those that retention took away included."),
        needed("head", "string", "What to note outside: the number of records and the end of the chain."),
        Parameter("pruned", "decimal", "How many of the records retention took away."),
        Parameter("checkpoint", "string", "Signed statements (JWS) about the trail, where they are asked for.", most=None),
        Parameter("broken", text="The first link that does not hold, and how many there are.", parts=_BREAK),
    ),
)

EXPORT: Final = Definition(
    id="auditevent-export-trail",
    code="export-trail",
    title="Export the audit trail",
    text="Streams the tenant's AuditEvents in the order in which they were made, for compliance tools. For auditors and "
    "administrators.",
    levels=("type",),
    on=_ON,
    takes=(*_PERIOD, Parameter("format", "code", "`ndjson` (the default) or `csv`.")),
    gives=(needed("return", "Binary"),),
)

TAIL: Final = Definition(
    id="auditevent-tail",
    code="tail",
    title="Watch the audit trail",
    text="Server-sent events: each AuditEvent of the tenant as it is made. For auditors and administrators; ends with the token.",
    levels=("type",),
    on=_ON,
    gives=(needed("return", "Binary"),),
)

_DISCLOSURE: Final = (
    needed("when", "instant"),
    Parameter("recipient", "string"),
    Parameter("recipient-reference", "Reference"),
    Parameter("kind", "string"),
    needed("purpose", "code"),
    needed("exempt", "boolean", "Whether 45 CFR 164.528 leaves it out of the account."),
    Parameter("what", "Reference", most=None),
    needed("event", "Reference", "The AuditEvent that tells of it."),
)
_REPORT: Final = (
    *_PERIOD,
    Parameter("required", "boolean", "Only what 45 CFR 164.528 asks for: not treatment, payment, operations."),
    Parameter("format", "code", "`json` (the default) or `csv`."),
)
_GIVEN: Final = (Parameter("disclosure", text="One disclosure.", most=None, parts=_DISCLOSURE),)
_ACCOUNT: Final = "Who was sent or shown something of the patient's record, when, why and what (45 CFR 164.528)."

DISCLOSURES: Final = Definition(
    id="patient-disclosures",
    code="disclosures",
    title="Account for disclosures",
    text=_ACCOUNT,
    levels=("instance",),
    on=("Patient",),
    takes=_REPORT,
    gives=_GIVEN,
)
DISCLOSURES_OF: Final = Definition(
    id="auditevent-disclosures",
    code="disclosures",
    title="Account for disclosures",
    text=_ACCOUNT,
    levels=("type",),
    on=_ON,
    takes=(needed("patient", "id", "The id of the Patient."), *_REPORT),
    gives=_GIVEN,
)
