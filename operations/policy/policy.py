"""A payer policy as the business uses it: whom and what it applies to, its criteria, documents, terms and review mode.

Read from the JSON document that a FHIR Library carries (operations/policy/policy_document.py, docs/policies.md). Immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from operations.policy.criteria import Criteria

LIBRARY_BASE: Final = "https://assent.example/fhir/Library"


@dataclass(frozen=True, slots=True, order=True)
class Token:
    """A system and a value in it: an identifier of a payer, or a procedure code."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class DocumentRule:
    """A kind of document (vocabulary `documents`) that the payer wants.

    `proves` names the rules it would show. With `until_proved` it is wanted only while one of those is not met; otherwise
    always. `loinc` is the attachment code to ask for it with.
    """

    kind: str
    title: str
    loinc: str | None
    proves: tuple[str, ...]
    when_missing: Literal["pend", "deny"]
    until_proved: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What an approval gives: validity in days from the decision, and the most that one request may get (`unit`)."""

    days_valid: int
    max_quantity: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What the payer does when all criteria are met, when one is not met, and when evidence is missing."""

    all_met: Literal["approve", "pend"] = "approve"
    not_met: Literal["deny", "pend"] = "deny"
    missing: Literal["deny", "pend"] = "pend"


@dataclass(frozen=True, slots=True)
class RiskWeights:
    """`base_rate` is the share of such requests that this payer denies; `weights` scale single rules (1 unless given)."""

    base_rate: float
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of one policy. `effective_to` is the last day, None for open. Empty `places` means any place."""

    id: str
    version: str
    title: str
    payers: frozenset[Token]
    codes: frozenset[Token]
    effective_from: date
    effective_to: date | None
    source_id: str
    source_version: str
    source_state: Literal["R", "K"]
    criteria: Criteria
    places: frozenset[str] = frozenset()
    min_age: int | None = None
    max_age: int | None = None
    documents: tuple[DocumentRule, ...] = ()
    terms: Terms = Terms(180)
    review: Review = Review()
    risk: RiskWeights = RiskWeights(0.2)

    @property
    def url(self) -> str:
        """Canonical url of the Library."""
        return f"{LIBRARY_BASE}/{self.id}"

    @property
    def canonical(self) -> str:
        """`url|version`, as verdicts name it."""
        return f"{self.url}|{self.version}"
