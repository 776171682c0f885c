"""The tenants of a store and their keys, wrapped by the master key and kept as one sealed setting.

Each tenant has a number, a data key (AES-256) and an index key (BLAKE2b): what one tenant stored neither opens nor matches
under another's keys.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from typing import Any, Final

from profiles import json
from server.seal.blind_index import BlindIndex
from server.seal.cipher import Cipher, SealBrokenError
from server.store.store import Store

_SETTING: Final = "tenants"
_TENANT_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


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


def is_tenant_name(name: str) -> bool:
    return _TENANT_NAME.match(name) is not None


class Keyring:
    """All tenants by name. Build it with `open_keyring`."""

    def __init__(self, store: Store, wrapping: Cipher) -> None:
        self._store = store
        self._wrapping = wrapping
        self._sealed: bytes | None = None
        self._entries: dict[str, dict[str, Any]] = {}
        self._making = asyncio.Lock()
        self._dictionaries = shipped_dictionaries()
        self._tenants: dict[str, Tenant] = {}
        self._by_number: dict[int, Tenant] = {}

    def get(self, name: str) -> Tenant | None:
        return self._tenants.get(name)

    def by_number(self, number: int) -> Tenant:
        """Raises KeyError for a tenant that another server made since the last `refresh`."""
        return self._by_number[number]

    async def found(self, number: int) -> Tenant:
        """The tenant of that number, also when another server of the same store has just made it."""
        if number not in self._by_number:
            await self.refresh()
        return self._by_number[number]

    async def refresh(self) -> None:
        """Learn of tenants that other servers made. Raises WrongMasterKeyError."""
        sealed = await self._store.get_setting(_SETTING)
        if sealed is not None:
            self._take(sealed)

    def _take(self, sealed: bytes) -> None:
        """Make what the store holds ours; tenants that are known stay the objects that they are."""
        if sealed == self._sealed:
            return
        try:
            entries = json.loads(self._wrapping.open(sealed, _SETTING.encode()))
        except SealBrokenError as error:
            raise WrongMasterKeyError("The master key is not the one that this store was sealed with.") from error
        for name, entry in entries.items():
            if self._entries.get(name) != entry:
                tenant = self._build(name, entry)
                self._tenants[name] = self._by_number[tenant.number] = tenant
        self._sealed, self._entries = sealed, entries

    def all(self) -> list[Tenant]:
        return list(self._tenants.values())

    async def make(self, name: str) -> Tenant:
        """The tenant of that name, made when it is new. Raises ValueError for a name that is none."""
        if not is_tenant_name(name):
            raise ValueError("A tenant name is 1 to 63 lower-case letters, digits and inner hyphens.")
        async with self._making:
            while name not in self._tenants:
                number = max((tenant.number for tenant in self._tenants.values()), default=0) + 1
                entry = {"number": number, "data": {"1": _new_key()}, "current": 1, "index": _new_key()}
                wanted = self._wrapping.seal(json.dumps({**self._entries, name: entry}), _SETTING.encode())
                # What is in force afterwards is ours, or what another server made meanwhile. Nothing may be sealed under a
                # key that is not durable, and nobody's keys may be written over.
                self._take(
                    await self._store.put_setting(
                        _SETTING, wanted, only_if_absent=self._sealed is None, replaces=self._sealed
                    )
                )
        return self._tenants[name]

    def _build(self, name: str, entry: dict[str, Any]) -> Tenant:
        keys = {int(number): base64.b64decode(key) for number, key in entry["data"].items()}
        cipher = Cipher(keys, entry["current"], self._dictionaries)
        index_key = base64.b64decode(entry["index"])
        audit_id_key = blake2b(key=index_key, digest_size=16, person=b"audit-id").digest()
        return Tenant(entry["number"], name, cipher, BlindIndex(index_key), audit_id_key)


async def is_sealed(store: Store) -> bool:
    """Whether the store holds anything that a master key is needed for."""
    return await store.get_setting(_SETTING) is not None


async def open_keyring(store: Store, master_key: bytes) -> Keyring:
    """Unwrap the tenants' keys. Raises WrongMasterKeyError when the master key is not the one that wrapped them."""
    wrapping = Cipher({0: master_key}, 0, {})
    keyring = Keyring(store, wrapping)
    await keyring.refresh()
    return keyring


def shipped_dictionaries() -> dict[int, bytes]:
    """zstd dictionaries by number, trained on the synthetic practice (server/seal/train.py)."""
    folder = resources.files("server.seal")
    return {
        int(file.name.removesuffix(".dict").rpartition("-")[2]): file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith(".dict")
    }


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
