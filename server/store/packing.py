"""Terms and intervals of a record as bytes: signed 64-bit terms; (column, low, high) as one integer and two doubles."""

from __future__ import annotations

import struct
from typing import Final

from server.store.store import Index

_INTERVAL: Final = struct.Struct("<qdd")


def pack_terms(terms: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(terms)}q", *terms)


def unpack_terms(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 8}q", data)


def pack_intervals(index: Index) -> bytes:
    return b"".join([_INTERVAL.pack(*interval) for interval in index.intervals])


def unpack_intervals(data: bytes) -> list[tuple[int, float, float]]:
    return list(_INTERVAL.iter_unpack(data))
