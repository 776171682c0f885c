"""How an open criterion could truthfully be met: what a practice can do, measure or write down (vocabulary `obtainable`).

Nothing here ever supposes a state of the patient that the record does not show: a sign, a diagnosis, a contraindication, a
severity, an age. What was measured, or what care brought, may be written down whatever it is; it then helps only if it is as
the criterion wants it, which the step says (`provided`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from operations.evidence.fact import Fact, Source
from operations.evidence.vocabulary import Obtainable, obtainable
from operations.policy.condition import Condition, ConditionResult
from operations.policy.condition_words import condition_words, joined, subject_of
from operations.policy.criteria_result import RuleResult
from operations.policy.ways import open_rules
from profiles.json import Json

_SUPPOSITION: Final = Source("urn:assent:supposition", "supposed")
_OPPOSITE_STEP: Final = {"lt": 0, "gte": -1, "lte": 1, "gt": 0}
"""From the bound of an excluding comparison to a value outside of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One fact to supply. `against` is true when the evidence says otherwise today; `restated` when it says so already."""

    fact: Fact
    how: Obtainable | None
    words: str
    against: bool = False
    restated: bool = False


Closing = tuple[Part, ...]


def closing(result: RuleResult, restate: bool = False) -> Closing:
    """The least that would meet a rule and that can truthfully be supplied; empty where there is no such thing.

    `restate` asks for what is met already as well, in better words. Of alternatives, the one is taken that goes least
    against the evidence, then hangs least on what a measurement will show, then needs least.
    """
    if result.exclusion:
        return _dated(result)
    ways = [_of_condition(each, restate) for each in result.conditions if restate or each.state != "met"]
    nested = [rule for rule in result.rules if not rule.met] if not restate else list(result.rules)
    possible = open_rules(result)
    ways += [closing(rule, restate) for rule in nested if restate or rule in possible]
    if result.logic == "any":
        return min((way for way in ways if way), key=_effort, default=())
    return tuple(part for way in ways for part in way) if all(ways) else ()


def supposed(name: str, value: Json) -> Fact:
    """A fact that is only supposed, for a re-run of the engine."""
    return Fact(name, value, _SUPPOSITION, "request", 1.0)


def instruction(parts: Closing) -> str:
    """What to do, in words."""
    do = [part.words for part in parts if part.how == "care" and not part.restated]
    measure = [subject_of(part.fact.name) for part in parts if part.how == "test" and not part.restated]
    write = [subject_of(part.fact.name) for part in parts if part.how in ("record", "outcome") and not part.restated]
    again = [subject_of(part.fact.name) for part in parts if part.restated]
    sentences = (
        ("Obtain or document ", do),
        ("Measure and document: ", measure),
        ("Document: ", write),
        ("Document more clearly: ", again),
    )
    return "; ".join(lead + joined(words, "and") for lead, words in sentences if words)


def proviso(parts: Closing) -> str | None:
    """What must turn out for the step to help: whatever nobody can bring about."""
    return joined([part.words for part in parts if part.how != "care" and not part.restated], "and") or None


def _effort(way: Closing) -> tuple[int, int, int, int]:
    new = [part for part in way if not part.restated]
    return sum(part.against for part in new), sum(part.how in ("test", "outcome") for part in new), len(new), len(way)


def _of_condition(result: ConditionResult, restate: bool) -> Closing:
    name, words = result.condition.name, condition_words(result.condition)
    how = obtainable(name)
    if result.state == "met" and restate and how is not None:
        return (Part(supposed(name, result.patient_value), how, words, restated=True),)
    if how is None or result.state == "met" or (result.state == "not_met" and how != "care"):
        return ()
    value = _witness(result.condition)
    return () if value is None else (Part(supposed(name, value), how, words, against=result.state == "not_met"),)


def _dated(result: RuleResult) -> Closing:
    """An exclusion that is half shown is settled by the rest, where that can be supplied (the date of an earlier study)."""
    if result.state != "missing" or result.rules:
        return ()
    parts = [part for each in result.conditions if each.state == "missing" for part in _outside(each.condition)]
    return tuple(parts[:1]) if result.logic == "all" else ()


def _outside(condition: Condition) -> Iterable[Part]:
    how, test = obtainable(condition.name), condition.tests[0]
    step = _OPPOSITE_STEP.get(test.operator.name)
    if how is not None and step is not None and len(condition.tests) == 1:
        yield Part(supposed(condition.name, test.expected + step), how, condition_words(condition, turned=True))


def _witness(condition: Condition) -> Json:
    """A value that satisfies every test of the condition, or None where no operator names one."""
    for test in condition.tests:
        witness = test.operator.witness(test.expected)
        if witness is not None and all(each.operator.check(witness.value, each.expected).met for each in condition.tests):
            return witness.value
    return None
