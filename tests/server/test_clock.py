"""The server's clock never goes back, gains on the machine's, and does not follow one that was wrong by days."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from server.clock import FOLLOWED, SteadyClock
from server.logs import EventLog

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A clock that is set, and says how often it was asked."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def lines() -> list[bytes]:
    return []


@pytest.fixture
def clock(machine: Machine, lines: list[bytes]) -> SteadyClock:
    return SteadyClock(EventLog(lines.append), machine)


def test_it_is_the_machine_s_time_and_never_the_same_twice(clock: SteadyClock, machine: Machine) -> None:
    times = [clock() for _ in range(1000)]
    assert sorted(set(times)) == times
    assert times[-1] - START < timedelta(milliseconds=2)
    machine.time += HOUR
    assert clock() == START + HOUR


def test_set_back_it_goes_on_and_is_caught_up_with(clock: SteadyClock, machine: Machine, lines: list[bytes]) -> None:
    machine.time += HOUR
    before = clock()
    machine.time -= HOUR
    first = clock()
    assert before < first < before + timedelta(seconds=1)
    last = first
    for minute in range(1, 11 * 60):
        machine.time = START + timedelta(minutes=minute)
        now = clock()
        assert now > last, "time goes on"
        assert now - last <= timedelta(minutes=1), "and no faster than it should"
        last = now
    assert last - machine.time <= timedelta(milliseconds=1), "after ten hours the two agree again"
    told = [json.loads(line) for line in lines]
    assert [(line["event"], line["count"]) for line in told] == [("the clock was set back", 3600)]


def test_small_corrections_are_nobody_s_business(clock: SteadyClock, machine: Machine, lines: list[bytes]) -> None:
    times = []
    for step in (50, -20, 30, -500, 10, 900):
        machine.time += timedelta(milliseconds=step)
        times.append(clock())
    assert times == sorted(set(times))
    assert lines == []


def test_a_restart_goes_on_from_what_was_stored(clock: SteadyClock, machine: Machine, lines: list[bytes]) -> None:
    clock.has_been(START - HOUR)
    assert clock() - START < timedelta(seconds=1)
    clock.has_been(START + HOUR)
    assert clock() > START + HOUR
    machine.time += timedelta(seconds=30)
    assert timedelta(seconds=20) < clock() - (START + HOUR) < timedelta(seconds=30)
    assert len(lines) == 1


def test_a_clock_that_was_wrong_by_days_is_not_followed(clock: SteadyClock, machine: Machine, lines: list[bytes]) -> None:
    clock.has_been(START + FOLLOWED + HOUR)
    assert clock() - START < timedelta(seconds=1)
    machine.time += timedelta(days=400)
    clock()
    machine.time = START + HOUR
    assert abs(clock() - machine.time) < timedelta(seconds=1)
    assert len(lines) == 2
