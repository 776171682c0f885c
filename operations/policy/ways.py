"""What an open rule still needs: the alternative sets of facts that would each meet it, and the same in a sentence.

A rule with `any` offers alternatives, one with `all` asks for everything: flattened into one list they would mislead. A way
that begins with another diagnosis, age or sex than the request's is left out where there is a way that does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final, TypeVar

from operations.policy.assessment import MissingFact
from operations.policy.condition import ConditionResult
from operations.policy.condition_words import condition_words, joined, meaning_of
from operations.policy.criteria_result import RuleResult
from operations.policy.policy import Policy
from profiles.json import Json, dumps

Way = tuple[MissingFact, ...]
_Part = TypeVar("_Part", ConditionResult, RuleResult)
MOST_WAYS: Final = 24
"""Alternatives that are told apart; a rule with more shows the first of them."""
FIXED: Final = frozenset({"diagnosis", "age", "sex"})
"""What a request must not be bent to."""


def ways_to_meet(policy: Policy, result: RuleResult) -> tuple[Way, ...]:
    """The sets of facts of which any one would meet the rule; none for a rule that is met."""
    return () if result.met else tuple(way for way in _ways(policy, result, ()) if way)


def needed_words(result: RuleResult) -> str:
    """The same as a noun phrase: `either a red flag; or at least 6 weeks of physical therapy, together with ...`."""
    if result.met:
        return ""
    if result.exclusion:
        words = [condition_words(each.condition, turned=True) for each in _against(result)]
        return _either(words) if result.logic == "all" else joined(words, "and")
    parts = [condition_words(each.condition) for each in open_conditions(result)]
    parts += [needed_words(rule) for rule in open_rules(result)]
    return _either(parts) if result.logic == "any" else _together(parts)


def silence(result: RuleResult) -> str:
    """What is said of a rule that stands only because nothing speaks of what it excludes."""
    silent = [each for each in result.all_conditions() if each.state == "missing"]
    words = [condition_words(each.condition) for each in silent]
    most = [one for one in words if not any(other != one and other.startswith(one) for other in words)]
    return f"Nothing in the packet shows {joined(most, 'and' if result.logic == 'all' else 'or')}"


def open_conditions(result: RuleResult) -> list[ConditionResult]:
    """The conditions of a rule that are not met and may still be."""
    found = [condition for condition in result.conditions if condition.state != "met"]
    return _possible(found, [_is_fixed(condition) for condition in found], result)


def open_rules(result: RuleResult) -> list[RuleResult]:
    """The rules within a rule that are not met and may still be."""
    found = [rule for rule in result.rules if not rule.met]
    return _possible(found, [_is_closed(rule) for rule in found], result)


def _possible(found: list[_Part], closed: Sequence[bool], result: RuleResult) -> list[_Part]:
    """Of alternatives, those that no fixed fact closes, unless it closes all."""
    if result.logic == "all" or all(closed):
        return found
    return [each for each, shut in zip(found, closed, strict=True) if not shut]


def _is_fixed(condition: ConditionResult) -> bool:
    return condition.state == "not_met" and condition.condition.name in FIXED


def _is_closed(result: RuleResult) -> bool:
    if result.met or result.exclusion:
        return False
    closed = [_is_fixed(each) for each in result.conditions] + [_is_closed(rule) for rule in result.rules]
    return any(closed) if result.logic == "all" else all(closed)


def _ways(policy: Policy, result: RuleResult, kinds: tuple[str, ...]) -> list[Way]:
    if result.met:
        return [()]
    kinds = tuple(rule.kind for rule in policy.documents if result.rule_id in rule.proves) or kinds
    if result.exclusion:
        turned = [_gap(condition, kinds, turned=True) for condition in _against(result)]
        return [(gap,) for gap in turned] if result.logic == "all" else [tuple(turned)]
    parts: list[list[Way]] = [[(_gap(each, kinds),)] for each in open_conditions(result)]
    parts += [_ways(policy, rule, kinds) for rule in open_rules(result)]
    if result.logic == "any":
        return [way for part in parts for way in part][:MOST_WAYS]
    combined: list[Way] = [()]
    for part in parts:
        combined = [(*one, *more) for one, more in product(combined, part)][:MOST_WAYS]
    return combined


def _against(result: RuleResult) -> list[ConditionResult]:
    """What stands in the way of an exclusion: what is shown, or for one that is half shown, the rest of it."""
    open_state = "met" if result.state == "not_met" else "missing"
    found = [condition for condition in result.all_conditions() if condition.state == open_state]
    return found or [condition for condition in result.all_conditions() if condition.reason]


def _gap(result: ConditionResult, kinds: tuple[str, ...], turned: bool = False) -> MissingFact:
    text = f"not ({result.condition.text})" if turned else result.condition.text
    state = "not_met" if result.state == "met" else result.state
    shown = None if result.patient_value is None else _short(result.patient_value)
    name = result.condition.name
    return MissingFact(name, text, meaning_of(name), state, shown, kinds, condition_words(result.condition, turned))


def _either(parts: Sequence[str]) -> str:
    unique = list(dict.fromkeys(part for part in parts if part))
    if len(unique) < 2:
        return "".join(unique)
    if any(_is_long(part) for part in unique):
        return "either " + "; or ".join(unique)
    return f"either {', '.join(unique[:-1])} or {unique[-1]}"


def _together(parts: Sequence[str]) -> str:
    unique = list(dict.fromkeys(part for part in parts if part))
    long = [part for part in unique if _is_long(part)]
    short = joined([part for part in unique if not _is_long(part)], "and")
    return ", together with ".join([*long, short] if short else long)


def _is_long(part: str) -> bool:
    return part.startswith("either ") or ", together with " in part


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."
