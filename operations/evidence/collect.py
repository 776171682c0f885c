"""All the evidence in a packet, or in a stored patient's record: coded elements first, then the text of notes.

Nothing here raises on any JSON: what cannot be read gives no fact, and an `Unread` says why. Resources about another patient
are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from operations.evidence.coded.allergy import allergy_facts
from operations.evidence.coded.claim import claim_facts, item_facts, service_date
from operations.evidence.coded.condition import condition_facts
from operations.evidence.coded.document import NoteText, attached, document_facts, note_texts
from operations.evidence.coded.elements import Resolve, months_between, reference, resource_of, tidy, type_of
from operations.evidence.coded.encounter import encounter_facts
from operations.evidence.coded.medication import medication_collector
from operations.evidence.coded.observation import observation_facts
from operations.evidence.coded.order import order_facts
from operations.evidence.coded.patient import patient_facts
from operations.evidence.coded.procedure import procedure_facts
from operations.evidence.coded.questionnaire import questionnaire_facts
from operations.evidence.coded.studies import imaging_study_facts, report_facts
from operations.evidence.coded.therapy_course import course_facts
from operations.evidence.evidence import Evidence
from operations.evidence.fact import Fact, FactCollector, Source, TextExtractor, Unread
from operations.evidence.focus import focus_of
from operations.evidence.note_text import NoteRules
from operations.packet import Entry, Packet

Collectors = Mapping[str, Sequence[FactCollector]]
"""What reads each resource type."""

DEFAULT_EXTRACTORS: Final[tuple[TextExtractor, ...]] = (NoteRules(),)
_ITEM_NAMES: Final = frozenset({"place_of_service", "quantity"})


def default_collectors(resolve: Resolve) -> Collectors:
    """Our collectors by resource type. The Claim under review is read apart from them; other Claims are not evidence."""
    medication = medication_collector(resolve)
    return {
        "Patient": (patient_facts,),
        "Condition": (condition_facts,),
        "Procedure": (procedure_facts,),
        "MedicationRequest": (medication, order_facts),
        "MedicationStatement": (medication,),
        "MedicationAdministration": (medication,),
        "MedicationDispense": (medication,),
        "Observation": (observation_facts,),
        "ServiceRequest": (order_facts,),
        "DeviceRequest": (order_facts,),
        "ImagingStudy": (imaging_study_facts,),
        "DiagnosticReport": (report_facts,),
        "QuestionnaireResponse": (questionnaire_facts,),
        "Encounter": (encounter_facts,),
        "AllergyIntolerance": (allergy_facts,),
        "DocumentReference": (document_facts,),
        "Communication": (document_facts,),
    }


def collect_evidence(
    packet: Packet,
    as_of: date | None = None,
    extractors: Sequence[TextExtractor] = DEFAULT_EXTRACTORS,
    collectors: Callable[[Resolve], Collectors] = default_collectors,
) -> Evidence:
    """Everything the packet tells about its patient. `as_of` is the first item's day of service, else the day received."""
    day = as_of or service_date(resource_of(packet.claim)) or packet.received.date()
    entries = [entry for entry in packet.entries if type_of(entry) != "Claim"]
    patient = _follow(packet.claim, "patient", packet.resolve)
    evidence = _collect(entries, patient, day, max(day, packet.received.date()), packet.resolve, extractors, collectors)
    requested = tuple(claim_facts(packet.claim, day, packet.resolve))
    texts, unread = _read_notes([packet.claim], day, packet.resolve, extractors)
    return Evidence(
        (*requested, *evidence.facts, *texts),
        (*evidence.unread, *unread),
        focus_of(packet.claim, packet.resolve),
    )


def for_item(evidence: Evidence, packet: Packet, index: int) -> Evidence:
    """`evidence` as it stands for the item at `index` of Claim.item: its place, quantity and body region."""
    as_of = service_date(resource_of(packet.claim)) or packet.received.date()
    kept = tuple(fact for fact in evidence.facts if fact.name not in _ITEM_NAMES)
    facts = (*item_facts(packet.claim, index, as_of), *kept)
    return replace(evidence, facts=facts, focus=focus_of(packet.claim, packet.resolve, index))


