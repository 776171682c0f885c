"""The key that signs id_tokens: RS256, which OpenID Connect obliges every client to understand (Core 1.0 section 15.1).

Made when it is first needed, and kept as a sealed record of the default tenant, so that all servers of one store have the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey

from server.internal import Kind, OwnRecords
from server.store.store import StaleVersionError

ALGORITHM: Final = "RS256"
BITS: Final = 2048


class StoredKey(msgspec.Struct, frozen=True):
    """PKCS #8 PEM."""

    pem: str


KEYS: Final = Kind("id-token-key", StoredKey)
_ID: Final = "1"


@dataclass(slots=True)
class IdTokenKey:
    """`own` are the records of the default tenant."""

    own: OwnRecords
    _key: RSAKey | None = None

    async def get(self) -> RSAKey:
        """The key, read or made. Raises StoreUnavailableError."""
        while self._key is None:
            found = await KEYS.read(self.own, _ID)
            if found is not None:
                self._key = RSAKey.import_key(found.value.pem)
                break
            made = await asyncio.to_thread(RSAKey.generate_key, BITS)
            pem = made.as_pem(private=True).decode()
            try:
                await self.own.commit([KEYS.add(self.own, _ID, StoredKey(pem))])
            except StaleVersionError:
                continue  # another server was faster: its key is the key
        return self._key

    async def public(self) -> dict[str, Any]:
        """As a JWK."""
        key = await self.get()
        return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}

    async def sign(self, claims: dict[str, Any]) -> str:
        key = await self.get()
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])
