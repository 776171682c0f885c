"""Weeks of therapy from single sessions: completed Procedures or Encounters of physical therapy make up a course.

Sessions no more than four weeks apart belong to one course; its length is counted from the first to the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from operations.evidence.fact import Fact

SESSIONS: Final = "conservative_therapy.physical_therapy.sessions"
_GAP: Final = timedelta(weeks=4)


def course_facts(facts: Iterable[Fact]) -> list[Fact]:
    """Completed weeks of every course that the session facts among `facts` make up, sourced in its last session."""
    found: list[Fact] = []
    by_site: dict[str | None, dict[date, Fact]] = {}
    for fact in facts:
        if fact.name == SESSIONS and fact.topic is not None and fact.as_of is not None:
            by_site.setdefault(fact.site, {})[fact.as_of] = fact
    for sessions in by_site.values():
        days = sorted(sessions)
        start = 0
        for place in range(1, len(days) + 1):
            if place == len(days) or days[place] - days[place - 1] > _GAP:
                found.extend(_course(sessions, days[start:place]))
                start = place
    return found


def _course(sessions: dict[date, Fact], days: list[date]) -> list[Fact]:
    weeks = (days[-1] - days[0]).days // 7
    if weeks < 1 or max((later - earlier for earlier, later in pairwise(days)), default=timedelta()) > _GAP:
        return []
    last = sessions[days[-1]]
    confidence = min(sessions[day].confidence for day in days) * 0.95
    names = ("conservative_therapy.physical_therapy.completed_weeks", "conservative_therapy.total_weeks")
    return [Fact(name, weeks, last.source, last.method, confidence, last.as_of, last.site) for name in names]
