"""The annotated notes: nothing planned, conditional or denied may come out as done; what is stated or done is found."""

from __future__ import annotations

from datetime import date
from typing import Any

from operations.evidence.fact import Fact, Source
from operations.evidence.note_text import NoteRules

AS_OF = date(2026, 11, 22)
_DONE_NAMES = {
    "physical_therapy": "conservative_therapy.physical_therapy.attended",
    "nsaid": "conservative_therapy.nsaids.trialed",
    "injection": "conservative_therapy.injections.done",
    "xray": "imaging.xray.done",
    "mri": "imaging.mri.done",
    "neuro_deficit": "exam.neuro_deficit",
    "symptom_duration": "symptom_duration_weeks",
}
_HAPPENED = {"done", "failed", "ongoing", "stated", "present"}
_DENIED = {"never", "denied"}


def _facts(note: str) -> list[Fact]:
    found = NoteRules().extract(note, Source("note", "DocumentReference.content[0].attachment.data"), AS_OF)
    return [fact for fact in found if fact.confidence >= 0.5]


def test_gold_statuses(notes: dict[str, str], gold: list[dict[str, Any]]) -> None:
    right, wrong, missed = [], [], []
    for note in gold:
        facts = _facts(notes[note["id"]])
        for item, told in note["facts"].items():
            if item not in _DONE_NAMES:
                continue
            label = f"{note['id']} {item} {told['status']}"
            mine = [fact for fact in facts if fact.name == _DONE_NAMES[item]]
            _judge(label, told, mine, right, wrong, missed)
    precision = len(right) / max(1, len(right) + len(wrong))
    recall = len(right) / max(1, len(right) + len(missed))
    print(f"gold: precision {precision:.2f}, recall {recall:.2f}, missed {missed}")
    assert wrong == []
    assert recall >= 0.95


def _judge(
    label: str, told: dict[str, Any], mine: list[Fact], right: list[str], wrong: list[str], missed: list[str]
) -> None:
    claimed = [fact for fact in mine if fact.value is not False]
    if told["status"] in _HAPPENED:
        (right if claimed else missed).append(label)
        if "value" in told and claimed:
            days = told["value"] * (7 if told["unit"] == "wk" else 1)
            if abs(float(claimed[0].value) * 7 - days) > 1:
                wrong.append(f"{label}: {claimed[0].value} weeks")
    elif claimed:
        wrong.append(f"{label}: {claimed[0].source.quote}")
    elif told["status"] in _DENIED:
        (right if any(fact.value is False for fact in mine) else missed).append(label)


def test_gold_failures_are_failures(notes: dict[str, str], gold: list[dict[str, Any]]) -> None:
    failed = [note["id"] for note in gold if note["facts"].get("nsaid", {}).get("status") == "failed"]
    assert failed
    for name in failed:
        outcomes = {fact.value for fact in _facts(notes[name]) if fact.name == "conservative_therapy.nsaids.outcome"}
        assert outcomes == {"no relief"}


def test_every_span_of_every_note_is_the_quoted_text(notes: dict[str, str]) -> None:
    count = 0
    for note in notes.values():
        for fact in NoteRules().extract(note, Source("note", "x"), AS_OF):
            assert fact.source.quote == note[fact.source.start : fact.source.end]
            assert fact.source.quote
            count += 1
    assert count > 500


def test_physical_therapy_is_claimed_only_where_it_happened(notes: dict[str, str]) -> None:
    """policies.md, trap 1: therapy is mentioned in two dozen notes and took place in few of them."""
    mentioned, claimed = set(), {}
    for name, note in notes.items():
        if "physical therap" in note.lower():
            mentioned.add(name)
        for fact in _facts(note):
            if fact.name.endswith("physical_therapy.attended") and fact.value is True:
                claimed[name] = fact.source.quote
    print(f"therapy mentioned in {len(mentioned)} notes, claimed as done in {len(claimed)}: {sorted(claimed)}")
    assert len(mentioned) >= 20
    assert len(claimed) <= 6
    planned = ("refer", "recommend", "if ", "consider", "will ")
    assert not [quote for quote in claimed.values() if quote and quote.lower().startswith(planned)]
