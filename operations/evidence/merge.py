"""How several facts of one name become one value: the merge rules of the evidence document (docs/evidence.md).

Every name has one rule, chosen by its last part. Facts are first put in order of trust: the later date, then coded before
questionnaire before request before text, then confidence, then the order of their sources, so that equal input gives equal
output. Where two facts of equal date and kind disagree, no value is chosen: `settle` leaves the name out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from operations.evidence.fact import Fact
from operations.evidence.vocabulary import VOCABULARY, Kind
from profiles.json import Json

Rule = Literal["happened", "state", "latest", "longest", "nearest", "lowest", "tally", "union", "text"]

_METHOD_RANK: Final = {"coded": 3, "questionnaire": 2, "request": 1, "text": 0}

_BY_NAME: Final[dict[str, Rule]] = {
    "symptom_duration_weeks": "latest",
    "conservative_therapy.total_weeks": "longest",
    "conservative_therapy.compression_months": "longest",
    "conservative_therapy.physical_therapy.sessions": "tally",
    "conservative_therapy.injections.count": "tally",
    "imaging.pet.count": "tally",
    "drugs.preventive_classes": "tally",
    "drugs.preventive_classes_60_days": "tally",
    "lifestyle_program.months": "longest",
    "oxygen.sao2": "lowest",
    "oxygen.pao2": "lowest",
    "oxygen.test_days_ago": "nearest",
    "labs.hba1c_months_ago": "nearest",
    "red_flags": "state",
    "urgent": "state",
}
_BY_LEAF: Final[dict[str, Rule]] = {
    "weeks": "longest",
    "completed_weeks": "longest",
    "months_ago": "nearest",
    "failed": "state",
    "limited": "state",
    "active": "state",
    "neuro_deficit": "state",
    "radiculopathy": "state",
    "orthopedic_sign": "state",
    "daytime_sleepiness": "state",
    "problematic": "state",
    "suspected": "state",
    "adl_limited": "state",
    "daily": "state",
}
_BY_KIND: Final[dict[Kind, Rule]] = {"boolean": "happened", "number": "latest", "string": "text", "list": "union"}
_COMPARED_TEXT: Final = frozenset({"outcome", "severity", "condition"})
_TOLERANCE: Final = Decimal("0.05")


def kind_of(name: str) -> Kind | None:
    """The vocabulary's kind of a name (with any ingredient in a `drugs.` name), None for a name that is not in it."""
    term = VOCABULARY.get(name)
    if term is None and name.startswith("drugs."):
        term = VOCABULARY.get(f"drugs.<drug>.{name.rpartition('.')[2]}") if name.count(".") == 2 else None
    return term.kind if term else None


def rule_of(name: str) -> Rule:
    """The merge rule of a name of the vocabulary."""
    if (rule := _BY_NAME.get(name)) is not None:
        return rule
    kind = kind_of(name)
    if (by_leaf := _BY_LEAF.get(name.rpartition(".")[2])) is not None:
        return by_leaf
    return _BY_KIND[kind or "string"]


def trust(fact: Fact) -> tuple[int, int, float]:
    """Larger is more to be relied on."""
    return ((fact.as_of or date.min).toordinal(), _METHOD_RANK[fact.method], fact.confidence)


def ordered(name: str, facts: Sequence[Fact]) -> list[Fact]:
    """`facts` of one name, best first: the fact that gives the document's value leads where there is one."""
    if len(facts) < 2:
        return list(facts)
    rule = rule_of(name)
    trusted = sorted(facts, key=_place)
    trusted.sort(key=trust, reverse=True)
    if rule == "longest":
        trusted.sort(key=_magnitude, reverse=True)
    elif rule == "nearest":
        trusted.sort(key=_magnitude)
    elif rule == "lowest":
        trusted.sort(key=lambda fact: (-_day(fact).toordinal(), _magnitude(fact)))
    elif rule == "tally":
        trusted.sort(key=lambda fact: fact.topic is not None)
    elif rule in ("happened", "state"):
        value = _boolean(rule, trusted)
        trusted.sort(key=lambda fact: fact.value is not value)
    return trusted


@dataclass(frozen=True, slots=True)
class Dispute:
    """Facts of one name and topic that cannot all be true, and the one that outweighs the others, if any does."""

    facts: tuple[Fact, ...]
    chosen: Fact | None


def settle(name: str, facts: Sequence[Fact]) -> Json | None:
    """The one value that `facts` (of one name, in order) give, or None when there is none or they cancel out."""
    if not facts:
        return None
    rule = rule_of(name)
    if rule == "union":
        return _union(facts)
    if rule == "tally":
        stated = [_magnitude(fact) for fact in facts if fact.topic is None]
        counted = len({fact.topic for fact in facts if fact.topic is not None})
        best = max(stated, default=Decimal(0))
        return counted if counted >= best else next(fact.value for fact in facts if _magnitude(fact) == best)
    if rule in ("happened", "state"):
        return _boolean(rule, facts)
    if any(dispute.chosen is None for dispute in disputes(name, facts)):
        return None
    return facts[0].value


