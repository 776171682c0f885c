"""May this caller do this to this type? Two things must both say yes: the caller's roles and the token's scopes.

SMART App Launch 2.2: a scope never gives more than the user has, and `patient/` scopes reach the launch patient's
compartment only. What is missing from a token gives nothing: no roles, no scopes or no patient mean no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from server.auth.principal import Principal
from server.auth.roles import ROLES, scope_allows
from server.auth.scopes import Filter, ResourceScope

Letter = Literal["c", "r", "u", "d", "s"]

_VERBS: Final[dict[Letter, str]] = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass(frozen=True, slots=True)
class Decision:
    """No with a reason, or yes within limits.

    `compartment` is the id of the patient to whose compartment the yes is limited (None: no such limit). `filters` are
    alternatives, each a list of search parameters that must all match (empty: no such limit). Whoever acts on the decision
    must apply both. `needed` is the scope that would have allowed it, where scopes were what was missing.
    """

    granted: bool
    reason: str = ""
    compartment: str | None = None
    filters: tuple[Filter, ...] = ()
    needed: str | None = None


def decide(principal: Principal, letter: Letter, resource_type: str, *, filters_enforced: bool = False) -> Decision:
    """Judge one interaction on one type; in a batch or transaction the caller asks for every entry.

    `filters_enforced` says that whoever acts on the decision can apply `filters`; without it a yes that would need them is
    a no.
    """
    own_record_only = _role_reach(principal.roles, letter, resource_type)
    if own_record_only is None:
        return Decision(False, f"No role of the caller may {_VERBS[letter]} {resource_type}.")
    scopes = [scope for scope in principal.scopes.resources if scope_allows(scope, letter, resource_type)]
    wide = [scope for scope in scopes if scope.reach != "patient" and not own_record_only]
    narrow = [scope for scope in scopes if scope.reach == "patient" or own_record_only]
    if wide and (grant := _grant(wide, None, filters_enforced)).granted:
        return grant
    if narrow and principal.patient is None:
        return Decision(False, "The token reaches one patient's record only, and names no patient.")
    if narrow and (grant := _grant(narrow, principal.patient, filters_enforced)).granted:
        return grant
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


def _grant(scopes: Iterable[ResourceScope], compartment: str | None, filters_enforced: bool) -> Decision:
    """Yes for any of `scopes`, all of one reach. One scope without a filter opens what the others only open in part."""
    filters = tuple(scope.filter for scope in scopes)
    if not all(filters):
        return Decision(True, compartment=compartment)
    return Decision(filters_enforced, compartment=compartment, filters=filters)
