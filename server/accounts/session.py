"""Sessions of browsers: known by a random value in a cookie, over after some time without use, and after some time at all.

A session's name is a keyed hash of the value; the value is nowhere but in the browser.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from server.accounts.account import Account, find
from server.internal import Found, Kind, OwnRecords
from server.store.internal import Drop, Keep
from server.store.store import StaleVersionError

SEEN_EVERY: Final = 60 * 1_000_000
"""Use is noted so often at most: a page must not cost a write."""
LONGEST_DEVICE: Final = 200


class Session(msgspec.Struct, frozen=True):
    """Times are microseconds since 1970."""

    account: str
    started: int
    seen: int
    device: str = ""
    """What the browser says it is; it may say anything."""
    address: str = ""
    proved: int = 0
    """When the person proved who they are, where an outside provider says that it was before."""


SESSIONS: Final = Kind("session", Session)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: without use, and at all."""

    idle: int
    absolute: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that goes on, and whose it is."""

    id: str
    """What the session is known by where its secret must not stand."""
    found: Found[Session]
    account: Account

    @property
    def session(self) -> Session:
        return self.found.value

    @property
    def proved(self) -> int:
        """When the person proved who they are: microseconds."""
        return self.session.proved or self.session.started

    @property
    def since(self) -> int:
        """The same in seconds."""
        return self.proved // 1_000_000


def begin(
    own: OwnRecords, account: Account, limits: Limits, device: str = "", address: str = "", proved: int = 0
) -> tuple[str, Keep]:
    """The value for the cookie, and the change that begins the session."""
    secret, now = secrets.token_urlsafe(32), own.now()
    session = Session(account.id, now, now, device[:LONGEST_DEVICE], address, min(proved, now))
    return secret, SESSIONS.add(own, session_id(own, secret), session, now + limits.absolute * 1_000_000)


async def signed_in(own: OwnRecords, secret: str | None, limits: Limits) -> SignedIn | None:
    """Who the browser with this value is signed in as; notes that it was used."""
    if not secret or len(secret) > 100:
        return None
    id_ = session_id(own, secret)
    found = await SESSIONS.read(own, id_)
    if found is None or not goes_on(found.value, own.now(), limits):
        return None
    account = await find(own, found.value.account)
    if account is None or not is_of(found.value, account.value):
        return None
    if own.now() - found.value.seen > SEEN_EVERY:
        with suppress(StaleVersionError):  # another request of the browser noted it
            await own.commit([SESSIONS.change(own, found, msgspec.structs.replace(found.value, seen=own.now()))])
        found = await SESSIONS.read(own, id_) or found
    return SignedIn(id_, found, account.value)


def goes_on(session: Session, now: int, limits: Limits) -> bool:
    return now < session.seen + limits.idle * 1_000_000 and now < session.started + limits.absolute * 1_000_000


def is_of(session: Session, account: Account) -> bool:
    """Whether the account still lets the session go on."""
    return account.active and session.started >= account.signed_out_before


async def going_on(own: OwnRecords, account: Account, limits: Limits) -> list[Found[Session]]:
    """All sessions of an account, the one used last first. Costs a look at every session of the tenant."""
    found = [
        known
        async for known in SESSIONS.all(own)
        if known.value.account == account.id and is_of(known.value, account) and goes_on(known.value, own.now(), limits)
    ]
    return sorted({known.key: known for known in found}.values(), key=lambda known: -known.value.seen)


def end(signed: SignedIn) -> Drop:
    """The change that ends it."""
    return SESSIONS.drop(signed.found)


def session_id(own: OwnRecords, secret: str) -> str:
    """The session's name, which does not tell the secret."""
    return own.tenant.index.unique_key(("session-id", secret)).hex()
