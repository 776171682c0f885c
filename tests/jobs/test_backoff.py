"""The pauses between tries grow, are never long, and never the same for jobs that failed together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.jobs.backoff import FIRST_SECONDS, LONGEST_SECONDS, MAX_ATTEMPTS, backoff

ATTEMPTS = st.integers(1, 10_000)
CHANCES = st.floats(0, 1)


@given(ATTEMPTS, CHANCES)
def test_a_pause_lies_between_half_and_one_and_a_half_of_its_power_of_two(attempt: int, chance: float) -> None:
    middle = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(attempt - 1, 64))
    assert middle / 2 <= backoff(attempt, chance) <= min(LONGEST_SECONDS, middle * 1.5)


@given(ATTEMPTS, CHANCES)
def test_later_pauses_are_not_shorter(attempt: int, chance: float) -> None:
    assert backoff(attempt + 1, chance) >= backoff(attempt, chance)


@given(st.integers(1, 10), CHANCES, CHANCES)
def test_chance_tells_jobs_apart(attempt: int, one: float, other: float) -> None:
    assert (backoff(attempt, one) < backoff(attempt, other)) == (0.5 + one < 0.5 + other)


@given(st.lists(CHANCES, min_size=MAX_ATTEMPTS, max_size=MAX_ATTEMPTS))
def test_a_job_is_given_up_after_hours_not_minutes_and_within_a_day(chances: list[float]) -> None:
    whole = sum(backoff(attempt, chance) for attempt, chance in enumerate(chances, 1))
    assert 4 * 3600 < whole < 24 * 3600
