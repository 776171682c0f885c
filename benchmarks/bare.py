"""Assent without audit, or without sealing and audit, to measure what they cost: BENCH_WITHOUT=audit or audit,sealing.

Only for benchmarks: nothing in the product can do this.
"""

from __future__ import annotations

import os
import sys

from server.audit.trail import Trail
from server.cli import main
from server.rest import dispatch
from server.seal.cipher import Cipher
from server.store.sqlite import group_commit


def _seal(self: Cipher, plain: bytes, binding: bytes) -> bytes:
    return plain


def _open(self: Cipher, sealed: bytes, binding: bytes) -> bytes:
    return sealed


async def _no_audit(*_: object) -> None:
    return None


def _no_record(self: Trail, recorded: int, status: int, refusal: str = "") -> bytes:
    return b""


def _no_batch(*_: object) -> None:
    return None


if __name__ == "__main__":
    if "sealing" in os.environ["BENCH_WITHOUT"]:
        Cipher.seal = _seal  # type: ignore[method-assign]
        Cipher.open = _open  # type: ignore[method-assign]
    dispatch._audit = _no_audit  # type: ignore[assignment]
    Trail.encode = _no_record  # type: ignore[method-assign]
    group_commit.append_audit = _no_batch
    sys.exit(main())
