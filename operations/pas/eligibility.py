"""Whether the member can be treated, and is insured, on the day of service: X12 901 reject reasons (PAS 2.2.1, 2 and 4.4).

Only what the request itself says is compared. An item without a date of service is held against no coverage period. A
coverage that begins after a service in the past is no contradiction: senders tell of the present term only, and the test
kit's own requests do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.packet import Entry, Packet
from operations.pas.claim_view import RequestedItem
from operations.pas.member_number import focal_coverages
from operations.pas.paths import entry_path, item_path
from operations.payer.determination import BusinessError
from profiles.json import Json, Resource
from profiles.reading import child, identifier, identifiers, objects, text

Days = tuple[str, str]
"""The first and the last day as YYYY-MM-DD."""


def eligibility_errors(packet: Packet, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    """What makes the services `items` impossible for this member under this coverage. Nothing without items."""
    if not items:
        return
    yield from _birth_errors(packet, items)
    yield from _death_errors(packet, items)
    for coverage in focal_coverages(packet):
        yield from _status_errors(packet, coverage)
        yield from _period_errors(packet, coverage, items)
        yield from _payor_errors(packet, coverage)


def _birth_errors(packet: Packet, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    patient = packet.follow("patient")
    born = text(patient.resource.get("birthDate")) if patient is not None else None
    if patient is None or born is None:
        return
    path = f"{entry_path(packet, patient)}.birthDate"
    if born > packet.received.date().isoformat():
        sentence = "The patient's date of birth is in the future."
        yield BusinessError("58", "C", "pas-service-date", sentence, path, "2010C-DMG02")
    elif any(days is not None and days[1] < born for days in map(_service, items)):
        sentence = "The patient's date of birth follows the date of service."
        yield BusinessError("60", "C", "pas-service-date", sentence, path, "2010C-DMG02")


def _death_errors(packet: Packet, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    """A service without a date is yet to come; so is a death without a date past."""
    patient = packet.follow("patient")
    if patient is None:
        return
    today = packet.received.date().isoformat()
    died = (text(patient.resource.get("deceasedDateTime")) or "")[:10]
    if not died and patient.resource.get("deceasedBoolean") is True:
        died = today
    for item in items if died else ():
        first, _ = _service(item) or (today, today)
        if _is_before(died, first):
            sentence = "The patient died before the date of service."
            yield BusinessError("61", "C", "pas-service-date", sentence, f"{entry_path(packet, patient)}.deceased")
            return


def _status_errors(packet: Packet, coverage: Entry) -> Iterator[BusinessError]:
    if coverage.resource.get("status") != "active":
        sentence = "The coverage is not active; send the member's coverage in force."
        yield BusinessError("95", "C", "pas-coverage", sentence, f"{entry_path(packet, coverage)}.status")


def _period_errors(packet: Packet, coverage: Entry, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    period = child(coverage.resource, "period")
    start, end = (text(period.get("start")) or "")[:10], (text(period.get("end")) or "")[:10]
    today = packet.received.date().isoformat()
    for item in items:
        days = _service(item)
        if days is None:
            continue
        ended = bool(end) and _is_before(end, days[0])
        not_begun = bool(start) and days[1] >= today and days[1][: len(start)] < start
        if ended or not_begun:
            said = "ended before" if ended else "begins after"
            path = f"{item_path(packet, item)}.serviced"
            yield BusinessError("95", "C", "pas-coverage", f"The coverage {said} the date of service.", path)


def _payor_errors(packet: Packet, coverage: Entry) -> Iterator[BusinessError]:
    insurer = packet.follow("insurer")
    payors = [known for each in objects(coverage.resource.get("payor")) if (known := _named(packet, coverage, each))]
    if insurer is None or not payors:
        return
    known = {insurer.reference, *identifiers(insurer.resource)}
    if not any(known & each for each in payors):
        sentence = "The coverage is of another payer than the insurer that is asked."
        path = f"{entry_path(packet, coverage)}.payor"
        yield BusinessError("79", "C", "pas-coverage", sentence, path, "2010A-NM109")


def _named(packet: Packet, coverage: Entry, payor: Resource) -> set[Json]:
    """What tells a payor: its address in the Bundle and its identifiers. Nothing for one that only has a display."""
    literal = text(payor.get("reference"))
    target = packet.resolve(literal, coverage) if literal is not None else None
    found: set[Json] = {target.reference, *identifiers(target.resource)} if target is not None else set()
    logical = identifier(payor.get("identifier"))
    return found | {logical} if logical is not None else found


def _service(item: RequestedItem) -> Days | None:
    period = child(item.element, "servicedPeriod")
    days = [text(each) for each in (item.element.get("servicedDate"), period.get("start"), period.get("end"))]
    told = [each[:10] for each in days if each is not None]
    return (told[0], told[-1]) if told else None


def _is_before(day: str, other: str) -> bool:
    """`day` may be a year or a month: it is before when all of it is."""
    return day < other[: len(day)]
