"""The parameters of an OAuth request: read within bounds, each at most once (RFC 6749 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from server.oauth.errors import OAuthError

LARGEST: Final = 32 * 1024
"""Bytes of a query or a form."""

MOST: Final = 300
LONGEST: Final = 4096
"""Characters of one value; an assertion may be longer."""

_LONGER: Final = {"client_assertion": 16_384, "flow": 16_384, "then": 16_384}
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameters:
    """By name, in the order in which they came."""

    values: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str | None:
        """The value; None for one that is not there or is empty (RFC 6749 3.1). Raises OAuthError for two, or a very long one."""
        found = self.values.get(name, ())
        if len(found) > 1:
            raise OAuthError("invalid_request", "A parameter is there more than once.")
        if not found or not found[0]:
            return None
        if len(found[0]) > _LONGER.get(name, LONGEST):
            raise OAuthError("invalid_request", "A parameter is longer than any that this server takes.")
        return found[0]

    def required(self, name: str) -> str:
        """`name` is one of ours. Raises OAuthError."""
        value = self.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"The parameter {name} is missing.")
        return value

    def all(self, name: str) -> Sequence[str]:
        """Every value, for a form of ours that has several boxes of one name."""
        return self.values.get(name, ())

    def check(self) -> None:
        """Raises OAuthError when any parameter is there twice, or is too long."""
        for name in self.values:
            self.get(name)


def parse(text: bytes) -> Parameters:
    """A query or a form. Raises OAuthError for one that is too large or no percent-encoded UTF-8."""
    if len(text) > LARGEST:
        raise OAuthError("invalid_request", "The request is larger than any that this server takes.")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError as error:
        raise OAuthError(
            "invalid_request", "The request is not percent-encoded UTF-8, or has too many parameters."
        ) from error
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Parameters(values)


def parse_form(content_type: str, body: bytes) -> Parameters:
    """A form that was posted. Raises OAuthError."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The body must be a form: send Content-Type {FORM}.")
    return parse(body)
