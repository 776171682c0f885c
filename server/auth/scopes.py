"""SMART scopes, read strictly (SMART App Launch 2.2 "Scopes and Launch Context", with the v1 forms it still accepts).

A scope that is not written exactly by the grammar grants nothing: it is reported as unknown, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

Reach = Literal["patient", "user", "system"]
Filter = tuple[tuple[str, str], ...]
"""Search parameters that must all match: (("category", "laboratory"),)."""

LAUNCH_SCOPES: Final = frozenset(
    {
        "openid",
        "profile",
        "fhirUser",
        "launch",
        "launch/patient",
        "launch/encounter",
        "offline_access",
        "online_access",
    }
)
"""Scopes that ask for identity, context or a refresh token. None of them opens a resource."""

USERS_SCOPE: Final = "assent/users"
"""Of our own: lets an administrator's token administer accounts (server/scim) and register apps. No scope of a resource does."""

MAXIMUM_SCOPES: Final = 256
"""Scopes of one token that are looked at; a token with more is no honest one and gets none of the rest."""

_SCOPE = re.compile(
    r"(?P<reach>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{0,63})"
    r"\.(?:(?P<v2>(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>[\x21\x23-\x5B\x5D-\x7E]+))?|(?P<v1>read|write|\*))"
)
_PARAMETER = re.compile(r"_?[A-Za-z][A-Za-z0-9-]{0,63}(?::[A-Za-z-]{1,32})?")
_REACHES: Final[dict[str, Reach]] = {"patient": "patient", "user": "user", "system": "system"}
_V1_LETTERS: Final = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """One resource scope. `resource_type` may be `*`; `letters` is a part of "cruds" in that order.

    With a `filter`, only resources that match all of its search parameters are meant.
    """

    reach: Reach
    resource_type: str
    letters: str
    filter: Filter = ()


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """All scopes of a token: those that open resources, those that do not, and those that mean nothing."""

    resources: tuple[ResourceScope, ...] = ()
    others: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def parse_resource_scope(text: str) -> ResourceScope | None:
    """One resource scope, or None where the text does not follow the grammar."""
    match = _SCOPE.fullmatch(text)
    if match is None:
        return None
    restriction = _parse_filter(match["query"])
    if restriction is None:
        return None
    letters = match["v2"] or _V1_LETTERS[match["v1"]]
    return ResourceScope(_REACHES[match["reach"]], match["type"], letters, restriction)


def _parse_filter(query: str | None) -> Filter | None:
    """The parts of `?name=value&name=value`; None where one of them has no name or no value."""
    if query is None:
        return ()
    parts: list[tuple[str, str]] = []
    for part in query.split("&"):
        name, _, encoded = part.partition("=")
        try:
            value = unquote(encoded, errors="strict")
        except UnicodeDecodeError:
            return None
        if _PARAMETER.fullmatch(name) is None or not value or not value.isprintable():
            return None
        parts.append((name, value))
    return tuple(parts)


def parse_scopes(scope: str) -> ScopeSet:
    """The `scope` claim of a token (RFC 6749 3.3: names separated by single spaces)."""
    resources: dict[ResourceScope, None] = {}
    others: set[str] = set()
    unknown: list[str] = []
    for text in _names(scope.split(" ")):
        parsed = parse_resource_scope(text)
        if parsed is not None:
            resources[parsed] = None
        elif text in LAUNCH_SCOPES or text == USERS_SCOPE:
            others.add(text)
        else:
            unknown.append(text)
    return ScopeSet(tuple(resources), frozenset(others), tuple(unknown))


def _names(parts: Iterable[str]) -> list[str]:
    return [part for part in parts if part][:MAXIMUM_SCOPES]
