"""Records of the server itself: accounts, sessions, clients, codes, what was revoked. No resource, no history, no search.

They lie apart from resources, so that no route, search, export or list of types can come across one. Each has a keyed hash for a
name, a kind in the clear (as jobs have), a sealed body, and a version: a commit changes one only where it is at the version that
the commit stands on. So whatever may happen once has exactly one winner, whoever asks, on however many servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Internal:
    """`updated` and `until` are microseconds since 1970; `until` is when it may be forgotten (0: never)."""

    key: bytes
    tenant: int
    kind: str
    version: int
    updated: int
    until: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Keep:
    """Make `version` the present one. `version - 1` must be present (0: there is none); else StaleVersionError."""

    key: bytes
    kind: str
    version: int
    updated: int
    until: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the record away; it must be at `version`, else StaleVersionError."""

    key: bytes
    version: int


class Internals(Protocol):
    """All raise StoreUnavailableError. Changes are made by commits (server/store/store.py)."""

    async def read(self, key: bytes) -> Internal | None:
        """Also one whose time is over: whoever reads decides what that means."""

    async def listed(self, tenant: int | None, kind: str, since: int, after: bytes, limit: int) -> Sequence[Internal]:
        """Those of a kind behind the place (`since`, `after`), in the order of (`updated`, key); of all tenants without one."""

    async def all(self, after: bytes, limit: int) -> Sequence[Internal]:
        """Every one, in the order of the keys: for sealing anew and for checking."""

    async def forget(self, before: int, limit: int) -> int:
        """Take away what may be forgotten by then; how many that were."""
