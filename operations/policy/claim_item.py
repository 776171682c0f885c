"""Reading one item of a Claim as policies need it: codes, date of service, place and quantity.

Tolerant by design: whatever is not there, or is not of its R4 type, reads as absent; validation says so elsewhere.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from operations.policy.json_reading import day_of, objects, part
from operations.policy.operators import is_number
from operations.policy.policy import Token
from operations.policy.stored_policies import token_of
from profiles.json import Json, Resource


def item_codes(item: Resource) -> tuple[Token, ...]:
    """The codings of `productOrService` that have system and code, in their order, as policies spell them."""
    tokens = (token_of(coding) for coding in objects(part(item, "productOrService", "coding")))
    return tuple(token for token in tokens if token is not None)


def service_date(item: Resource, claim: Resource, received: date) -> date:
    """The first day of service: the item's own, else the Claim's billable period, else the day of receipt."""
    candidates = (
        part(item, "servicedDate"),
        part(item, "servicedPeriod", "start"),
        part(claim, "billablePeriod", "start"),
    )
    return next((day for day in map(day_of, candidates) if day is not None), received)


def place_of_service(item: Resource) -> str | None:
    """The first code of the item's location."""
    codes = (coding.get("code") for coding in objects(part(item, "locationCodeableConcept", "coding")))
    return next((code for code in codes if isinstance(code, str)), None)


def quantity_of(item: Resource) -> Decimal | int | None:
    """The item's quantity, where it is a number."""
    value = part(item, "quantity", "value")
    return value if is_number(value) and not isinstance(value, float) else None


def quantity_unit(item: Resource) -> str | None:
    """The unit of the item's quantity, in the sender's words, else its code."""
    for key in ("unit", "code"):
        unit = part(item, "quantity", key)
        if isinstance(unit, str) and unit.strip():
            return unit.strip()
    return None


def sequence_of(item: Resource) -> int:
    """`Claim.item.sequence`, 0 where there is none."""
    sequence = item.get("sequence")
    return sequence if isinstance(sequence, int) and not isinstance(sequence, bool) else 0


def age_on(birth_date: Json, on: date) -> int | None:
    """Completed years on a day; None when the birth date is not a full date or lies after it."""
    born = day_of(birth_date)
    if born is None or born > on:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
