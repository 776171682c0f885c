"""One fault, one issue: what follows from a value that cannot be read is not told beside it.

`item: "x"` is one fault, the wrong form: that a request needs items, or that one of them is incomplete, need not be said too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from profiles.outcome import Issue

_OF_FORM: Final = frozenset({"structure", "cardinality", "primitive-format", "choice", "code-invalid"})
_OF_THE_WHOLE: Final = frozenset({"required", "business-rule"})
"""Issue types of rules about all that a list holds."""
_TELLING: Final = frozenset({"pas-use", "pas-entry"})
"""Codes that say more of a value than that its form is wrong."""
_TYPED: Final = re.compile(r"\.ofType\(\w+\)")


def one_issue_a_fault(issues: Sequence[Issue]) -> list[Issue]:
    """The issues in their order, without those that another at the same place, or above it, already stands for."""
    told = {_place(each) for each in issues if each.code in _TELLING}
    issues = [each for each in issues if not (each.code in _OF_FORM and _is_at_or_below(_place(each), told))]
    broken = {_place(each) for each in issues if each.code in _OF_FORM}
    spared = _OF_FORM | _TELLING
    return _without_repetition([each for each in issues if each.code in spared or not _follows(each, broken)])


def _follows(issue: Issue, broken: set[str]) -> bool:
    place = _place(issue)
    if issue.severity not in ("error", "fatal") or not broken:
        return False
    if _is_at_or_below(place, broken):
        return True
    return issue.issue_type in _OF_THE_WHOLE and any(_is_below(each, place) for each in broken)


def _place(issue: Issue) -> str:
    return _TYPED.sub("", issue.expression or "")


def _is_at_or_below(place: str, others: set[str]) -> bool:
    return place in others or any(_is_below(place, each) for each in others)


def _is_below(place: str, other: str) -> bool:
    return bool(other) and place.startswith((f"{other}.", f"{other}["))


def _without_repetition(issues: Sequence[Issue]) -> list[Issue]:
    """The first issue of a kind at a place tells enough: two rules may notice the same fault."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for issue in issues:
        key = (_place(issue), issue.issue_type, issue.severity)
        if key not in seen:
            seen.add(key)
            kept.append(issue)
    return kept