def collect_from_resources(
    entries: Sequence[Entry],
    as_of: date,
    extractors: Sequence[TextExtractor] = DEFAULT_EXTRACTORS,
    collectors: Callable[[Resolve], Collectors] = default_collectors,
    focus: frozenset[str] = frozenset(),
) -> Evidence:
    """Everything a stored record tells about its patient (the first Patient among `entries`). Claims are not read."""
    resolve = _resolver(entries)
    patient = next((entry for entry in entries if type_of(entry) == "Patient"), None)
    others = [entry for entry in entries if type_of(entry) != "Claim"]
    return replace(_collect(others, patient, as_of, as_of, resolve, extractors, collectors), focus=focus)


def _collect(
    entries: Sequence[Entry],
    patient: Entry | None,
    as_of: date,
    latest: date,
    resolve: Resolve,
    extractors: Sequence[TextExtractor],
    collectors: Callable[[Resolve], Collectors],
) -> Evidence:
    readers = collectors(resolve)
    facts: list[Fact] = []
    unread: list[Unread] = []
    mine: list[Entry] = []
    for entry in entries:
        if _is_of_another(entry, patient, resolve):
            unread.append(Unread(entry.reference, type_of(entry), "The resource is about another patient."))
            continue
        mine.append(entry)
        for read in readers.get(type_of(entry), ()):
            facts.extend(fact for fact in read(entry, as_of) if fact.as_of is None or fact.as_of <= latest)
    facts.extend(course_facts(facts))
    owned = frozenset(name for entry in entries for name in attached(entry, resolve))
    texts, more = _read_notes(mine, as_of, resolve, extractors, owned)
    return Evidence((*facts, *texts), (*unread, *more))


def _read_notes(
    entries: Iterable[Entry],
    as_of: date,
    resolve: Resolve,
    extractors: Sequence[TextExtractor],
    owned: frozenset[str] = frozenset(),
) -> tuple[list[Fact], list[Unread]]:
    """Facts of every note. `owned` are the Binaries that documents point at: read only through one that counts."""
    notes: dict[tuple[str, str], NoteText] = {}
    unread: list[Unread] = []
    for entry in sorted(entries, key=lambda entry: type_of(entry) == "Binary"):
        if type_of(entry) == "Binary" and entry.reference in owned and (entry.reference, "Binary.data") not in notes:
            unread.append(Unread(entry.reference, "Binary", "The content belongs to a document that does not count."))
            continue
        for note in note_texts(entry, resolve):
            notes.setdefault((note.reference, note.expression), note)
    facts: list[Fact] = []
    for note in notes.values():
        if note.content.unread is not None:
            unread.append(Unread(note.reference, note.expression, note.content.unread))
        if not note.content.text:
            continue
        where = Source(note.reference, note.expression)
        written = min(note.written or as_of, as_of)
        for extractor in extractors:
            found = extractor.extract(note.content.text, where, written)
            facts.extend(_rebased(fact, written, as_of, note.worth) for fact in found)
    return facts, unread


def _rebased(fact: Fact, written: date, as_of: date, worth: float) -> Fact:
    """Ages counted from the day of the note become ages counted from the day of the request."""
    value = fact.value
    if written < as_of and isinstance(value, (int, Decimal)):
        if fact.name.endswith("months_ago"):
            value = tidy(value + Decimal(months_between(written, as_of)))
        elif fact.name.endswith("days_ago"):
            value = value + (as_of - written).days
    return fact if value is fact.value and worth == 1 else replace(fact, value=value, confidence=fact.confidence * worth)


def _is_of_another(entry: Entry, patient: Entry | None, resolve: Resolve) -> bool:
    """True when the resource's subject is a Patient that we know and that is not the one under review."""
    if patient is None:
        return False
    if type_of(entry) == "Patient":
        return entry.reference != patient.reference
    resource = resource_of(entry)
    target = next((r for name in ("subject", "patient") if (r := reference(resource.get(name)))), "")
    subject = resolve(target, entry) if target else None
    return subject is not None and type_of(subject) == "Patient" and subject.reference != patient.reference


def _follow(entry: Entry, element: str, resolve: Resolve) -> Entry | None:
    target = reference(resource_of(entry).get(element))
    return resolve(target, entry) if target else None


def _resolver(entries: Sequence[Entry]) -> Resolve:
    """Finds stored resources by `Type/id`, by versioned reference, or by the end of an absolute one."""
    known: dict[str, Entry] = {}
    for entry in entries:
        known.setdefault(entry.reference, entry)
        known.setdefault(f"{type_of(entry)}/{resource_of(entry).get('id')}", entry)

    def resolve(target: str, holder: Entry) -> Entry | None:
        if (found := known.get(target)) is not None:
            return found
        parts = target.partition("/_history/")[0].split("/")
        return known.get("/".join(parts[-2:]))

    return resolve
