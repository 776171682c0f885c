"""Reading the answer of a remote payer so that it can be stored, and go out, under our own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operations.packet import Entry
from operations.pas.answers import ItemAnswer, review_action, sequence_of
from operations.pas.composing import Foreign
from operations.pas.keeping import with_id
from operations.pas.response_rules import first_response
from operations.pas.rewriting import rewritten
from operations.payer.determination import BusinessError
from operations.ports import Context
from profiles.bundle_index import BundleIndex, Held
from profiles.json import Resource
from profiles.pas_names import ERROR_ELEMENT, ERROR_FOLLOWUP, ERROR_PATH, REVIEW_ACTIONS, REVIEWER, X12_REJECT_REASON
from profiles.reading import child, codings, extension, numbered, objects, text, whole

_FOR_THE_WHOLE = ("disposition", "preAuthRef", "preAuthPeriod")


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """A remote ClaimResponse taken apart. Items with a decision that we do not know are left out."""

    answers: tuple[ItemAnswer, ...]
    errors: tuple[BusinessError, ...]
    notes: tuple[str, ...]
    human_reviewed: bool
    foreign: Foreign
    extra: Resource


def read_answer(bundle: Resource, context: Context, sequences: Sequence[int]) -> ReadAnswer:
    """What the Bundle answers to the items `sequences`. Takes any JSON object; what cannot be read is absent."""
    index = BundleIndex(
        [
            Held(place, url, entry["resource"])
            for place, entry in numbered(bundle.get("entry"))
            if (url := text(entry.get("fullUrl"))) is not None and isinstance(entry.get("resource"), dict)
        ]
    )
    absolute = {held.full_url: _absolute(held, index) for held in index.entries}
    response = first_response({"entry": [{"resource": each} for each in absolute.values()]})
    notes = {whole(each.get("number")): text(each.get("text")) for each in objects(response.get("processNote"))}
    used: set[int] = set()
    answers = _answers(response, {number: note for number, note in notes.items() if number and note}, used, sequences)
    asking = [
        with_id(each, context.new_id())
        for each in absolute.values()
        if each.get("resourceType") in ("CommunicationRequest", "Task")
    ]
    flag = extension(extension(response, REVIEWER), "wasHumanReviewedFlag").get("valueBoolean")
    return ReadAnswer(
        tuple(answers),
        tuple(_errors(response)),
        tuple(note for number, note in notes.items() if note and number not in used),
        flag is True,
        Foreign(asking, [Entry(url, each) for url, each in absolute.items() if isinstance(each.get("resourceType"), str)]),
        {name: response[name] for name in _FOR_THE_WHOLE if name in response},
    )


def _absolute(held: Held, index: BundleIndex) -> Resource:
    """The resource with references that hold outside its Bundle, too."""

    def name(literal: str) -> str:
        target = index.resolve(literal, held)
        if target is not None and "#" not in target.full_url:
            return target.full_url
        return BundleIndex.address(literal, held.full_url) or literal if not literal.startswith("#") else literal

    return rewritten(held.resource, name)


def _answers(response: Resource, notes: dict[int, str], used: set[int], sequences: Sequence[int]) -> list[ItemAnswer]:
    added = {sequence_of(each, added=True): each for each in objects(response.get("addItem"))}
    found = []
    for item in objects(response.get("item")):
        sequence = sequence_of(item)
        if sequence is None or sequence not in sequences or review_action(item) not in REVIEW_ACTIONS:
            continue
        extra = added.pop(sequence, None)
        sentences = _sentences(item, notes, used)
        found.append(ItemAnswer(sequence, _plain(item), sentences, _plain(extra) if extra is not None else None))
    found += [
        ItemAnswer(sequence, None, _sentences(each, notes, used), _plain(each))
        for sequence, each in added.items()
        if sequence is not None and sequence not in sequences
    ]
    return found


def _sentences(element: Resource, notes: dict[int, str], used: set[int]) -> tuple[str, ...]:
    held = element.get("noteNumber")
    numbers = [each for each in held if whole(each) in notes] if isinstance(held, list) else []
    used.update(numbers)
    return tuple(notes[each] for each in numbers)


def _plain(element: Resource) -> Resource:
    return {name: value for name, value in element.items() if name != "noteNumber"}


def _errors(response: Resource) -> list[BusinessError]:
    errors = []
    for error in objects(response.get("error")):
        codes = codings(error.get("code"))
        code = next((each.code for each in codes if each.system == X12_REJECT_REASON), "33")
        followups = codings(extension(error, ERROR_FOLLOWUP).get("valueCodeableConcept"))
        element = extension(error, ERROR_ELEMENT)
        said = text(child(error, "code").get("text")) or f"The payer reports the error {code}."
        errors.append(
            BusinessError(
                code,
                followups[0].code if followups else "C",
                "pas-payer-refused",
                said,
                text(extension(error, ERROR_PATH).get("valueString")),
                text(extension(element, "error").get("valueString")),
            )
        )
    return errors