def disputes(name: str, facts: Sequence[Fact]) -> list[Dispute]:
    """Where `facts` of one name disagree."""
    rule = rule_of(name)
    if rule in ("happened", "state"):
        return _boolean_disputes(rule, facts)
    if rule == "longest":
        return _denied_courses(facts)
    compared = (rule == "latest" and name != "function.pain_score") or (
        rule == "text" and name.rpartition(".")[2] in _COMPARED_TEXT
    )
    if not compared or len(facts) < 2:
        return []
    best = facts[0]
    rivals = [
        fact
        for fact in facts[1:]
        if (fact.as_of, fact.site, fact.topic) == (best.as_of, best.site, best.topic) and not _agree(best.value, fact.value)
    ]
    if not rivals:
        return []
    outweighed = all(_METHOD_RANK[fact.method] < _METHOD_RANK[best.method] for fact in rivals)
    return [Dispute((best, *rivals), best if outweighed or name == "symptom_duration_weeks" else None)]


def _denied_courses(facts: Sequence[Fact]) -> list[Dispute]:
    """A course of treatment that one source describes and another, not older, expressly denies (zero weeks)."""
    courses = [fact for fact in facts if _magnitude(fact) > 0]
    denials = [fact for fact in facts if _magnitude(fact) == 0]
    against = [fact for fact in denials if any(_day(fact) >= _day(course) for course in courses)]
    if not against:
        return []
    best, rival = max(courses, key=trust), max(against, key=trust)
    even = trust(best)[:2] == trust(rival)[:2]
    return [Dispute((*courses, *against), None if even else max(best, rival, key=trust))]


def _place(fact: Fact) -> tuple[str, int, str, str]:
    return (fact.source.reference, fact.source.start or 0, fact.source.expression, repr(fact.value))


def _magnitude(fact: Fact) -> Decimal:
    value = fact.value
    return Decimal(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else Decimal(0)


def _agree(one: Json, other: Json) -> bool:
    if isinstance(one, (int, Decimal)) and isinstance(other, (int, Decimal)):
        return abs(Decimal(one) - Decimal(other)) <= _TOLERANCE * max(abs(Decimal(one)), abs(Decimal(other)))
    return bool(one == other)


def _union(facts: Sequence[Fact]) -> list[Json]:
    values: dict[str, Json] = {}
    for fact in facts:
        for value in fact.value if isinstance(fact.value, list) else [fact.value]:
            values.setdefault(str(value), value)
    return list(values.values())


def _boolean(rule: Rule, facts: Sequence[Fact]) -> bool | None:
    """True as soon as one topic stands; None where the only support is disputed evenly; False when all of it is denial."""
    found = _boolean_disputes(rule, facts)
    disputed = {id(fact) for dispute in found for fact in dispute.facts}
    standing = [fact for fact in facts if id(fact) not in disputed and _counts(rule, fact, facts)]
    standing += [dispute.chosen for dispute in found if dispute.chosen is not None]
    if any(fact.value is True for fact in standing):
        return True
    if any(dispute.chosen is None for dispute in found):
        return None
    return False if any(fact.value is False for fact in standing) else None


def _counts(rule: Rule, fact: Fact, facts: Sequence[Fact]) -> bool:
    """A state that a later fact on the same topic has changed counts no longer; what happened has happened."""
    if rule == "happened" or fact.value is False:
        return True
    return not any(
        other.value is False and _same_topic(fact, other) and _day(other) > _day(fact) and fact.as_of for other in facts
    )


def _boolean_disputes(rule: Rule, facts: Sequence[Fact]) -> list[Dispute]:
    denials = [fact for fact in facts if fact.value is False]
    found: list[Dispute] = []
    if not denials:
        return found
    topics: dict[str | None, list[Fact]] = {}
    for fact in facts:
        if fact.value is True:
            topics.setdefault(fact.topic, []).append(fact)
    for claims in topics.values():
        against = [fact for fact in denials if any(_clash(rule, claim, fact) for claim in claims)]
        if against:
            best, rival = max(claims, key=trust), max(against, key=trust)
            even = trust(best)[:2] == trust(rival)[:2]
            parties = sorted((*claims, *against), key=trust, reverse=True)
            found.append(Dispute(tuple(parties), None if even else max(best, rival, key=trust)))
    return found


def _clash(rule: Rule, claim: Fact, denial: Fact) -> bool:
    if not _same_topic(claim, denial):
        return False
    if claim.as_of is None or denial.as_of is None:
        return True
    return denial.as_of >= claim.as_of if rule == "happened" else denial.as_of == claim.as_of


def _same_topic(claim: Fact, denial: Fact) -> bool:
    return denial.topic is None or denial.topic == claim.topic


def _day(fact: Fact) -> date:
    return fact.as_of or date.min
