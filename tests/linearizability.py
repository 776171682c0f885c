"""A small checker of linearizability after Wing and Gong (1993), with the memory of Lowe (2017): histories of one register each.

A history is linearizable when every operation can be thought to take effect at one moment between its call and its answer, so that
each answer is the one that the model gives then. An operation whose outcome nobody knows may have taken effect at any moment after
its call, or never. Registers are independent: a system is linearizable when each of them is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

State = Hashable
Step = Callable[[Any, Any, Any], Iterable[State]]
"""(state, what was asked, answer) -> the states that may follow; none when the answer is impossible in that state.

An answer of None is unknown: the states are those in which it took effect."""


@dataclass(frozen=True)
class Operation:
    """`end` is infinite and `answer` None when nobody knows what became of it."""

    call: float
    end: float
    ask: Any
    answer: Any

    @property
    def is_known(self) -> bool:
        return self.answer is not None


@dataclass(frozen=True)
class Verdict:
    """`stuck`: where no order can be found, the operations of which none can be the next, after the longest order that could."""

    is_linearizable: bool
    stuck: tuple[Operation, ...] = ()


def check(history: Sequence[Operation], initial: State, step: Step) -> Verdict:
    """Whether the history of one register is linearizable."""
    known = sorted((one for one in history if one.is_known), key=lambda one: one.call)
    unknown = sorted((one for one in history if not one.is_known), key=lambda one: one.call)
    seen: set[Hashable] = set()
    stack: list[tuple[int, int, int, Any]] = [(0, 0, 0, initial)]
    furthest, stuck = -1, list[Operation]()
    while stack:
        place = stack.pop()
        if place in seen:
            continue
        seen.add(place)
        first, done, effective, state = place
        if first == len(known):
            return Verdict(True)
        next_known, deadline = _next(known, first, done)
        if first + done.bit_count() > furthest:
            furthest, stuck = first + done.bit_count(), [known[index] for index in next_known]
        for index, one in enumerate(unknown):
            if one.call > deadline:
                break
            if not effective >> index & 1:
                stack += [(first, done, effective | 1 << index, after) for after in step(state, one.ask, None)]
        for index in sorted(next_known, key=lambda index: -known[index].end):
            one = known[index]
            for after in step(state, one.ask, one.answer):
                stack.append((*_with(first, done, index), effective, after))
    return Verdict(False, tuple(stuck))


def _next(known: Sequence[Operation], first: int, done: int) -> tuple[list[int], float]:
    """Operations that began before any that is left ended, and when the first of those ended. `done` counts from `first`."""
    found: list[int] = []
    deadline = math.inf
    for index in range(first, len(known)):
        if known[index].call > deadline:
            break
        if not done >> (index - first) & 1:
            found.append(index)
            deadline = min(deadline, known[index].end)
    return found, deadline


def _with(first: int, done: int, index: int) -> tuple[int, int]:
    """Mark an operation as done, and move on behind those that are done without a gap."""
    done |= 1 << (index - first)
    while done & 1:
        first, done = first + 1, done >> 1
    return first, done
