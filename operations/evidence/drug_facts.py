"""What one statement about a drug becomes: facts of the drug, of its class, and of the lists of drugs taken and failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from operations.evidence.fact import Fact, Source
from operations.evidence.ingredients import MIGRAINE_PREVENTIVE_CLASSES, Ingredient
from profiles.json import Json

_SIXTY_DAYS = Decimal("8.5")
"""Weeks, which are kept to a tenth and rounded down: 59 days are 8.4."""

Outcome = Literal["no relief", "minimal relief", "partial relief", "relief", "not tolerated"]


@dataclass(frozen=True, slots=True)
class DrugUse:
    """A drug that was taken (or expressly never was), with what is known about the course."""

    source: Source
    method: Literal["coded", "text", "questionnaire", "request"]
    confidence: float
    as_of: date | None
    taken: bool = True
    weeks: int | Decimal | None = None
    outcome: Outcome | None = None
    for_migraine: bool = False
    current: bool = True
    site: str | None = None


def drug_facts(drug: Ingredient, use: DrugUse) -> Iterator[Fact]:
    """All facts that follow from `use` of `drug`."""
    stem = f"drugs.{drug.name}"
    yield _fact(f"{stem}.trialed", use.taken, use)
    if not use.taken:
        if "nsaid" in drug.classes:
            yield _fact("conservative_therapy.nsaids.trialed", False, use, topic=drug.name)
        return
    yield _fact("medications", [drug.name], use)
    yield from _course(stem, use)
    if use.outcome in ("no relief", "minimal relief", "not tolerated"):
        yield _fact("medications_failed", [drug.name], use)
    if use.outcome == "not tolerated":
        yield _fact(f"{stem}.contraindicated", True, use)
    yield from _class_facts(drug, use)


def nsaid_facts(use: DrugUse, topic: str | None = None) -> Iterator[Fact]:
    """Facts of the class, also for a text that names no ingredient ("NSAIDs")."""
    yield _fact("conservative_therapy.nsaids.trialed", use.taken, use, topic=topic)
    if use.taken:
        yield from _course("conservative_therapy.nsaids", use)


def contraindicated(drug: Ingredient, use: DrugUse) -> Iterator[Fact]:
    """An allergy or intolerance: nothing is said about the drug having been tried."""
    yield _fact(f"drugs.{drug.name}.contraindicated", True, use)


def _class_facts(drug: Ingredient, use: DrugUse) -> Iterator[Fact]:
    if "nsaid" in drug.classes:
        yield from nsaid_facts(use, drug.name)
    if "dmard" in drug.classes:
        yield _fact("drugs.dmard.trialed", True, use)
        if use.weeks is not None:
            yield _fact("drugs.dmard.weeks", use.weeks, use)
    if "insulin" in drug.classes and use.current:
        yield _fact("insulin.daily", True, use)
    preventive = drug.classes & MIGRAINE_PREVENTIVE_CLASSES
    if use.for_migraine and preventive:
        yield _fact("drugs.preventive_classes", 1, use, topic=min(preventive))
        if use.weeks is not None and use.weeks >= _SIXTY_DAYS:
            yield _fact("drugs.preventive_classes_60_days", 1, use, topic=min(preventive))


def _course(stem: str, use: DrugUse) -> Iterator[Fact]:
    if use.weeks is not None:
        yield _fact(f"{stem}.weeks", use.weeks, use)
    if use.outcome is not None:
        yield _fact(f"{stem}.outcome", use.outcome, use)


def _fact(name: str, value: Json, use: DrugUse, topic: str | None = None) -> Fact:
    return Fact(name, value, use.source, use.method, use.confidence, use.as_of, use.site, topic)
