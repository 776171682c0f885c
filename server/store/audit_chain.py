"""How the batches of one tenant's audit trail are linked, on either back end (docs/audit.md).

Each batch has a hash over the one before it in its tenant, its own number and its sealed body. The seal itself says what the batch
follows: so whoever can write to the store, and has no key, cannot leave a batch out and make the rest fit.
"""

from __future__ import annotations

import hashlib

LINK_BYTES = 16
"""So much of the hash before it is sealed into a batch."""


def chain_after(before: bytes, seq: int, body: bytes) -> bytes:
    """The hash of a batch. `before` is that of the tenant's batch before it, empty for the first."""
    return hashlib.blake2b(before + seq.to_bytes(8) + body, digest_size=32).digest()
