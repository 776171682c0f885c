"""What the commands that work on a store share: the store and its keys are opened, beside a running server or without one.

Whoever can read the master key may do this; nothing else is asked. A server learns of it by looking at the keys again, so that
the same command works on both back ends and needs no address of its own (docs/decisions: administration by the store).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from server.audit.log import seal_batch
from server.audit.trail import Trail
from server.auth.access_token import fhir_bases
from server.config import ConfigurationError, Settings
from server.repository import MICROSECOND
from server.seal.keyring import Keyring, Tenant, WrongMasterKeyError, open_keyring
from server.seal.tenant_entries import DEFAULT
from server.store.open import OpenedStore, check_is_there, open_store
from server.store.store import Commit, Store, StoreUnavailableError
from server.store.trouble import in_words


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that holds at least the default tenant, and its keys."""

    back_end: OpenedStore
    keyring: Keyring
    master_key: bytes

    @property
    def store(self) -> Store:
        return self.back_end.store

    async def note(self, activity: str, query: str = "") -> None:
        """Leave an audit record of what was just done, in the default tenant, under a key that is still current."""
        await self.keyring.refresh()
        tenant = self.keyring.entries()[DEFAULT]["number"]
        trail = Trail(str(uuid4()), interaction=f"${activity}", actor="assent-cli", query=query)
        await self.store.commit(Commit(tenant, audit=[trail.encode(now(), 0)]))


@asynccontextmanager
async def opened(settings: Settings, or_key: bytes | None = None) -> AsyncIterator[Opened]:
    """Raises ConfigurationError where there is no store, where its key is not there, and when it goes away.

    `or_key` is tried where the key of the settings does not fit.
    """
    check_is_there(settings)
    keyrings: list[Keyring] = []

    def seal_audit(tenant: int, seq: int, before: bytes, records: Sequence[bytes]) -> bytes:
        return seal_batch(keyrings[0].by_number(tenant), seq, before, records)

    back_end = await open_store(settings, seal_audit)
    try:
        keyring, master_key = await _keyring(back_end, or_key)
        keyrings.append(keyring)
        if keyrings[0].get(DEFAULT) is None:
            raise ConfigurationError("The store is empty: start the server once before this.")
        yield Opened(back_end, keyring, master_key)
    except WrongMasterKeyError as error:
        raise ConfigurationError(str(error)) from error
    except StoreUnavailableError as error:
        raise ConfigurationError(f"The store {in_words(error)}: mend that, or try again in a moment.") from error
    finally:
        await back_end.store.close()


async def _keyring(back_end: OpenedStore, or_key: bytes | None) -> tuple[Keyring, bytes]:
    """Raises WrongMasterKeyError."""
    try:
        return await open_keyring(back_end.store, back_end.master_key), back_end.master_key
    except WrongMasterKeyError:
        if or_key is None:
            raise
        return await open_keyring(back_end.store, or_key), or_key


def bases_of(settings: Settings) -> Callable[[Tenant], tuple[str, ...]]:
    """A tenant's FHIR bases, the main one first, as the server with these settings has them."""
    return lambda tenant: fhir_bases(settings.base_url, tenant.name)


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() * MICROSECOND // 10**9
