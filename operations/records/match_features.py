"""How alike two Patients are, feature by feature: what agrees, what only nearly, what contradicts, and what that weighs.

Weights are those of Fellegi and Sunter (1969): the logarithm to base 2 of how much more often a feature agrees (or differs) in two
records of one person than in records of two. The shares behind them are round figures of ours for records of medical practices, not
measured on anybody's data; docs/match.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import log2
from typing import Final, Literal

from profiles.json import Json, Resource
from profiles.reading import identifiers, objects
from profiles.text import normalize

Agreement = Literal["same", "near", "different"]
NEAR_NAMES: Final = 0.8
"""The share of letters in common from which two names count as variants of one spelling."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Bits for each agreement."""

    same: float
    near: float
    different: float


def _weights(same: tuple[float, float], near: tuple[float, float]) -> Weights:
    """From the shares (in one person's records, in two persons' records) that are the same, and that are near."""
    rest = (1 - same[0] - near[0], 1 - same[1] - near[1])
    return Weights(log2(same[0] / same[1]), log2(near[0] / near[1]), log2(rest[0] / rest[1]))


WEIGHTS: Final = {
    "identifier": _weights((0.90, 0.00001), (0.02, 0.001)),
    "family": _weights((0.90, 0.005), (0.05, 0.005)),
    "given": _weights((0.85, 0.02), (0.08, 0.01)),
    "birthDate": _weights((0.95, 0.0002), (0.03, 0.02)),
    "gender": _weights((0.98, 0.5), (0.001, 0.01)),
    "telecom": _weights((0.60, 0.0005), (0.01, 0.001)),
    "postalCode": _weights((0.75, 0.01), (0.05, 0.03)),
    "address": _weights((0.60, 0.0005), (0.15, 0.002)),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One comparison: what was compared, how it came out, and how many bits it adds."""

    name: str
    agreement: Agreement
    weight: float


def features(asked: Resource, found: Resource) -> list[Feature]:
    """All that both records have something to say about."""
    return [
        Feature(name, agreement, getattr(WEIGHTS[name], agreement))
        for name, compare in _COMPARE.items()
        if (agreement := compare(asked, found)) is not None
    ]


def _identifier(asked: Resource, found: Resource) -> Agreement | None:
    """A contradiction only where both have a number of one system: every practice has numbers of its own."""
    own, other = set(identifiers(asked)), set(identifiers(found))
    if own & other:
        return "same"
    systems = {each.system for each in own if each.system} & {each.system for each in other if each.system}
    return "different" if systems else None


def _names(patient: Resource, part: str) -> set[str]:
    listed = (name.get(part) for name in objects(patient.get("name")))
    words = (word for value in listed for word in (value if isinstance(value, list) else [value]))
    return {normalize(word) for word in words if isinstance(word, str) and word}


def _family(asked: Resource, found: Resource) -> Agreement | None:
    return _alike(_names(asked, "family"), _names(found, "family"))


def _given(asked: Resource, found: Resource) -> Agreement | None:
    """An initial is near to every name that begins with it."""
    own, other = _names(asked, "given"), _names(found, "given")
    initials = any(a[0] == b[0] and 1 in (len(a.strip(".")), len(b.strip("."))) for a in own for b in other)
    agreement = _alike(own, other)
    return "near" if agreement == "different" and initials else agreement


def _alike(own: set[str], other: set[str]) -> Agreement | None:
    if not own or not other:
        return None
    if own & other:
        return "same"
    near = any(SequenceMatcher(None, a, b, autojunk=False).ratio() >= NEAR_NAMES for a in own for b in other)
    return "near" if near else "different"


def _birth(asked: Resource, found: Resource) -> Agreement | None:
    """Near: one of the two says less, day and month changed places, or one digit is another."""
    own, other = asked.get("birthDate"), found.get("birthDate")
    if not isinstance(own, str) or not isinstance(other, str):
        return None
    if own == other:
        return "same"
    if own.startswith(other) or other.startswith(own):
        return "near"
    if len(own) != len(other):
        return "different"
    swapped = len(own) == 10 and own[:5] + own[8:] + "-" + own[5:7] == other
    return "near" if swapped or sum(a != b for a, b in zip(own, other, strict=True)) == 1 else "different"


def _gender(asked: Resource, found: Resource) -> Agreement | None:
    own, other = asked.get("gender"), found.get("gender")
    if not own or not other or "unknown" in (own, other):
        return None
    return "same" if own == other else "different"


def _telecom(asked: Resource, found: Resource) -> Agreement | None:
    """People change and share numbers: another one is no contradiction."""
    return "same" if set(contact_points(asked)) & set(contact_points(found)) else None


def contact_points(patient: Resource) -> Iterator[str]:
    """Numbers as their last ten digits, addresses as they are, folded."""
    for point in objects(patient.get("telecom")):
        value = point.get("value")
        if isinstance(value, str) and value:
            digits = "".join(each for each in value if each.isascii() and each.isdigit())
            yield digits[-10:] if "@" not in value and len(digits) >= 7 else normalize(value)


def _postal_code(asked: Resource, found: Resource) -> Agreement | None:
    own, other = _of_addresses(asked, "postalCode"), _of_addresses(found, "postalCode")
    if not own or not other:
        return None
    if {each[:5] for each in own} & {each[:5] for each in other}:
        return "same"
    return "near" if {each[:3] for each in own} & {each[:3] for each in other} else "different"


def _address(asked: Resource, found: Resource) -> Agreement | None:
    agreement = _alike(_of_addresses(asked, "line"), _of_addresses(found, "line"))
    return None if agreement == "different" else agreement


def _of_addresses(patient: Resource, part: str) -> set[str]:
    found: list[Json] = []
    for address in objects(patient.get("address")):
        value = address.get(part)
        found += [" ".join(each for each in value if isinstance(each, str))] if isinstance(value, list) else [value]
    return {normalize(each) for each in found if isinstance(each, str) and each}


_COMPARE: Final[dict[str, Callable[[Resource, Resource], Agreement | None]]] = {
    "identifier": _identifier,
    "family": _family,
    "given": _given,
    "birthDate": _birth,
    "gender": _gender,
    "telecom": _telecom,
    "postalCode": _postal_code,
    "address": _address,
}
