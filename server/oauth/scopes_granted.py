"""Which of the scopes that were asked for may be granted (SMART App Launch 2.2, scopes-and-launch-context; RFC 6749 3.3).

What the client may have, what the roles allow, and what fits the flow; the rest is left out, and the answer says what is left.
Letters that no role has are taken off a scope, so that nobody is promised what every request would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from profiles.structure import resource_types
from server.auth.roles import ROLES
from server.auth.scopes import (
    LAUNCH_SCOPES,
    MAXIMUM_SCOPES,
    USERS_SCOPE,
    ResourceScope,
    parse_resource_scope,
    parse_scopes,
)

Flow = Literal["person", "backend"]

_REACHES: Final = {"person": frozenset({"patient", "user"}), "backend": frozenset({"system"})}
_LETTERS: Final = "cruds"


def grantable(asked: str, registered: str, roles: Iterable[str], flow: Flow) -> list[str]:
    """In the order in which they were asked for, each once. `registered` is what the client may have (empty: anything)."""
    granted: dict[str, None] = {}
    limits = parse_scopes(registered) if registered else None
    known = list(roles)
    for text in [part for part in asked.split(" ") if part][:MAXIMUM_SCOPES]:
        if text in LAUNCH_SCOPES:
            if flow == "person" and (limits is None or text in limits.others):
                granted[text] = None
            continue
        if text == USERS_SCOPE:  # only for a client that was registered for it by name
            if "administrator" in known and limits is not None and text in limits.others:
                granted[text] = None
            continue
        scope = parse_resource_scope(text)
        if scope is None or scope.reach not in _REACHES[flow]:
            continue
        if scope.resource_type != "*" and scope.resource_type not in resource_types():
            continue
        letters = _of_roles(scope, known)
        if limits is not None:
            letters &= _of_client(scope, limits.resources)
        if letters:
            granted[_written(text, scope, letters)] = None
    return list(granted)


def _of_roles(scope: ResourceScope, roles: Sequence[str]) -> set[str]:
    """The scope's letters that some role has for its type, or for some type where it names all."""
    rights = [ROLES[role].rights for role in roles if role in ROLES]
    if scope.resource_type == "*":
        allowed = {letter for right in rights for letters in right.values() for letter in letters}
    else:
        allowed = {letter for right in rights for letter in right.get(scope.resource_type, right.get("*", ""))}
    return allowed & set(scope.letters)


def _of_client(scope: ResourceScope, registered: Sequence[ResourceScope]) -> set[str]:
    covering = [
        limit.letters
        for limit in registered
        if limit.reach == scope.reach
        and limit.resource_type in {scope.resource_type, "*"}
        and limit.filter in {(), scope.filter}
    ]
    return {letter for letters in covering for letter in letters}


def _written(text: str, scope: ResourceScope, letters: set[str]) -> str:
    if letters == set(scope.letters):
        return text
    _, mark, query = text.partition("?")
    kept = "".join(letter for letter in _LETTERS if letter in letters)
    return f"{scope.reach}/{scope.resource_type}.{kept}{mark}{query}"


def needs_patient(scopes: Iterable[str]) -> bool:
    """Whether a patient must be in context: `launch/patient` asks for one, and `patient/` scopes are about one."""
    return any(scope == "launch/patient" or scope.startswith("patient/") for scope in scopes)


def is_subset(asked: str, granted: str) -> bool:
    """Whether each scope asked for is one that was granted, or a part of one (RFC 6749 section 6)."""
    have = parse_scopes(granted)
    want = parse_scopes(asked)
    return (
        not want.unknown
        and want.others <= have.others
        and all(set(scope.letters) <= _of_client(scope, have.resources) for scope in want.resources)
    )
