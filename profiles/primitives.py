"""The forms of R4's primitive values in JSON (FHIR R4 2.24.0.1 "Primitive Types").

`primitive_check(type)` gives a predicate over any JSON value. The patterns say what R4's regexes say; beyond them, calendar
days must exist, numbers have a range, and strings hold no control characters and no lone surrogates.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from profiles.json import Json
from profiles.xhtml import is_xhtml

PrimitiveCheck = Callable[[Json], bool]

MAX_STRING: Final = 1024 * 1024
"""R4: "strings SHALL NOT exceed 1MB (1024*1024 characters)"."""
MAX_INTEGER: Final = 2**31 - 1
_MAX_MAGNITUDE: Final = 400
"""Decimals beyond 10^400, or finer than 10^-400, are no quantity of this world and could exhaust arithmetic."""
_MAX_INT: Final = 10**_MAX_MAGNITUDE

_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_YEAR: Final = r"(?!0000)[0-9]{4}"
_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_DAY: Final = r"(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE: Final = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_DATE: Final = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?")
_DATE_TIME: Final = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?")
_INSTANT: Final = re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}")


def _pattern(pattern: str) -> PrimitiveCheck:
    match = re.compile(pattern).fullmatch

    def check(value: Json) -> bool:
        return type(value) is str and match(value) is not None

    return check


def _calendar(pattern: re.Pattern[str]) -> PrimitiveCheck:
    match = pattern.fullmatch

    def check(value: Json) -> bool:
        if type(value) is not str or match(value) is None:
            return False
        return len(value) < 10 or value[8:10] < "29" or _day_exists(value)

    return check


def _day_exists(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def is_text(value: Json) -> bool:
    """A string or markdown value: not empty, at most 1 MB, free of control characters."""
    if type(value) is not str or not value:
        return False
    return (value.isprintable() and len(value) <= MAX_STRING) or _is_long_text(value)


def _is_long_text(value: str) -> bool:
    return len(value) <= MAX_STRING and _FORBIDDEN.search(value) is None


def is_uri(value: Json) -> bool:
    """uri, url and canonical: not empty, without white space and control characters."""
    return type(value) is str and value.isprintable() and " " not in value and value != "" and len(value) <= MAX_STRING


def is_base64(value: Json) -> bool:
    """Base64 of RFC 4648 with its padding, white space between the groups allowed (as R4's regex does)."""
    if type(value) is not str or not value:
        return False
    if not value.isascii():
        return False
    text = value if "\n" not in value and " " not in value else "".join(value.split())
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) > 0
    except binascii.Error:
        return False


def _is_boolean(value: Json) -> bool:
    return value is True or value is False


def _integer(low: int) -> PrimitiveCheck:
    def check(value: Json) -> bool:
        return type(value) is int and low <= value <= MAX_INTEGER

    return check


def is_decimal(value: Json) -> bool:
    """A JSON number within +-10^400 and not finer than 10^-400."""
    if type(value) is int:
        return -_MAX_INT < value < _MAX_INT
    if not isinstance(value, Decimal) or not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return value.adjusted() <= _MAX_MAGNITUDE and isinstance(exponent, int) and exponent >= -_MAX_MAGNITUDE


PRIMITIVE_CHECKS: Final[Mapping[str, PrimitiveCheck]] = {
    "base64Binary": is_base64,
    "boolean": _is_boolean,
    "canonical": is_uri,
    "code": _pattern(r"[^\s\x00-\x1f]+(?:\s[^\s\x00-\x1f]+)*"),
    "date": _calendar(_DATE),
    "dateTime": _calendar(_DATE_TIME),
    "decimal": is_decimal,
    "id": _pattern(r"[A-Za-z0-9.-]{1,64}"),
    "instant": _calendar(_INSTANT),
    "integer": _integer(-MAX_INTEGER - 1),
    "markdown": is_text,
    "oid": _pattern(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "positiveInt": _integer(1),
    "string": is_text,
    "time": _pattern(_CLOCK),
    "unsignedInt": _integer(0),
    "uri": is_uri,
    "url": is_uri,
    "uuid": _pattern(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "xhtml": is_xhtml,
}

PRIMITIVE_FORMS: Final[Mapping[str, str]] = {
    "base64Binary": "base64 text",
    "boolean": "true or false",
    "canonical": "a canonical URL without white space",
    "code": "a code without white space at its ends",
    "date": "a date such as 2026, 2026-03 or 2026-03-02",
    "dateTime": "a date, or a date and time with seconds and a zone such as 2026-03-02T09:30:00Z",
    "decimal": "a JSON number",
    "id": "1 to 64 letters, digits, hyphens or dots",
    "instant": "a date and time with seconds and a zone such as 2026-03-02T09:30:00Z",
    "integer": "a whole JSON number of 32 bits",
    "markdown": "a text that is not empty and holds no control characters",
    "oid": "an OID such as urn:oid:1.2.3",
    "positiveInt": "a whole JSON number from 1 to 2147483647",
    "string": "a text that is not empty and holds no control characters",
    "time": "a time such as 09:30:00",
    "unsignedInt": "a whole JSON number from 0 to 2147483647",
    "uri": "a URI without white space",
    "url": "a URL without white space",
    "uuid": "a lower-case UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": "well-formed XHTML in one div that is not empty, with formatting elements only and nothing active",
}
"""What a value of each type looks like, in words for an error message."""


def primitive_check(type_code: str) -> PrimitiveCheck:
    """The predicate for a primitive type. Raises KeyError for a type that is not primitive."""
    return PRIMITIVE_CHECKS[type_code]
