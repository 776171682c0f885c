"""What a resource is sorted by, as bytes that compare as its values do: of one length for each key, so that a cursor tells nothing.

Several values count by the least of them, in descending order by the greatest. What has no value comes last in either order.
Strings compare as search compares them (without case and accents), by their beginning; tokens by their code, references by
`Type/id`, quantities by their number alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from profiles.json import Json, Resource
from profiles.search_parameters import Value
from profiles.text import normalize
from server.search.index_entries import date_range
from server.search.registry import followed_parameters
from server.search.results import SortKey
from server.search.strings import strings

WIDTHS: Final = {"date": 8, "number": 8, "quantity": 8, "string": 64, "token": 64, "reference": 96, "uri": 96}
"""Bytes of a value, by the type of its parameter; what is longer compares by so much of it."""

_PRESENT: Final = b"\x00"
_ABSENT: Final = b"\x01"
_INVERTED: Final = bytes(255 - byte for byte in range(256))


def key_length(keys: Sequence[SortKey]) -> int:
    """Bytes of `key_of`."""
    return sum(1 + WIDTHS[key.type] for key in keys)


def key_of(resource: Resource, keys: Sequence[SortKey]) -> bytes:
    """Of two resources, the one with the lesser bytes comes first."""
    return b"".join(_part(resource, key) for key in keys)


def inverted(key: bytes) -> bytes:
    """Bytes that compare the other way round."""
    return key.translate(_INVERTED)


def _part(resource: Resource, key: SortKey) -> bytes:
    parameter = followed_parameters(resource["resourceType"])[key.code]
    encode = _ENCODERS[key.type]
    width = WIDTHS[key.type]
    found = [text[:width].ljust(width, b"\x00") for value in parameter.extract(resource) for text in encode(value)]
    if not found:
        return _ABSENT + bytes(width)
    return _PRESENT + (inverted(max(found)) if key.descending else min(found))


def _ordered(number: float) -> bytes:
    """IEEE 754 so that bytes compare as numbers do; -0.0 is 0.0."""
    raw: bytes = struct.pack(">d", number + 0.0)
    return inverted(raw) if raw[0] & 0x80 else bytes((raw[0] | 0x80,)) + raw[1:]


def _of_date(value: Value) -> Iterator[bytes]:
    found = date_range(value)
    if found is not None:
        yield _ordered(found[0])


def _of_number(value: Value) -> Iterator[bytes]:
    data = value.value
    number = data.get("value") if isinstance(data, dict) else data
    if isinstance(number, int | Decimal) and not isinstance(number, bool):
        try:
            yield _ordered(float(number))
        except (OverflowError, InvalidOperation):
            return


def _of_string(value: Value) -> Iterator[bytes]:
    """A name counts by the family name, then the given ones; an address from its first line on."""
    texts = list(strings(value))
    if value.kind == "HumanName" and isinstance(value.value, dict):
        parts = [value.value.get("family"), *_listed(value.value.get("given"))]
        texts = [" ".join(part for part in parts if isinstance(part, str)) or " ".join(texts)]
    elif value.kind == "Address":
        texts = [" ".join(texts)]
    for text in texts:
        if plain := normalize(text):
            yield plain.encode()


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _of_token(value: Value) -> Iterator[bytes]:
    data = value.value
    if isinstance(data, bool):
        yield b"true" if data else b"false"
    elif isinstance(data, str):
        yield data.casefold().encode()
    elif isinstance(data, dict):
        for part in _listed(data.get("coding")) if value.kind == "CodeableConcept" else [data]:
            code = (part.get("code") or part.get("value")) if isinstance(part, dict) else None
            if isinstance(code, str):
                yield code.casefold().encode()


def _of_reference(value: Value) -> Iterator[bytes]:
    data = value.value
    text = data.get("reference") if isinstance(data, dict) else data
    if isinstance(text, str):
        yield text.encode()


def _of_uri(value: Value) -> Iterator[bytes]:
    if isinstance(value.value, str):
        yield value.value.encode()


_ENCODERS: Final[dict[str, Callable[[Value], Iterator[bytes]]]] = {
    "date": _of_date,
    "number": _of_number,
    "quantity": _of_number,
    "string": _of_string,
    "token": _of_token,
    "reference": _of_reference,
    "uri": _of_uri,
}
