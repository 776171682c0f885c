"""What a rule of a Consent comes to for one asker and one record; or, before the record is read, for a type of records.

A provision that does not match says nothing. One that matches says what it is (permit or deny), unless one of its own provisions that
matches says otherwise: the innermost decides, and of several side by side a denial (R4 consent.html; IHE PCF).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from profiles.json import Json, Resource
from profiles.reading import Coded
from server.access.access import Seen
from server.access.consent_rules import Rule, Span
from server.search.index_entries import OPEN_FUTURE, OPEN_PAST, PRIMARY_DATES, date_range
from server.search.registry import indexed_parameters

Answer = Literal["permit", "deny", "depends", None]
"""`depends`: on what the record says; None: nothing is said."""

ANY_TYPE: Final = "*"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, why, and to do what. Asked for again and again: it is the name under which answers are kept."""

    actors: frozenset[str]
    purposes: frozenset[str]
    """The purpose, and those that it lies within."""
    action: Literal["access", "disclose"] = "access"
    own: str | None = None
    """The patient who asks for their own record: no consent of theirs hides it from them."""


def decision(rules: Iterable[Rule], asking: Asking, now: int, type_: str, seen: Seen | None) -> Answer:
    """What the roots of all consents of one patient come to: of several that say something, a denial."""
    return _strictest([_said(rule, asking, now, type_, seen) for rule in rules])


def _said(rule: Rule, asking: Asking, now: int, type_: str, seen: Seen | None) -> Answer:
    if not _concerns(rule, asking, now):
        return None
    covered = _covers(rule, type_, seen)
    if covered == "no":
        return None
    answer = _strictest([_said(one, asking, now, type_, seen) for one in rule.exceptions])
    if answer is None and rule.permits is not None:
        answer = "permit" if rule.permits else "deny"
    return "depends" if covered == "maybe" and answer is not None else answer


def _strictest(answers: list[Answer]) -> Answer:
    for answer in ("deny", "depends", "permit"):
        if answer in answers:
            return answer
    return None


def _concerns(rule: Rule, asking: Asking, now: int) -> bool:
    """Whether the rule is about this asker at this time."""
    return (
        (rule.period is None or _lies_in(now, now, rule.period))
        and (not rule.actors or not rule.actors.isdisjoint(asking.actors))
        and (not rule.actions or asking.action in rule.actions)
        and (not rule.purposes or not rule.purposes.isdisjoint(asking.purposes))
    )


def _covers(rule: Rule, type_: str, seen: Seen | None) -> Literal["yes", "no", "maybe"]:
    """Whether the rule is about such records, or this one."""
    if rule.classes and type_ not in rule.classes:
        return "maybe" if type_ == ANY_TYPE else "no"
    if not (rule.codes or rule.labels or rule.data or rule.data_period):
        return "yes"
    if seen is None:
        return "maybe"
    resource = seen.resource()
    met = (
        (not rule.data or f"{seen.type}/{seen.id}" in rule.data)
        and (not rule.labels or not rule.labels.isdisjoint(_labels(resource)))
        and (not rule.codes or _has_code(resource, rule.codes))
        and (rule.data_period is None or _dated_in(resource, rule.data_period))
    )
    return "yes" if met else "no"


def _lies_in(low: float, high: float, span: Span) -> bool:
    first, last = span
    return (first is None or high >= first) and (last is None or low <= last)


def _labels(resource: Resource) -> set[Coded]:
    meta = resource.get("meta")
    given = meta.get("security") if isinstance(meta, dict) else None
    return {
        Coded(str(coding.get("system")), str(coding.get("code")))
        for coding in (given if isinstance(given, list) else ())
        if isinstance(coding, dict)
    }


def _has_code(value: Json, codes: frozenset[Coded]) -> bool:
    """Whether a coding anywhere in it is one of them."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            code, system = node.get("code"), node.get("system")
            if isinstance(code, str) and isinstance(system, str) and Coded(system, code) in codes:
                return True
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return False


def _dated_in(resource: Resource, span: Span) -> bool:
    """By the date that its type is listed by; without one, by when this version was stored."""
    parameters = indexed_parameters(resource["resourceType"])
    for code in (PRIMARY_DATES.get(resource["resourceType"], "_lastUpdated"), "_lastUpdated"):
        found = [dates for value in parameters[code].extract(resource) if (dates := date_range(value)) is not None]
        if found:
            return any(_lies_in(low, high, span) for low, high in found)
    return _lies_in(OPEN_PAST, OPEN_FUTURE, span)
