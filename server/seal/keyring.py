"""The tenants of a store and their keys, wrapped by the master key and kept as one sealed setting.

Each tenant has a number, a data key (AES-256) and an index key (BLAKE2b): what one tenant stored neither opens nor matches
under another's keys.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from typing import Final

from profiles import json
from server.seal.blind_index import BlindIndex
from server.seal.cipher import Cipher, SealBrokenError
from server.seal.tenant_entries import Edit, Entries, Entry, adding
from server.store.store import Store, StoreUnavailableError

_SETTING: Final = "tenants"

READ_AGAIN_SECONDS: Final = 3.0

ReadKey = Callable[[], Awaitable[bytes | None]]


class WrongMasterKeyError(Exception):
    """The master key does not open this store; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: its number in the store, what seals its records, and what names its terms."""

    number: int
    name: str
    cipher: Cipher
    index: BlindIndex
    audit_id_key: bytes


class Keyring:
    """All tenants by name; a retired one is known by its number only. Build it with `open_keyring`.

    `is_behind`: the master key was changed and this server does not have the new one. It goes on with the keys that it knows, and
    learns of no others (docs/decisions, 0027).
    """

    def __init__(self, store: Store, master_key: bytes, read_again: ReadKey | None) -> None:
        self._store = store
        self._wrapping = _wrapping(master_key)
        self._read_again = read_again
        self._look_again = 0.0
        self.is_behind = False
        self._sealed: bytes | None = None
        self._entries: Entries = {}
        self._changing = asyncio.Lock()
        self._dictionaries = shipped_dictionaries()
        self._tenants: dict[str, Tenant] = {}
        self._by_number: dict[int, Tenant] = {}

    def get(self, name: str) -> Tenant | None:
        return self._tenants.get(name)

    def by_number(self, number: int) -> Tenant:
        """Raises KeyError for a tenant that another server made since the last `refresh`."""
        return self._by_number[number]

    async def found(self, number: int) -> Tenant:
        """The tenant of that number, also when another server of the same store has just made it.

        Raises KeyError, or StoreUnavailableError while nobody can tell here.
        """
        if number not in self._by_number:
            await self.refresh()
            if self.is_behind and number not in self._by_number:
                raise StoreUnavailableError("The tenants' keys were wrapped under another master key.")
        return self._by_number[number]

    async def refresh(self) -> None:
        """Learn what other servers and the command line did. Raises WrongMasterKeyError before anything was learnt."""
        sealed = await self._store.get_setting(_SETTING)
        if sealed is None:
            return
        try:
            self._take(sealed)
        except WrongMasterKeyError:
            if self._sealed is None:
                raise
            await self._take_under_another(sealed)
        else:
            self.is_behind = False

    async def _take_under_another(self, sealed: bytes) -> None:
        """The master key was changed: the new one may be where ours came from. It is looked for every few seconds."""
        before, self.is_behind = self._wrapping, True
        loop = asyncio.get_running_loop()
        if self._read_again is None or loop.time() < self._look_again:
            return
        self._look_again = loop.time() + READ_AGAIN_SECONDS
        key = await self._read_again()
        if key is not None:
            self._wrapping = _wrapping(key)
            try:
                self._take(sealed)
            except WrongMasterKeyError:
                self._wrapping = before
            else:
                self.is_behind = False

    def _take(self, sealed: bytes) -> None:
        """Make what the store holds ours; tenants that are known stay the objects that they are, with other keys perhaps."""
        if sealed == self._sealed:
            return
        try:
            entries: Entries = json.loads(self._wrapping.open(sealed, _SETTING.encode()))
        except SealBrokenError as error:
            raise WrongMasterKeyError("The master key is not the one that this store was sealed with.") from error
        for name, entry in entries.items():
            known = self._by_number.get(entry["number"])
            if known is None:
                known = self._by_number[entry["number"]] = tenant_of(name, entry, self._dictionaries)
            elif self._entries.get(name) != entry:
                use_entry(known, entry)
            if entry.get("retired"):
                self._tenants.pop(name, None)
            else:
                self._tenants[name] = known
        self._sealed, self._entries = sealed, entries

    def all(self) -> list[Tenant]:
        """Those that answer."""
        return list(self._tenants.values())

    def entries(self) -> Entries:
        """What is kept of every tenant, retired ones as well."""
        return self._entries

    def is_retired(self, number: int) -> bool:
        tenant = self._by_number.get(number)
        return tenant is not None and tenant.name not in self._tenants

    async def make(self, name: str) -> Tenant:
        """The tenant of that name, made when it is new. Raises TenantError for a name that is none, or retired."""
        if name not in self._tenants:
            await self.change(adding(name))
        return self._tenants[name]

    async def change(self, edit: Edit) -> None:
        """Change the entries, durably before anything uses them, and without writing over what another server made meanwhile.

        Nothing may be sealed under a key that is not durable, and nobody's keys may be lost.
        """
        async with self._changing:
            while (edited := edit(self._entries)) != self._entries:
                wanted = self._wrapping.seal(json.dumps(edited), _SETTING.encode())
                stored = await self._store.put_setting(
                    _SETTING, wanted, only_if_absent=self._sealed is None, replaces=self._sealed
                )
                try:
                    self._take(stored)
                except WrongMasterKeyError as error:
                    if self._sealed is None:
                        raise
                    self.is_behind = True
                    raise StoreUnavailableError("The tenants' keys were wrapped under another master key.") from error

    async def rewrap(self, master_key: bytes) -> bool:
        """Wrap the tenants' keys under another master key: one change, whole or not at all.

        False when somebody else changed the keys in the same moment, and nothing was changed.
        """
        async with self._changing:
            wrapping = _wrapping(master_key)
            wanted = wrapping.seal(json.dumps(self._entries), _SETTING.encode())
            if await self._store.put_setting(_SETTING, wanted, replaces=self._sealed) != wanted:
                return False
            self._wrapping, self._sealed = wrapping, wanted
            return True


def tenant_of(name: str, entry: Entry, dictionaries: Mapping[int, bytes]) -> Tenant:
    """A tenant by what is kept of it."""
    cipher = Cipher(_data_keys(entry), entry["current"], dictionaries)
    index_key = base64.b64decode(entry["index"])
    audit_id_key = blake2b(key=index_key, digest_size=16, person=b"audit-id").digest()
    return Tenant(entry["number"], name, cipher, BlindIndex(index_key), audit_id_key)


def use_entry(tenant: Tenant, entry: Entry) -> None:
    """From now on the tenant has these data keys."""
    tenant.cipher.use(_data_keys(entry), entry["current"])


def _data_keys(entry: Entry) -> dict[int, bytes]:
    return {int(number): base64.b64decode(key) for number, key in entry["data"].items()}


async def is_sealed(store: Store) -> bool:
    """Whether the store holds anything that a master key is needed for."""
    return await store.get_setting(_SETTING) is not None


async def open_keyring(store: Store, master_key: bytes, read_again: ReadKey | None = None) -> Keyring:
    """Unwrap the tenants' keys. Raises WrongMasterKeyError when the master key is not the one that wrapped them.

    `read_again` gives the master key that is configured now, or None when it cannot be read.
    """
    keyring = Keyring(store, master_key, read_again)
    await keyring.refresh()
    return keyring


def _wrapping(master_key: bytes) -> Cipher:
    return Cipher({0: master_key}, 0, {})


def shipped_dictionaries() -> dict[int, bytes]:
    """zstd dictionaries by number, trained on the synthetic practice (server/seal/train.py)."""
    folder = resources.files("server.seal")
    return {
        int(file.name.removesuffix(".dict").rpartition("-")[2]): file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith(".dict")
    }
