"""The server's own records in plain form: typed values, sealed and named for one tenant (server/store/internal.py).

What a record is known by may be a secret (a code, the value of a cookie): its name in the store is a keyed hash of it, and it is
nowhere else. Times are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import msgspec

from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.store.internal import Drop, Internal, Keep
from server.store.store import Commit, Store, StoreUnavailableError

AT_ONCE: Final = 200

_Value = TypeVar("_Value", bound=msgspec.Struct)


class DamagedInternalError(Exception):
    """A record of the server's own does not open; the message holds no content."""


@dataclass(frozen=True, slots=True)
class Found(Generic[_Value]):
    """A record as it is at `version`, and what a change of it needs."""

    value: _Value
    key: bytes
    version: int
    updated: int
    until: int


class Kind(Generic[_Value]):
    """One kind of record: its name and what its values are. A value's fields may grow when the new ones have defaults."""

    def __init__(self, name: str, type_: type[_Value]) -> None:
        self.name = name
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(type_)

    def key(self, tenant: Tenant, id_: str) -> bytes:
        return tenant.index.unique_key(("internal", self.name, id_))

    def add(self, own: OwnRecords, id_: str, value: _Value, until: int = 0) -> Keep:
        """A record that must not be there yet."""
        return self._keep(own, self.key(own.tenant, id_), 1, value, until)

    def change(self, own: OwnRecords, found: Found[_Value], value: _Value, until: int | None = None) -> Keep:
        """Another value for a record that must still be as it was found."""
        return self._keep(own, found.key, found.version + 1, value, found.until if until is None else until)

    def drop(self, found: Found[_Value]) -> Drop:
        return Drop(found.key, found.version)

    async def read(self, own: OwnRecords, id_: str) -> Found[_Value] | None:
        """Also one whose time is over. Raises DamagedInternalError, StoreUnavailableError."""
        record = await own.store.internals.read(self.key(own.tenant, id_))
        return None if record is None else self.open(own.tenant, record)

    async def all(
        self, own: OwnRecords, damaged: Callable[[DamagedInternalError], None] | None = None
    ) -> AsyncIterator[Found[_Value]]:
        """In the order of their last change. One that is changed meanwhile may come twice; what does not open is told to `damaged`, or raised."""
        place: tuple[int, bytes] = (0, b"")
        while records := await own.store.internals.listed(own.tenant.number, self.name, *place, AT_ONCE):
            for record in records:
                try:
                    found = self.open(own.tenant, record)
                except DamagedInternalError as error:
                    if damaged is None:
                        raise
                    damaged(error)
                    continue
                yield found
            place = (records[-1].updated, records[-1].key)

    def _keep(self, own: OwnRecords, key: bytes, version: int, value: _Value, until: int) -> Keep:
        sealed = own.tenant.cipher.seal(self._encoder.encode(value), _binding(own.tenant.number, self.name, version, key))
        return Keep(key, self.name, version, own.now(), until, sealed)

    def open(self, tenant: Tenant, record: Internal) -> Found[_Value]:
        """Raises DamagedInternalError."""
        try:
            value = self._decoder.decode(tenant.cipher.open(record.body, internal_binding(record)))
        except (SealBrokenError, msgspec.DecodeError) as error:
            raise DamagedInternalError(f"{self.name} {record.key.hex()} does not open") from error
        return Found(value, record.key, record.version, record.updated, record.until)


def renewed(tenant: Tenant, changes: Sequence[Keep | Drop]) -> list[Keep | Drop]:
    """Changes that are about to be handed to the store, under the tenant's key of this moment. Raises SealBrokenError.

    The key may have changed since they were sealed, and whoever seals everything anew may be past their places already.
    """
    return [change if isinstance(change, Drop) else _renewed(tenant, change) for change in changes]


def _renewed(tenant: Tenant, keep: Keep) -> Keep:
    binding = _binding(tenant.number, keep.kind, keep.version, keep.key)
    return replace(keep, body=tenant.cipher.renewed(keep.body, binding))


def internal_binding(record: Internal) -> bytes:
    """What the body of a record is bound to: sealed for one place and version, it opens at no other."""
    return _binding(record.tenant, record.kind, record.version, record.key)


def _binding(tenant: int, kind: str, version: int, key: bytes) -> bytes:
    return f"internal/{tenant}/{kind}/{version}/".encode() + key


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """The server's own records of one tenant, and how changes to them are stored. `now`: microseconds since 1970."""

    store: Store
    tenant: Tenant
    now: Callable[[], int]

    async def commit(self, changes: Sequence[Keep | Drop], audit: Sequence[bytes] = ()) -> None:
        """All of it or nothing. Raises StaleVersionError (its `key` says which was in the way), StoreUnavailableError."""
        try:
            fresh = renewed(self.tenant, changes)
        except SealBrokenError as error:
            raise StoreUnavailableError("The keys were changed while this was prepared.", "busy") from error
        await self.store.commit(Commit(self.tenant.number, internals=fresh, audit=audit))
