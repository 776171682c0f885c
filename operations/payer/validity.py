"""For how long an approval holds, and until when documents may come."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

from operations.payer.payer import Case
from profiles.reading import child, objects


def period(case: Case, days: int | None = None) -> tuple[date, date]:
    """From today for so many days (the payer's default unless given), and past the last day of service asked for."""
    today = case.context.now().date()
    end = today + timedelta(days=days if days is not None else case.settings.valid_days)
    if days is not None:
        return today, end
    return today, max([end, *_service_ends(case)])


def _service_ends(case: Case) -> list[date]:
    """Planned services may end later than the default; a year is the most that is promised without a policy."""
    latest = case.context.now().date() + timedelta(days=365)
    ends = []
    for item in objects(case.packet.claim.resource.get("item")):
        for value in (item.get("servicedDate"), child(item, "servicedPeriod").get("end")):
            with suppress(ValueError):
                day = date.fromisoformat(value) if isinstance(value, str) else latest + timedelta(days=1)
                ends += [day] if day <= latest else []
    return ends


def answer_by(case: Case) -> date:
    return (case.context.now() + case.settings.information_wait).date()
