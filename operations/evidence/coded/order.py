"""Orders: that there is one, and nothing about what has happened (FHIR R4 ServiceRequest, DeviceRequest, MedicationRequest)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from operations.evidence.coded.elements import resource_of, source, text, when
from operations.evidence.fact import Fact
from operations.packet import Entry

_LIVE: Final = frozenset({"active", "on-hold", "completed"})


def order_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """`documents` holds `order` for a live order that is not a mere proposal or plan."""
    request = resource_of(entry)
    if text(request.get("status")) in _LIVE and request.get("intent") not in ("proposal", "plan", "option", None):
        written = when(request, "authoredOn")
        yield Fact("documents", ["order"], source(entry, "intent"), "coded", 0.95, written)
