"""What an exclusion comes to: shown to hold, shown not to hold, half shown, or not spoken of at all.

Unknown is not false (DESIGN section 5). Silence lets a request pass an exclusion, but it proves nothing: such a rule is
`not_shown`, which counts as met and earns nothing. Where part of what is excluded is shown (an MRI was reviewed, its date is
not known), or where a value cannot be compared, the rule is `missing`: somebody must say the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from operations.policy.condition import ConditionResult, State

Logic = Literal["all", "any"]


def combine(states: Iterable[State], logic: Logic) -> State:
    """The state of a rule from those of its parts (at least one).

    `all` is not met as soon as one part is not met, and missing when nothing is against it but something is unknown; `any`
    is met by one part, and missing when no part is met but one is unknown. An exclusion that nothing speaks of carries a
    rule only where no part that is shown does.
    """
    seen = set(states)
    order: tuple[State, ...] = ("met", "not_shown", "missing") if logic == "any" else ("not_met", "missing", "met")
    for state in order:
        if state in seen:
            return state
    return "not_met" if logic == "any" else "not_shown"


def excluded(conditions: Sequence[ConditionResult], members: Sequence[State], logic: Logic) -> State:
    """The state of an exclusion whose own parts came out so. A value that cannot be compared denies nothing."""
    states = [_as_proof(condition) for condition in conditions]
    states += ["missing" if state == "not_shown" else state for state in members]
    unclear = "not_shown" in members or any(each.state == "not_met" and each.reason for each in conditions)
    inner = combine(states, logic)
    if inner == "met":
        return "not_met"
    if inner == "not_met":
        return "met"
    half_shown = logic == "all" and "met" in states
    return "missing" if half_shown or unclear else "not_shown"


def _as_proof(condition: ConditionResult) -> State:
    """A reason beside `not_met` says that the value is of a wrong type or disputed: that shows nothing."""
    return "missing" if condition.state == "not_met" and condition.reason else condition.state
