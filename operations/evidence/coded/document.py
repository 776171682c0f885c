"""Notes and documents: which kind each is, and the text that extractors are given (FHIR R4 DocumentReference, Binary,
Communication, and the free text inside Claim, DiagnosticReport, QuestionnaireResponse and `note` elements).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from operations.evidence.coded.attachments import Decoded, capped, decode
from operations.evidence.coded.claim import is_cancelled
from operations.evidence.coded.elements import Resolve, codes, items, obj, resource_of, source, text, type_of, when, words
from operations.evidence.coded.questionnaire import walk_items
from operations.evidence.fact import Fact
from operations.evidence.phrases import document_kind
from operations.packet import Entry

_KIND_BY_LOINC: Final = {
    "11506-3": "visit-note",
    "34117-2": "visit-note",
    "11488-4": "visit-note",
    "18748-4": "imaging-report",
    "11502-2": "lab-result",
    "11526-1": "pathology-report",
    "18776-5": "treatment-plan",
    "34133-9": "other",
    "18842-5": "other",
}
_NOTED: Final = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest", "Condition", "Procedure"})
_FREE_TEXT_ANSWER: Final = 30


@dataclass(frozen=True, slots=True)
class NoteText:
    """A text to be read, where it stands, the day it was written, and how far it may be trusted (0 to 1)."""

    reference: str
    expression: str
    content: Decoded
    written: date | None
    worth: float = 1.0


def document_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """`documents`: the kind of a current DocumentReference (or of a completed Communication's attachments)."""
    document = resource_of(entry)
    live = document.get("status") == ("current" if type_of(entry) == "DocumentReference" else "completed")
    if not live or document.get("docStatus") == "entered-in-error":
        return
    kinds = document.get("type"), document.get("category")
    known = next((_KIND_BY_LOINC[code] for code in sorted(codes(kinds[0])) if code in _KIND_BY_LOINC), None)
    titles = [text(obj(content.get("attachment")).get("title")) for _, content in items(document.get("content"))]
    described = words(kinds[0], text(document.get("description")), titles, kinds[1])
    kind = (known if known != "other" else None) or document_kind(described) or known or "other"
    written = when(document, "date", "sent")
    yield Fact("documents", [kind], source(entry, "type"), "coded", 0.9 if known else 0.75, written)


def attached(entry: Entry, resolve: Resolve) -> Iterator[str]:
    """The names of the Binaries that a document, message or report points at, whether or not it counts."""
    resource = resource_of(entry)
    held = [obj(content.get("attachment")) for _, content in items(resource.get("content"))]
    held += [obj(payload.get("contentAttachment")) for _, payload in items(resource.get("payload"))]
    held += [form for _, form in items(resource.get("presentedForm"))]
    for attachment in held:
        target = _target(entry, text(attachment.get("url")), resolve)
        if target is not None:
            yield target.reference


def note_texts(entry: Entry, resolve: Resolve) -> Iterator[NoteText]:
    """Every free text that a resource brings with it, or refers to."""
    resource = resource_of(entry)
    kind = type_of(entry)
    if kind == "DocumentReference":
        yield from _document(entry, resource, resolve)
    elif kind == "Binary":
        yield NoteText(entry.reference, "Binary.data", decode(resource), None)
    elif kind == "Communication":
        yield from _communication(entry, resource, resolve)
    elif kind == "Claim":
        for index, info in items(resource.get("supportingInfo")):
            said = text(info.get("valueString"))
            if said and not is_cancelled(info):
                place = f"Claim.supportingInfo[{index}].valueString"
                yield NoteText(entry.reference, place, capped(said), when(resource, "created"), 0.9)
            if isinstance(info.get("valueAttachment"), dict) and not is_cancelled(info):
                place = f"Claim.supportingInfo[{index}].valueAttachment"
                yield _attachment(entry, obj(info["valueAttachment"]), place, when(resource, "created"), resolve)
    elif kind == "DiagnosticReport":
        yield from _report(entry, resource, resolve)
    elif kind == "QuestionnaireResponse":
        yield from _answers(entry, resource)
    elif kind in _NOTED:
        yield from _annotations(entry, resource, kind)


def _document(entry: Entry, document: dict[str, Any], resolve: Resolve) -> Iterator[NoteText]:
    if document.get("status") != "current" or document.get("docStatus") == "entered-in-error":
        return
    written = when(obj(document.get("context")), "period") or when(document, "date")
    for index, content in items(document.get("content")):
        place = f"DocumentReference.content[{index}].attachment"
        yield _attachment(entry, obj(content.get("attachment")), place, written, resolve)


def _attachment(entry: Entry, attachment: dict[str, Any], place: str, written: date | None, resolve: Resolve) -> NoteText:
    written = written or when(attachment, "creation")
    url = text(attachment.get("url"))
    if attachment.get("data") is not None or not url:
        return NoteText(entry.reference, f"{place}.data", decode(attachment), written)
    target = _target(entry, url, resolve)
    if target is None:
        return NoteText(entry.reference, f"{place}.url", Decoded(unread="The attachment's content is not here."), written)
    return NoteText(target.reference, "Binary.data", decode(resource_of(target)), written)


def _target(entry: Entry, url: str, resolve: Resolve) -> Entry | None:
    """The Binary that `url` names, where it is among what may be read here."""
    target = (resolve(url, entry) or resolve(url.lstrip("/"), entry)) if url else None
    return target if target is not None and type_of(target) == "Binary" else None


def _communication(entry: Entry, message: dict[str, Any], resolve: Resolve) -> Iterator[NoteText]:
    if message.get("status") not in ("completed", "in-progress"):
        return
    written = when(message, "sent", "received")
    for index, payload in items(message.get("payload")):
        said = text(payload.get("contentString"))
        if said:
            yield NoteText(entry.reference, f"Communication.payload[{index}].contentString", capped(said), written, 0.9)
        elif isinstance(payload.get("contentAttachment"), dict):
            place = f"Communication.payload[{index}].contentAttachment"
            yield _attachment(entry, obj(payload["contentAttachment"]), place, written, resolve)


def _report(entry: Entry, report: dict[str, Any], resolve: Resolve) -> Iterator[NoteText]:
    if report.get("status") not in ("final", "amended", "corrected", "appended"):
        return
    written = when(report, "effectiveDateTime", "effectivePeriod", "issued")
    conclusion = text(report.get("conclusion"))
    if conclusion:
        yield NoteText(entry.reference, "DiagnosticReport.conclusion", capped(conclusion), written)
    for index, form in items(report.get("presentedForm")):
        yield _attachment(entry, form, f"DiagnosticReport.presentedForm[{index}]", written, resolve)


def _answers(entry: Entry, response: dict[str, Any]) -> Iterator[NoteText]:
    if response.get("status") not in ("completed", "amended"):
        return
    written = when(response, "authored")
    for item, path in walk_items(response):
        for index, answer in items(item.get("answer"))[:10]:
            said = text(answer.get("valueString"))
            if len(said) >= _FREE_TEXT_ANSWER:
                place = f"QuestionnaireResponse.{path}.answer[{index}].valueString"
                yield NoteText(entry.reference, place, capped(said), written, 0.9)


def _annotations(entry: Entry, resource: dict[str, Any], kind: str) -> Iterator[NoteText]:
    if resource.get("status") in ("entered-in-error", "not-done", "draft", "revoked", "cancelled"):
        return
    for index, note in items(resource.get("note")):
        said = text(note.get("text"))
        if said:
            written = when(note, "time") or when(resource, "authoredOn", "recordedDate", "performedDateTime")
            yield NoteText(entry.reference, f"{kind}.note[{index}].text", capped(said), written, 0.9)
