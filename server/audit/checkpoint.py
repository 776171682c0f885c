"""Signed statements about one tenant's trail: so far it came, and this is the hash of its end (docs/audit.md).

A statement is a JWS (RFC 7515) by the key that signs access tokens, of a type of its own so that neither passes for the other.
Whose key counts is kept with the tenants' keys, under the master key: a key that was replaced still vouches for what it signed,
and nobody becomes a signer by writing to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from server.auth.signing_key import ALGORITHM, SigningKey
from server.seal.tenant_entries import DEFAULT, Edit, Entries

TYPE: Final = "audit-checkpoint+jwt"
SIGNERS: Final = "signers"
"""The part of the default tenant's entry that holds public keys by their id."""

PublicKeys = Mapping[str, Mapping[str, str]]


class ForgedError(Exception):
    """The statement is not signed by a key of this installation, or is none."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The trail of `tenant` up to and with the batch `batch`: so many batches and records, and the hash of the last.

    `pruned`: all of that was taken away when its time was over. `signed` is microseconds since 1970.
    """

    tenant: int
    batch: int
    batches: int
    records: int
    chain: str
    signed: int
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs statements, and reads those of every key that counts. Without a `key` it only reads."""

    trusted: Callable[[], PublicKeys]
    key: SigningKey | None = None

    @property
    def signing_key(self) -> SigningKey:
        """Raises LookupError where there is none."""
        if self.key is None:
            raise LookupError("There is no key to sign with.")
        return self.key

    def sign(self, checkpoint: Checkpoint) -> str:
        key = self.signing_key
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.key_id}
        return jws.serialize_compact(header, msgspec.json.encode(checkpoint), key.private, algorithms=[ALGORITHM])

    def read(self, statement: str, tenant: int) -> Checkpoint:
        """Raises ForgedError for what no key of ours signed, also for a statement about another tenant."""
        try:
            found = jws.extract_compact(statement.encode())
            header = found.headers()
            key = ECKey.import_key({"kty": "EC", "crv": "P-256", **self.trusted()[str(header.get("kid"))]})
            if header.get("typ") != TYPE or not jws.validate_compact(found, key, algorithms=[ALGORITHM]):
                raise ForgedError
            checkpoint = msgspec.json.decode(found.payload, type=Checkpoint)
        except (JoseError, KeyError, ValueError, msgspec.MsgspecError) as error:
            raise ForgedError from error
        if checkpoint.tenant != tenant:
            raise ForgedError
        return checkpoint


def signers(entries: Entries) -> PublicKeys:
    """The public keys that count, of the tenants' entries."""
    found: PublicKeys = entries.get(DEFAULT, {}).get(SIGNERS, {})
    return found


def trusting(key: SigningKey) -> Edit:
    """The key counts from now on, also when another has taken its place."""
    public = key.public.as_dict(private=False)
    point = {name: str(public[name]) for name in ("x", "y")}

    def edit(entries: Entries) -> Entries:
        known = signers(entries)
        if known.get(key.key_id) == point:
            return entries
        return {**entries, DEFAULT: {**entries[DEFAULT], SIGNERS: {**known, key.key_id: point}}}

    return edit
