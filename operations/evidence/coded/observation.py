"""Measurements and test results (FHIR R4 Observation: final, amended or corrected), recognised by LOINC code or by name.

A value with a comparator is a bound, not a value: it is kept below the confidence floor. LOINC (Regenstrief Institute,
free licence with notice): only the few codes used.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from operations.evidence.coded.elements import (
    codes,
    codings,
    items,
    months_between,
    number,
    obj,
    resource_of,
    source,
    text,
    tidy,
    when,
    words,
)
from operations.evidence.fact import Fact
from operations.packet import Entry

Number = int | Decimal

_LOINC: Final = {
    "39156-5": "body.bmi",
    "29463-7": "body.weight_kg",
    "3141-9": "body.weight_kg",
    "4548-4": "labs.hba1c",
    "17856-6": "labs.hba1c",
    "59408-5": "oxygen.sao2",
    "2708-6": "oxygen.sao2",
    "2703-7": "oxygen.pao2",
    "72514-3": "function.pain_score",
}
_NAMED: Final = (
    (("apnea-hypopnea", "apnea hypopnea", "respiratory disturbance index"), "sleep.ahi"),
    (("epworth",), "sleep.epworth"),
    (("oswestry",), "function.odi_percent"),
    (("headache days",), "migraine.headache_days"),
    (("migraine days",), "migraine.migraine_days"),
)
_TESTED: Final = (
    (("quantiferon", "interferon gamma release", "tuberculin", "tuberculosis"), "screening.tuberculosis"),
    (
        ("hepatitis b virus surface ag", "hepatitis b surface antigen", "hepatitis b virus core", "hbsag"),
        "screening.hepatitis_b",
    ),
)
_TESTED_LOINC: Final = {"5195-3": "screening.hepatitis_b", "5196-1": "screening.hepatitis_b"}
_RANGES: Final = {
    "body.bmi": (8, 150),
    "body.weight_kg": (1, 500),
    "labs.hba1c": (2, 25),
    "oxygen.sao2": (30, 100),
    "oxygen.pao2": (10, 200),
    "function.pain_score": (0, 10),
    "sleep.ahi": (0, 250),
    "sleep.epworth": (0, 24),
    "function.odi_percent": (0, 100),
    "migraine.headache_days": (0, 31),
    "migraine.migraine_days": (0, 31),
}
_FACTOR: Final = {
    ("body.weight_kg", "g"): Decimal("0.001"),
    ("body.weight_kg", "lb"): Decimal("0.45359237"),
    ("body.weight_kg", "lbs"): Decimal("0.45359237"),
    ("body.weight_kg", "[lb_av]"): Decimal("0.45359237"),
    ("oxygen.pao2", "kpa"): Decimal("7.50062"),
}
_UNITS: Final = {"body.weight_kg": {"kg", ""}, "oxygen.pao2": {"mm[hg]", "mmhg", ""}}
_AGE_NAMES: Final = {
    "body.bmi": "body.months_ago",
    "body.weight_kg": "body.months_ago",
    "labs.hba1c": "labs.hba1c_months_ago",
}
_OXYGEN_FLOW: Final = "3151-8"
_OXYGEN_FRACTION: Final = "3150-6"


def in_range(name: str, value: Number) -> bool:
    """False for a value that cannot be right (a BMI of 340)."""
    low, high = _RANGES.get(name, (0, 10**9))
    return low <= value <= high


def observation_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """Facts of the Observation's own value and of each component's."""
    observation = resource_of(entry)
    if observation.get("status") not in ("final", "amended", "corrected"):
        return
    taken = when(observation, "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")
    parts = [("", observation), *((f"component[{i}].", part) for i, part in items(observation.get("component")))]
    for path, part in parts:
        yield from _part_facts(entry, observation, part, path, taken, as_of)


def _part_facts(
    entry: Entry, observation: dict[str, Any], part: dict[str, Any], path: str, taken: date | None, as_of: date
) -> Iterator[Fact]:
    described = words(part.get("code"))
    found = [coding.code for coding in codings(part.get("code"))]
    screened = _named(found, described, _TESTED_LOINC, _TESTED)
    if screened is not None and _has_result(part):
        yield Fact(screened, True, source(entry, f"{path}value"), "coded", 0.9, taken)
    name = _named(found, described, _LOINC, _NAMED)
    measured = _measured(name, part) if name else None
    if name is None or measured is None or (name.startswith("oxygen.") and _on_oxygen(observation)):
        return
    value, confidence = measured
    where = source(entry, f"{path}value")
    about = None
    if name.startswith("oxygen."):
        about = _condition(words(observation.get("code"), observation.get("note"), observation.get("method"), described))
    yield Fact(name, value, where, "coded", confidence, taken, topic=about)
    if taken is None:
        return
    if name in _AGE_NAMES:
        yield Fact(_AGE_NAMES[name], months_between(taken, as_of), where, "coded", confidence, taken)
    if about is not None:
        yield Fact("oxygen.condition", about, where, "coded", confidence, taken, topic=about)
    if name.startswith("oxygen."):
        yield Fact("oxygen.test_days_ago", max(0, (as_of - taken).days), where, "coded", confidence, taken, topic=about)


def _named(
    found: list[str], described: str, by_code: dict[str, str], by_phrase: tuple[tuple[tuple[str, ...], str], ...]
) -> str | None:
    """The name that the first known code stands for, else the first known phrase of the description."""
    for code in found:
        if code in by_code:
            return by_code[code]
    for phrases, name in by_phrase:
        for phrase in phrases:
            if phrase in described:
                return name
    return None


def _has_result(part: dict[str, Any]) -> bool:
    return any(key.startswith("value") and value not in (None, "", {}) for key, value in part.items())


def _measured(name: str, part: dict[str, Any]) -> tuple[Number, float] | None:
    quantity = obj(part.get("valueQuantity"))
    raw = number(quantity.get("value"))
    if raw is None:
        raw = number(part.get("valueInteger"))
    if raw is None:
        return None
    unit = (text(quantity.get("code")) or text(quantity.get("unit"))).strip().lower()
    value: Number | None = raw
    if name == "labs.hba1c" and unit in ("mmol/mol", "mmol/mol{hb}"):
        value = tidy(raw * Decimal("0.0915") + Decimal("2.15"))
    elif (name, unit) in _FACTOR:
        value = tidy(raw * _FACTOR[name, unit])
    elif name in _UNITS and unit not in _UNITS[name]:
        value = None
    if value is None or not in_range(name, value):
        return None
    return value, 0.4 if text(quantity.get("comparator")) else 0.98


def _on_oxygen(observation: dict[str, Any]) -> bool:
    for _, part in items(observation.get("component")):
        found = codes(part.get("code"))
        given = number(obj(part.get("valueQuantity")).get("value"))
        if given is not None and ((_OXYGEN_FLOW in found and given > 0) or (_OXYGEN_FRACTION in found and given > 21)):
            return True
    return False


def _condition(described: str) -> str | None:
    if any(word in described for word in ("exertion", "exercise", "ambulat", "walking")):
        return "exertion"
    if any(word in described for word in ("sleep", "nocturnal", "overnight")):
        return "sleep"
    return "rest" if "rest" in described.replace("|", " ").split() else None
