"""JSON in and out with exact numbers (FHIR R4 2.1.0.1, "decimal: do not use IEEE 754").

A decimal is read as `ExactDecimal`, which compares and computes as a `Decimal` and is written back digit for digit as it
came (`1.50`, `1E2`). Key order is kept. Everything else is msgspec's.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self

import msgspec

Json = Any
"""Any JSON value: None, bool, int, ExactDecimal, str, list, dict."""

Resource = dict[str, Any]


class ExactDecimal(Decimal):
    """A JSON number with a fraction or an exponent, together with the literal it was read from."""

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> Self:
        self = super().__new__(cls, literal)
        self.literal = literal
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _encode_exact(value: Any) -> msgspec.Raw:
    if isinstance(value, ExactDecimal):
        return msgspec.Raw(value.literal.encode())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class JsonError(ValueError):
    """The bytes are not JSON; the message says where and never repeats content."""


_DECODER: Final = msgspec.json.Decoder(float_hook=ExactDecimal)
_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_exact, decimal_format="number")
_SORTING_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_exact, decimal_format="number", order="sorted")


def loads(data: bytes | str) -> Any:
    """Parse JSON. Raises `JsonError` for anything that is not JSON in UTF-8, or is nested too deeply."""
    try:
        return _DECODER.decode(data)
    except UnicodeDecodeError as error:
        raise JsonError("The body is not UTF-8.") from error
    except RecursionError as error:
        raise JsonError("The body is nested too deeply.") from error
    except InvalidOperation as error:
        raise JsonError("A number in the body is out of range.") from error
    except msgspec.DecodeError as error:
        raise JsonError(f"The body is not JSON: {error}.") from error


def repeats_a_name(data: bytes, value: Json) -> bool:
    """Whether an object in `data`, which was parsed to `value`, has two members of one name (R4 json.html forbids it).

    A parser keeps the last one, and what it drops makes the text shorter: only then is the text read again, slowly.
    """
    if len(msgspec.json.format(data, indent=-1)) == len(dumps(value)):
        return False
    try:
        json.loads(data, object_pairs_hook=_unique)
    except _RepeatedNameError:
        return True
    except (ValueError, RecursionError):  # what the first parser took is not refused for what the second cannot do
        return False
    return False


class _RepeatedNameError(Exception):
    pass


def _unique(pairs: list[tuple[str, Json]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedNameError


def dumps(value: Any) -> bytes:
    """Write JSON bytes without white space."""
    return _ENCODER.encode(value)


def dumps_sorted(value: Any) -> bytes:
    """Write JSON bytes without white space, the keys of every object in order: equal content gives equal bytes."""
    return _SORTING_ENCODER.encode(value)


def pretty(data: bytes) -> bytes:
    """Indent JSON bytes by two spaces; numbers stay as they are."""
    return msgspec.json.format(data, indent=2)
