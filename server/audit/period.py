"""The period that an export or a report is about, and where in the trail it begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from operations.policy.fhir_parameters import Given
from profiles.outcome import refuse
from server.audit.log import AuditLog
from server.repository import DamagedRecordError, microseconds
from server.store.store import Store

SLACK: Final = 3600 * 1_000_000
"""Clocks of servers on one store may differ: what lies so close before the beginning is looked at as well."""

END: Final = 1 << 62

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z")


@dataclass(frozen=True, slots=True)
class Period:
    """Microseconds since 1970: from `start`, before `end`."""

    start: int = 0
    end: int = END

    def holds(self, moment: int) -> bool:
        return self.start <= moment < self.end


def moment_of(text: str, *, end: bool = False) -> int:
    """Of a date (in UTC) its beginning, or with `end` the beginning of the next day; of an instant itself. Raises ValueError."""
    if _DATE.match(text):
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return microseconds(day + timedelta(days=1) if end else day)
    if not _INSTANT.match(text):
        raise ValueError(text)
    return microseconds(datetime.fromisoformat(text.replace("Z", "+00:00")))


def read_period(named: Mapping[str, Given]) -> Period:
    """Of the parameters `from` and `to`. Raises FhirError (400)."""
    start = _moment(named["from"], end=False) if "from" in named else 0
    return Period(start, _moment(named["to"], end=True) if "to" in named else END)


def _moment(given: Given, *, end: bool) -> int:
    try:
        if not isinstance(given.value, str) or not given.is_of("valueDateTime", "valueDate", "valueInstant"):
            raise ValueError
        return moment_of(given.value, end=end)
    except (ValueError, OverflowError) as error:
        text = "This must be a date, or an instant with seconds and a time zone."
        raise refuse("parameter-value", text, given.expression) from error


async def batch_before(store: Store, log: AuditLog, period: Period) -> int:
    """A sequence number behind which all records of the period are; found by halving. Raises StoreUnavailableError."""
    first = await store.audit_batches(0, 1)
    low, high = (first[0].seq - 1 if first else 0), (await store.audit_watermark())[1]
    start = low
    while low < high:
        middle = (low + high + 1) // 2
        batch = await store.audit_batch(middle)
        try:
            newest = await log.newest_in(batch) if batch is not None else None
        except DamagedRecordError:
            newest = None
        if newest is None:  # nothing tells where it belongs: all is looked at
            return start
        low, high = (middle, high) if newest < period.start - SLACK else (low, middle - 1)
    return low
