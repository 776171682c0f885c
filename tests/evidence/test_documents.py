"""Notes inside documents: what is decoded, what is said to be unread, and where the spans point."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from evidence_records import LOINC, claim, collected, concept, document, evidence_of, note

from operations.evidence.coded.attachments import MAX_TEXT, decode, strip_html

TOLD = "HPI: She tried ibuprofen without relief. She denies any physical therapy."


def test_plain_text_is_read_with_exact_offsets() -> None:
    evidence = collected(note(TOLD))
    fact = evidence.facts_for("conservative_therapy.nsaids.trialed")[0]
    assert fact.source.expression == "DocumentReference.content[0].attachment.data"
    assert fact.source.start is not None
    assert TOLD[fact.source.start : fact.source.end] == fact.source.quote
    assert fact.method == "text"
    assert evidence.unread == ()


def test_html_is_stripped_and_scripts_are_not_read() -> None:
    page = "<html><script>She failed naproxen.</script><p>She tried <b>ibuprofen</b> without&nbsp;relief.</p></html>"
    found = document(note(page, "text/html; charset=utf-8"))
    assert found["drugs"] == {"ibuprofen": {"trialed": True, "outcome": "no relief"}}


@pytest.mark.parametrize(
    ("data", "kind", "read"),
    [
        ("Café: tried ibuprofen.".encode(), "text/plain; charset=utf-8", True),
        ("Café: tried ibuprofen.".encode("latin-1"), "text/plain; charset=iso-8859-1", True),
        ("Café: tried ibuprofen.".encode("latin-1"), "text/plain", True),
        ("Tried ibuprofen.".encode("utf-16"), "text/plain; charset=utf-16", True),
        (b"Tried ibuprofen.", "text/plain; charset=nonsense", False),
        (b"Tried ibuprofen.", "text/plain; charset=base64", False),
        (b"\xff\xfe\xff", "text/plain; charset=ascii", False),
        (b"%PDF-1.7 tried ibuprofen", "application/pdf", False),
        (b"{\\rtf1 tried ibuprofen}", "text/rtf", False),
        (b"tried ibuprofen", "image/png", False),
    ],
)
def test_charsets_and_types(data: bytes, kind: str, read: bool) -> None:
    evidence = collected(note(data, kind))
    assert bool(evidence.facts_for("conservative_therapy.nsaids.trialed")) is read
    assert (evidence.unread == ()) is read


@pytest.mark.parametrize(
    "attachment",
    [{}, {"data": "!!!!", "contentType": "text/plain"}, {"data": "abc", "contentType": "text/plain"}, {"data": "VHJpZWQ="},
     {"data": 7, "contentType": "text/plain"}, {"data": "VHJpZWQ=", "contentType": 5}, {"url": "https://elsewhere.example/x"}],
)  # fmt: skip
def test_broken_attachments_are_reported_and_never_raise(attachment: dict[str, Any]) -> None:
    evidence = collected(
        {"resourceType": "DocumentReference", "id": "d", "status": "current", "content": [{"attachment": attachment}]}
    )
    assert len(evidence.unread) == 1
    assert evidence.unread[0].reason.endswith(".")


def test_the_reason_never_repeats_what_a_sender_wrote() -> None:
    evidence = collected(note(b"x", "JOHN DOE <script>"))
    assert "john" not in evidence.unread[0].reason.lower()


def test_a_binary_is_followed_once() -> None:
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": base64.b64encode(TOLD.encode()).decode(),
    }
    pointing = {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "content": [{"attachment": {"url": "/Binary/b1"}}],
    }
    evidence = evidence_of(claim(), binary, pointing)
    facts = evidence.facts_for("conservative_therapy.nsaids.trialed")
    assert len(facts) == 1
    assert facts[0].source.reference.endswith("Binary/b1")
    assert facts[0].source.expression == "Binary.data"


def test_superseded_documents_are_not_read() -> None:
    assert document(note(TOLD, status="superseded")) == {}
    assert document(note(TOLD, docStatus="entered-in-error")) == {}


def test_long_text_is_cut_and_said_so() -> None:
    evidence = collected(note("She tried ibuprofen. " + "x " * MAX_TEXT + " MRI of the knee showed a tear."))
    assert evidence.facts_for("conservative_therapy.nsaids.trialed")
    assert not evidence.facts_for("imaging.mri.done")
    assert str(MAX_TEXT) in evidence.unread[0].reason


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(concept(LOINC, "11506-3"), "visit-note"), (concept(LOINC, "18748-4"), "imaging-report"), (concept(LOINC, "11502-2"), "lab-result"),
     (concept(LOINC, "11526-1"), "pathology-report"), ({"text": "Physical therapy progress note"}, "therapy-record"),
     ({"text": "Polysomnography report"}, "sleep-report"), ({"text": "CPAP adherence download"}, "adherence-report"),
     ({"text": "Behavioral treatment plan"}, "treatment-plan"), ({"text": "Something else"}, "other")],
)  # fmt: skip
def test_kinds_of_document(kind: dict[str, Any], expected: str) -> None:
    assert document(note("x", type=kind))["documents"] == [expected]


def test_messages_and_free_form_text_are_read() -> None:
    message = {"resourceType": "Communication", "id": "m", "status": "completed", "payload": [{"contentString": TOLD}]}
    assert document(message)["medications_failed"] == ["ibuprofen"]
    told = evidence_of(claim(supportingInfo=[{"sequence": 1, "valueString": TOLD}]))
    fact = told.facts_for("conservative_therapy.nsaids.trialed")[0]
    assert fact.source.expression == "Claim.supportingInfo[0].valueString"


def test_stripping_html_is_linear_on_hostile_markup() -> None:
    assert strip_html("<" * 200_000).count("<") == 200_000
    assert decode({"data": "A" * 10_000_000, "contentType": "text/plain"}).unread is not None


def _pointing(url: str, **more: Any) -> dict[str, Any]:
    content = [{"attachment": {"contentType": "text/plain", "url": url}}]
    return {"resourceType": "DocumentReference", "id": "d9", "status": "current", "content": content, **more}


def _binary() -> dict[str, Any]:
    data = base64.b64encode(TOLD.encode()).decode()
    return {"resourceType": "Binary", "id": "b9", "contentType": "text/plain", "data": data}


@pytest.mark.parametrize("url", ["Binary/missing", "/Binary/missing", "https://elsewhere.example/Binary/1", "Patient/p1"])
def test_a_note_whose_content_cannot_be_reached_is_said_to_be_unread(url: str) -> None:
    evidence = evidence_of(claim(), {"resourceType": "Patient", "id": "p1"}, _pointing(url))
    assert [(note.reference, note.expression) for note in evidence.unread] == [
        ("https://ehr.example/fhir/DocumentReference/d9", "DocumentReference.content[0].attachment.url")
    ]


def test_a_binary_the_caller_may_not_read_is_said_to_be_unread_and_tells_nothing() -> None:
    evidence = evidence_of(claim(), _pointing("Binary/b9"))
    assert len(evidence.unread) == 1
    assert not evidence.facts_for("conservative_therapy.nsaids.trialed")


@pytest.mark.parametrize(
    "more",
    [
        {"status": "entered-in-error"},
        {"status": "superseded"},
        {"docStatus": "entered-in-error"},
        {"subject": {"reference": "Patient/p2"}},
    ],
)
def test_the_content_of_a_document_that_does_not_count_is_not_read_by_itself(more: dict[str, Any]) -> None:
    patients = [{"resourceType": "Patient", "id": name} for name in ("p1", "p2")]
    evidence = evidence_of(claim(), *patients, _pointing("Binary/b9", **more), _binary())
    assert not evidence.facts_for("conservative_therapy.nsaids.trialed")
    assert "https://ehr.example/fhir/Binary/b9" in {note.reference for note in evidence.unread}
    assert evidence_of(claim(), *patients, _pointing("Binary/b9"), _binary()).facts_for(
        "conservative_therapy.nsaids.trialed"
    )
