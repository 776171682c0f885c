"""Answers of a completed QuestionnaireResponse, mapped to the names of the vocabulary (FHIR R4 QuestionnaireResponse).

An answer is mapped when its item's `linkId`, or the end of its `definition`, is a name of the vocabulary or one of the
aliases below (dots may be written as slashes), or when its text holds a phrase that we know. Nothing else is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from operations.evidence.coded.elements import codings, items, number, obj, resource_of, source, text, tidy, when
from operations.evidence.coded.observation import in_range
from operations.evidence.fact import Fact, Source
from operations.evidence.merge import kind_of
from operations.packet import Entry
from profiles.json import Json

ALIASES: Final = {
    "pt_weeks": "conservative_therapy.physical_therapy.completed_weeks",
    "physical_therapy_weeks": "conservative_therapy.physical_therapy.completed_weeks",
    "conservative_therapy_weeks": "conservative_therapy.total_weeks",
    "mri_done": "imaging.mri.done",
    "xray_done": "imaging.xray.done",
    "nsaid_trial": "conservative_therapy.nsaids.trialed",
    "bmi": "body.bmi",
    "weight_kg": "body.weight_kg",
    "ahi": "sleep.ahi",
    "epworth": "sleep.epworth",
    "hba1c": "labs.hba1c",
    "headache_days": "migraine.headache_days",
    "pain_score": "function.pain_score",
}
_PHRASES: Final = (
    ("weeks of physical therapy", "conservative_therapy.physical_therapy.completed_weeks"),
    ("weeks of conservative", "conservative_therapy.total_weeks"),
    ("body mass index", "body.bmi"),
    ("apnea-hypopnea index", "sleep.ahi"),
    ("epworth", "sleep.epworth"),
    ("headache days per month", "migraine.headache_days"),
    ("red flag", "red_flags"),
    ("nsaid trial", "conservative_therapy.nsaids.trialed"),
    ("tried an nsaid", "conservative_therapy.nsaids.trialed"),
    ("face-to-face mobility", "mobility.face_to_face"),
)
_WEEK_UNITS: Final = {"wk": Decimal(1), "week": Decimal(1), "weeks": Decimal(1), "d": Decimal(1) / 7, "days": Decimal(1) / 7,
                      "mo": Decimal("30.4375") / 7, "month": Decimal("30.4375") / 7, "months": Decimal("30.4375") / 7}  # fmt: skip
_YES: Final = frozenset({"y", "yes", "true", "373066001"})
_NO: Final = frozenset({"n", "no", "false", "373067005"})
_MAX_ITEMS: Final = 2000


def questionnaire_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """The document, and one fact for each answer that can be mapped."""
    response = resource_of(entry)
    if response.get("status") not in ("completed", "amended"):
        return
    answered = when(response, "authored")
    yield Fact("documents", ["questionnaire"], source(entry, ""), "questionnaire", 0.95, answered)
    for item, path in walk_items(response):
        name = _name_of(item)
        if name is None:
            continue
        for index, answer in items(item.get("answer"))[:10]:
            value = _value(name, answer)
            if value is not None:
                where = Source(entry.reference, f"QuestionnaireResponse.{path}.answer[{index}].value")
                yield Fact(name, value, where, "questionnaire", 0.9, answered)


def walk_items(response: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """All items at any depth, in order, with their FHIRPath; at most two thousand."""
    waiting = [(item, f"item[{index}]") for index, item in reversed(items(response.get("item")))]
    seen = 0
    while waiting and seen < _MAX_ITEMS:
        item, path = waiting.pop()
        seen += 1
        yield item, path
        nested = [(child, f"{path}.item[{i}]") for i, child in items(item.get("item"))]
        for index, answer in items(item.get("answer")):
            nested += [(child, f"{path}.answer[{index}].item[{i}]") for i, child in items(answer.get("item"))]
        waiting.extend(reversed(nested))


def _name_of(item: dict[str, Any]) -> str | None:
    definition = text(item.get("definition"))
    for key in (text(item.get("linkId")), definition.rpartition("#")[2], definition.rpartition("/")[2]):
        candidate = key.strip().lower().replace("/", ".").replace("-", "_")
        for name in (key.strip(), candidate, ALIASES.get(candidate, "")):
            if name and kind_of(name) is not None:
                return name
    asked = text(item.get("text"))[:500].lower()
    return next((name for phrase, name in _PHRASES if phrase in asked), None)


def _value(name: str, answer: dict[str, Any]) -> Json | None:
    kind = kind_of(name)
    if kind == "number":
        return _number(name, answer)
    if kind == "boolean":
        return _yes_or_no(answer)
    said = text(answer.get("valueString")).strip() or next(
        (coding.display or coding.code for coding in codings({"coding": [answer.get("valueCoding")]})), ""
    )
    if not said:
        return None
    return [said[:200]] if kind == "list" else said[:500]


def _number(name: str, answer: dict[str, Any]) -> Json | None:
    value = number(answer.get("valueInteger"))
    if value is None:
        value = number(answer.get("valueDecimal"))
    quantity = obj(answer.get("valueQuantity"))
    if value is None and not text(quantity.get("comparator")):
        value = number(quantity.get("value"))
        unit = (text(quantity.get("code")) or text(quantity.get("unit"))).lower()
        if value is not None and name.endswith("weeks") and unit in _WEEK_UNITS:
            value = tidy(value * _WEEK_UNITS[unit])
    return value if value is not None and value >= 0 and in_range(name, value) else None


def _yes_or_no(answer: dict[str, Any]) -> bool | None:
    given = answer.get("valueBoolean")
    if isinstance(given, bool):
        return given
    coding = obj(answer.get("valueCoding"))
    said = (text(coding.get("code")) or text(answer.get("valueString"))).strip().lower()
    return True if said in _YES else False if said in _NO else None
