"""The checker is itself checked: against all orders of small histories, with histories that are right, and with known wrong ones."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linearizability import Operation, check
from registers import UNKNOWN, CreateOnce, Delete, Drop, Held, Is, Look, Made, Place, Put, Read, Refused, Wrote, resource

NEW = Held()
ASKS = st.one_of(
    st.just(Read()),
    st.builds(Put, st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3)), st.booleans()),
    st.builds(Delete, st.one_of(st.none(), st.integers(0, 3))),
)
ANSWERS = st.one_of(
    st.none(),
    st.builds(Is, st.just(200), st.integers(1, 3), st.sampled_from("abc")),
    st.sampled_from([Is(404), Is(410), Refused(404), Refused(409), Refused(412), Wrote(1), Wrote(2), Wrote(3)]),
)


def fits(ask: object, answer: object) -> bool:
    """Whether a server could say that at all."""
    return answer is None or isinstance(answer, Is) == isinstance(ask, Read)


@st.composite
def small_histories(draw: st.DrawFn) -> list[Operation]:
    history = []
    for _ in range(draw(st.integers(1, 5))):
        call = draw(st.integers(0, 8))
        ask, answer = draw(ASKS), draw(ANSWERS)
        end = math.inf if answer is None else call + draw(st.integers(1, 6))
        if fits(ask, answer):
            history.append(Operation(call, end, ask, answer))
    return history


def by_all_orders(history: list[Operation]) -> bool:
    """The definition, tried out."""
    known = [one for one in history if one.is_known]
    unknown = [one for one in history if not one.is_known]
    chosen = [[*known, *some] for size in range(len(unknown) + 1) for some in combinations(unknown, size)]
    return any(explains(order) for some in chosen for order in permutations(some))


def explains(order: tuple[Operation, ...]) -> bool:
    if any(later.end < earlier.call for index, earlier in enumerate(order) for later in order[index + 1 :]):
        return False
    states = {NEW}
    for one in order:
        states = {after for state in states for after in resource(state, one.ask, one.answer)}
    return bool(states)


@given(small_histories())
def test_it_agrees_with_the_definition(history: list[Operation]) -> None:
    assert check(history, NEW, resource).is_linearizable == by_all_orders(history)


def answered(state: Held, ask: Read | Put | Delete) -> tuple[Held, Is | Wrote | Refused]:
    """A correct register."""
    answers = [Is(404), Is(410), Is(200, state.version, state.value), Wrote(state.version + 1), Wrote(state.version)]
    for answer in [*answers, Refused(404), Refused(412)]:
        if fits(ask, answer):
            for after in resource(state, ask, answer):
                return after, answer
    raise AssertionError(ask)


@st.composite
def right_histories(draw: st.DrawFn) -> list[Operation]:
    """A correct register asked at one moment after another; callers see it later, or never."""
    state, history = NEW, []
    for moment, ask in enumerate(draw(st.lists(ASKS, min_size=1, max_size=60))):
        state, answer = answered(state, ask)
        before, after = draw(st.floats(0, 4)), draw(st.floats(0, 4))
        if draw(st.integers(0, 9)) == 0:
            history.append(Operation(moment - before, math.inf, ask, None))
        else:
            history.append(Operation(moment - before, moment + after, ask, answer))
    return history


@given(right_histories())
def test_what_a_correct_register_does_is_accepted(history: list[Operation]) -> None:
    assert check(history, NEW, resource).is_linearizable


@given(st.integers(2, 40), st.data())
def test_a_stale_read_is_found_wherever_it_is(writes: int, data: st.DataObject) -> None:
    history = [Operation(2 * n, 2 * n + 1, Put(str(n)), Wrote(n + 1)) for n in range(writes)]
    seen = data.draw(st.integers(1, writes - 1), "the version that is shown")
    when = data.draw(st.integers(seen, writes - 1), "after the write of a later one")
    stale = Operation(2 * when + 1.2, 2 * when + 1.8, Read(), Is(200, seen, str(seen - 1)))
    verdict = check([*history, stale], NEW, resource)
    assert not verdict.is_linearizable
    assert stale in verdict.stuck


def at(call: float, end: float, ask: object, answer: object) -> Operation:
    return Operation(call, end, ask, answer)


@pytest.mark.parametrize(
    "wrong",
    [
        [at(0, 1, Put("a"), Wrote(1)), at(2, 3, Read(), Is(404))],
        [at(0, 9, Put("a", if_match=0), Wrote(1)), at(0, 9, Put("b", if_match=0), Wrote(1))],
        [at(0, 1, Put("a"), Wrote(1)), at(2, 3, Put("b", if_none=True), Wrote(2))],
        [at(0, 1, Put("a"), Wrote(1)), at(2, 3, Put("b", if_match=1), Refused(412)), at(4, 5, Read(), Is(200, 1, "a"))],
        [at(0, 9, Put("a"), Wrote(1)), at(0, 1, Read(), Is(200, 1, "a")), at(2, 3, Read(), Is(404))],
        [at(0, 1, Put("a"), Wrote(1)), at(2, 3, Delete(), Wrote(2)), at(4, 5, Read(), Is(200, 1, "a"))],
        [at(0, 1, Put("a"), Refused(409)), at(2, 3, Read(), Is(200, 1, "a"))],
        [at(0, math.inf, Put("a"), None), at(1, 2, Read(), Is(200, 1, "a")), at(3, 4, Read(), Is(404))],
    ],
    ids=[
        "lost write", "two winners", "created over another", "refused without reason", "seen, then unseen",
        "back from deletion", "refused and done", "unknown, seen, then unseen",
    ],
)  # fmt: skip
def test_known_wrong_histories_are_rejected(wrong: list[Operation]) -> None:
    assert not check(wrong, NEW, resource).is_linearizable


def test_an_unknown_outcome_may_show_late_or_never() -> None:
    write = at(0, math.inf, Put("a"), None)
    assert check([write, at(1, 2, Read(), Is(404)), at(3, 4, Read(), Is(200, 1, "a"))], NEW, resource).is_linearizable
    assert check([write, at(1, 2, Read(), Is(404))], NEW, resource).is_linearizable


def test_a_long_history_with_many_callers_is_checked_quickly() -> None:
    history = [at(n, n + 12.5, Put(str(n)), Wrote(n + 1)) for n in range(2000)]
    history += [at(n + 0.1, n + 13, Read(), Is(200, n + 1, str(n))) for n in range(2000)]
    assert check(history, NEW, resource).is_linearizable


def test_two_holders_of_one_identifier_are_found() -> None:
    place = Place(frozenset({"1", "2"}))
    both = [at(0, 5, CreateOnce(), Made("1", True)), at(0, 5, CreateOnce(), Made("2", True))]
    assert not check(both, None, place).is_linearizable
    second = at(0, 5, CreateOnce(), Made("1", False))
    assert check([both[0], second, at(6, 7, Look(), ("1",))], None, place).is_linearizable
    assert not check([both[0], at(6, 7, Look(), ("1", "2"))], None, place).is_linearizable
    again = [both[0], at(6, 7, Drop("1"), True), at(8, 9, CreateOnce(), Made("2", True)), at(10, 11, Look(), ("2",))]
    assert check(again, None, place).is_linearizable
    assert not check([again[0], again[2]], None, place).is_linearizable


def test_a_holder_that_nobody_was_told_of_is_known_once_it_is_seen() -> None:
    place = Place(frozenset({"2"}))
    unknown = at(0, math.inf, CreateOnce(), None)
    assert check([unknown, at(1, 2, Look(), ("1",)), at(3, 4, Look(), ("1",))], None, place).is_linearizable
    assert not check([unknown, at(1, 2, Look(), ("1",)), at(3, 4, Look(), ("3",))], None, place).is_linearizable
    assert not check([unknown, at(1, 2, Look(), ("2",))], None, place).is_linearizable
    assert list(place(UNKNOWN, Drop("1"), True)) == [None, UNKNOWN]
