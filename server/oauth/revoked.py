"""What was revoked before its time, known to every process within a second, without a look at the store for each request.

A revocation is a record of the server's own (server/store/internal.py) that lives as long as the tokens that it ends. Every process
holds all of them in a set, adds its own at once, and asks the store every `LOOK_SECONDS` for those that came since: one question
for all tenants together. What is asked for overlaps by two minutes, because each server has a clock of its own; all of it is read
again every five minutes. When the store cannot be asked, nothing else is answered either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from server.auth.principal import Principal
from server.config import LONGEST_ACCESS_TOKEN
from server.internal import DamagedInternalError, Kind, OwnRecords
from server.seal.keyring import Keyring
from server.store.internal import Keep
from server.store.store import Store, StoreUnavailableError

What = Literal["token", "grant", "subject", "client"]

LOOK_SECONDS: Final = 0.5
OVERLAP: Final = 120 * 1_000_000
ALL_AGAIN: Final = 300 * 1_000_000
LEEWAY_SECONDS: Final = 60
AT_ONCE: Final = 500


class Revocation(msgspec.Struct, frozen=True):
    """Tokens of `value` that were issued up to `before` (microseconds since 1970). A grant's id is what its tokens' ids begin with."""

    what: What
    value: str
    before: int


REVOCATIONS: Final = Kind("revoked", Revocation)

Name = tuple[str, What, str]
"""(tenant, what, value)."""


@dataclass(slots=True)
class Revoked:
    """One of these to a process. Times are microseconds."""

    store: Store
    keyring: Keyring
    now: Callable[[], int]
    _known: dict[Name, tuple[int, int]] = field(default_factory=dict)
    """To (issued up to, until when that matters)."""
    _since: int = 0
    _all_at: int = 0

    def holds(self, principal: Principal) -> bool:
        """Whether a principal's token was revoked."""
        if not self._known:
            return False
        tenant, issued = principal.tenant, principal.moment
        names: tuple[Name, ...] = (
            (tenant, "token", principal.token_id),
            (tenant, "grant", principal.token_id.partition(".")[0]),
            (tenant, "subject", principal.subject),
            (tenant, "client", principal.client_id),
        )
        return any(issued <= self._known[name][0] for name in names if name in self._known)

    def add(self, tenant: str, revocation: Revocation, until: int) -> None:
        """Known here at once; `until` in microseconds."""
        name = (tenant, revocation.what, revocation.value)
        before, known_until = self._known.get(name, (0, 0))
        self._known[name] = (max(before, revocation.before), max(until, known_until))

    async def run(self) -> None:
        """Until it is cancelled: learn what other processes revoked."""
        while True:
            with suppress(StoreUnavailableError):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Learn what came since the last look. Raises StoreUnavailableError."""
        now = self.now()
        anew = now - self._all_at > ALL_AGAIN
        since = 0 if anew else max(0, self._since - OVERLAP)
        place = (since, b"")
        while found := await self.store.internals.listed(None, REVOCATIONS.name, *place, AT_ONCE):
            for record in found:
                with suppress(DamagedInternalError, KeyError):  # a tenant of this moment comes with the next look
                    tenant = await self.keyring.found(record.tenant)
                    self.add(tenant.name, REVOCATIONS.open(tenant, record).value, record.until)
            place = (found[-1].updated, found[-1].key)
        self._since = max(self._since, place[0])
        if anew:
            self._all_at = now
            self._known = {name: kept for name, kept in self._known.items() if kept[1] > now}


async def revoke(
    own: OwnRecords, what: What, value: str, *, for_good: bool, lifetime: int = LONGEST_ACCESS_TOKEN, ahead: int = 0
) -> tuple[Revocation, int, Keep]:
    """What is to be committed, and it and its end for `Revoked.add`: tokens of `value`, which live `lifetime` seconds at most.

    Those issued up to now, or `ahead` seconds after it; or `for_good` all.
    """
    now = own.now()
    until = now + (lifetime + ahead + LEEWAY_SECONDS) * 1_000_000
    revocation = Revocation(what, value, until if for_good else now + ahead * 1_000_000)
    found = await REVOCATIONS.read(own, f"{what}:{value}")
    if found is None:
        return revocation, until, REVOCATIONS.add(own, f"{what}:{value}", revocation, until)
    until = max(until, found.until)
    return revocation, until, REVOCATIONS.change(own, found, revocation, until)
