"""From features to a score and a grade (FHIR R4 valueset-match-grade): a probability, and rules that no probability overrules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from operations.records.match_features import Feature, features
from profiles.json import Resource

Grade = Literal["certain", "probable", "possible", "certainly-not"]

PRIOR: Final = -10.0
"""Bits: of a thousand candidates that an index brings, about one is the person."""
CERTAIN: Final = 0.99
PROBABLE: Final = 0.9
POSSIBLE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate. `score` from 0 to 1."""

    patient: Resource
    score: float
    grade: Grade
    features: tuple[Feature, ...]


def judge(asked: Resource, found: Resource) -> Match:
    """How likely the two are the same person, and why."""
    listed = tuple(features(asked, found))
    bits = max(-60.0, min(60.0, PRIOR + sum(each.weight for each in listed)))
    score = 1 / (1 + 2**-bits)
    return Match(found, round(score, 4), _grade(score, {each.name: each.agreement for each in listed}), listed)


def _grade(score: float, agreed: dict[str, str]) -> Grade:
    """Certain needs names and birth date that agree, or a number and nothing in them that contradicts: twins share all but a name."""
    person = [agreed.get(name) for name in ("family", "given", "birthDate")]
    told = agreed.get("identifier") == "same" or all(each == "same" for each in person)
    if score >= CERTAIN and told and "different" not in person:
        return "certain"
    if score >= PROBABLE:
        return "probable"
    return "possible" if score >= POSSIBLE else "certainly-not"
