"""Authorization and reference numbers: hard to guess, easy to read out, unique in the store by their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH: Final = 12
"""60 bits. X12 allows 50 characters in a reference number."""


def fresh_number(prefix: str, new_id: Callable[[], str]) -> str:
    """A number such as `AUTH-7KQ2M9XW4R8T`, made of a new id. The commit makes sure that nobody else has it."""
    digest = hashlib.blake2b(new_id().encode(), digest_size=8).digest()
    value = int.from_bytes(digest, "big")
    return f"{prefix}-" + "".join(_ALPHABET[value >> 5 * place & 31] for place in range(LENGTH))
