"""May this caller do this to this type? Two things must both say yes: the caller's roles and the token's scopes.

SMART App Launch 2.2: a scope never gives more than the user has, and `patient/` scopes reach the launch patient's
compartment only. What is missing from a token gives nothing: no roles, no scopes or no patient mean no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from server.auth.principal import Principal
from server.auth.roles import ROLES, scope_allows
from server.auth.scopes import Filter

Letter = Literal["c", "r", "u", "d", "s"]

_VERBS: Final[dict[Letter, str]] = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass(frozen=True, slots=True)
class Way:
    """What one scope opens: the record of one patient (None: of anybody), where all search parameters of `filter` match."""

    compartment: str | None = None
    filter: Filter = ()


ANYTHING: Final = Way()


@dataclass(frozen=True, slots=True)
class Decision:
    """No with a reason, or yes in one of several ways.

    Whoever acts on a yes must keep to its ways (server/access makes an `Access` of them). `needed` is the scope that would have
    allowed it, where scopes were what was missing.
    """

    granted: bool
    reason: str = ""
    ways: tuple[Way, ...] = ()
    needed: str | None = None

    @property
    def compartment(self) -> str | None:
        """The one patient to whose record all ways lead, if there is one."""
        patients = {way.compartment for way in self.ways}
        return patients.pop() if len(patients) == 1 else None


def decide(principal: Principal, letter: Letter, resource_type: str, *, filters_enforced: bool = False) -> Decision:
    """Judge one interaction on one type; in a batch or transaction the caller asks for every entry.

    `filters_enforced` says that whoever acts on the decision can apply search parameters; without it, scopes that have some open
    nothing.
    """
    own_record_only = _role_reach(principal.roles, letter, resource_type)
    if own_record_only is None:
        return Decision(False, f"No role of the caller may {_VERBS[letter]} {resource_type}.")
    scopes = [scope for scope in principal.scopes.resources if scope_allows(scope, letter, resource_type)]
    usable = [scope for scope in scopes if filters_enforced or not scope.filter]
    narrow = [scope for scope in usable if scope.reach == "patient" or own_record_only]
    ways = {Way(None, scope.filter) for scope in usable if scope not in narrow}
    if principal.patient is not None:
        ways |= {Way(principal.patient, scope.filter) for scope in narrow}
    if ways:
        return Decision(True, ways=tuple(_without_repetition(ways)))
    if narrow:
        return Decision(False, "The token reaches one patient's record only, and names no patient.")
    if scopes:
        return Decision(
            False, "The token's scopes are limited by search parameters, which the server cannot apply to this interaction."
        )
    return Decision(
        False,
        f"The token has no scope that allows to {_VERBS[letter]} {resource_type}.",
        needed=f"{'patient' if own_record_only else 'user'}/{resource_type}.{letter}",
    )


def _role_reach(roles: Iterable[str], letter: Letter, resource_type: str) -> bool | None:
    """None: no role allows it. True: only for the caller's own record. False: for every record."""
    reaches = [ROLES[role].own_record_only for role in roles if role in ROLES and ROLES[role].allows(letter, resource_type)]
    return all(reaches) if reaches else None


def _without_repetition(ways: set[Way]) -> Iterator[Way]:
    """In a fixed order, without those that lie within another: one scope without a filter opens what the others only open in part."""
    for way in sorted(ways, key=lambda way: (way.compartment is not None, way.filter)):
        wider = {ANYTHING, Way(None, way.filter), Way(way.compartment)} - {way}
        if way == ANYTHING or ways.isdisjoint(wider):
            yield way
