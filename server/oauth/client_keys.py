"""A client's public keys: given when it was registered, or fetched from the address that was (RFC 7517, SMART asymmetric clients)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from profiles import json
from server.outgoing import Outgoing, OutgoingError

Key = ECKey | RSAKey

ALGORITHMS: Final = ("RS384", "ES384")
MOST_KEYS: Final = 50
LARGEST: Final = 64 * 1024
SHORTEST_RSA: Final = 2048

FRESH_SECONDS: Final = 300.0
AGAIN_SECONDS: Final = 10.0
"""A key that is not there is looked for again so often at most."""

MOST_SETS: Final = 500
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384"}


class KeySetError(Exception):
    """The keys cannot be used; the message is a fixed sentence."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: dict[str, Any]
    at: float


@dataclass(slots=True)
class ClientKeys:
    """Keys that were fetched, remembered for some minutes."""

    outgoing: Outgoing
    _fetched: OrderedDict[str, _Fetched] = field(default_factory=OrderedDict)

    async def find(self, jwks: Mapping[str, Any] | None, jwks_uri: str, key_id: str, algorithm: str) -> Key:
        """The key of that id, for that algorithm. Raises KeySetError."""
        if jwks is not None:
            return _chosen(jwks, key_id, algorithm)
        known = self._fetched.get(jwks_uri)
        age = time.monotonic() - known.at if known is not None else FRESH_SECONDS
        if known is not None and age < FRESH_SECONDS:
            try:
                return _chosen(known.keys, key_id, algorithm)
            except KeySetError:
                if age < AGAIN_SECONDS:
                    raise
        return _chosen(await self._fetch(jwks_uri), key_id, algorithm)

    async def _fetch(self, jwks_uri: str) -> dict[str, Any]:
        try:
            content = json.loads(await self.outgoing.fetch(jwks_uri, LARGEST))
        except (OutgoingError, json.JsonError) as error:
            raise KeySetError("The client's keys cannot be fetched from the address that was registered.") from error
        if not isinstance(content, dict):
            raise KeySetError("The client's keys are no key set.")
        self._fetched[jwks_uri] = _Fetched(content, time.monotonic())
        self._fetched.move_to_end(jwks_uri)
        if len(self._fetched) > MOST_SETS:
            self._fetched.popitem(last=False)
        return content


def check_key_set(keys: Mapping[str, Any]) -> None:
    """Raises KeySetError for a set that holds no key that could be used, or a private one."""
    listed = keys.get("keys")
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_KEYS:
        raise KeySetError(f"A key set has 1 to {MOST_KEYS} keys.")
    for key in listed:
        if not isinstance(key, dict) or {"d", "k", "p", "q"} & key.keys():
            raise KeySetError("A key set holds public keys only.")
        members = [part for value in key.values() for part in (value if isinstance(value, list) else [value])]
        if not all(isinstance(member, str | bool) for member in members):
            raise KeySetError("The members of a key are texts.")
    if not any(_usable(key, algorithm) for key in listed for algorithm in ALGORITHMS):
        raise KeySetError("A key set holds an RSA key of 2048 bits or more (RS384), or a P-384 key (ES384), with a kid.")


def _chosen(keys: Mapping[str, Any], key_id: str, algorithm: str) -> Key:
    listed = keys.get("keys")
    if isinstance(listed, list):
        for key in listed[:MOST_KEYS]:
            if isinstance(key, dict) and key.get("kid") == key_id and (found := _usable(key, algorithm)) is not None:
                return found
    raise KeySetError("The client has no such key for that algorithm.")


def _usable(key: Mapping[str, Any], algorithm: str) -> Key | None:
    """The key for checking signatures of the algorithm; None when it is not one for that."""
    if not isinstance(key.get("kid"), str) or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return None
    try:
        found = JWKRegistry.import_key({**key})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if found.is_private:
        return None
    if isinstance(found, RSAKey):
        return found if algorithm[:2] in {"RS", "PS"} and found.public_key.key_size >= SHORTEST_RSA else None
    return found if isinstance(found, ECKey) and found.curve_name == _CURVES.get(algorithm) else None
