"""The items of a PAS Claim as the business reads them: codes, quantity, dates, numbers, and what an update says of them.

PAS 2.2.1 profile-claim and profile-claim-update. Reads anything; what is not there is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from profiles.json import Json, Resource
from profiles.pas_names import (
    ADMINISTRATION_REFERENCE_NUMBER,
    AUTHORIZATION_NUMBER,
    CANCEL_TYPE,
    CERTIFICATION_TYPE,
    DATA_ABSENT_CODES,
    INFO_CANCELLED,
    INFO_CHANGED,
    PRODUCT_SYSTEMS,
    same_system,
)
from profiles.reading import Coded, child, codings, extension, extensions, has_code, objects, text, whole


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """One `Claim.item`. `element` is it as submitted; `quantity` is None where none is asked for."""

    sequence: int
    element: Resource
    products: tuple[Coded, ...]
    quantity: Decimal | None
    unit: str | None
    cancelled: bool
    changed: Literal["added", "changed"] | None

    @property
    def any_service(self) -> bool:
        """`not-applicable` as the product stands for any service (PAS spec-43)."""
        return any(each.system == DATA_ABSENT_CODES and each.code == "not-applicable" for each in self.products)

    @property
    def has_known_system(self) -> bool:
        return any(same_system(each.system) in PRODUCT_SYSTEMS for each in self.products)


def requested_items(claim: Resource) -> tuple[RequestedItem, ...]:
    """The items in the Claim's order."""
    return tuple(_item(each) for each in objects(claim.get("item")) if whole(each.get("sequence")) is not None)


def _item(element: Resource) -> RequestedItem:
    change = text(extension(element, INFO_CHANGED).get("valueCode"))
    cancelled = extension(element, INFO_CANCELLED, "modifierExtension").get("valueBoolean") is True
    cancelled = cancelled or has_code(extension(element, CERTIFICATION_TYPE).get("valueCodeableConcept"), CANCEL_TYPE)
    quantity = child(element, "quantity")
    return RequestedItem(
        sequence=whole(element.get("sequence")) or 0,
        element=element,
        products=tuple(codings(element.get("productOrService"))),
        quantity=number(quantity.get("value")),
        unit=text(quantity.get("unit")) or text(quantity.get("code")),
        cancelled=cancelled,
        changed="added" if change == "added" else "changed" if change == "changed" else None,
    )


def number(value: Json) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    found = whole(value)
    return Decimal(found) if found is not None else None


def quoted_numbers(claim: Resource) -> frozenset[str]:
    """Authorization and reference numbers that a Claim quotes, on itself or on its items (X12 REF BB and REF NT)."""
    holders = [claim, *objects(claim.get("item"))]
    found = (
        text(each.get("valueString"))
        for holder in holders
        for url in (AUTHORIZATION_NUMBER, ADMINISTRATION_REFERENCE_NUMBER)
        for each in extensions(holder, url)
    )
    return frozenset(each for each in found if each is not None)


def diagnosis_codings(claim: Resource) -> list[tuple[int, list[Coded]]]:
    """The codings of each diagnosis, with its place in the list."""
    return [
        (place, codings(each.get("diagnosisCodeableConcept")))
        for place, each in enumerate(objects(claim.get("diagnosis")))
        if "diagnosisCodeableConcept" in each
    ]
