"""What is noted of an interaction, compactly: some 200 bytes, encoded in a few microseconds, sealed with its batch.

server/audit/event.py says how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from server.store.audit_chain import LINK_BYTES


class AuditRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One interaction as it was answered. `recorded` is microseconds; references are local (`Patient/1/_history/2`)."""

    recorded: int
    interaction: str
    """A FHIR restful-interaction code (`read`, `search-type`, ...) or an operation (`$submit`)."""
    action: str
    """C, R, U, D or E."""
    status: int
    """The HTTP status of the answer (0 for work that no request asked for)."""
    request_id: str
    subject: str
    client: str
    roles: tuple[str, ...]
    fhir_user: str
    address: str
    entities: tuple[str, ...]
    patients: tuple[str, ...]
    query: str
    """The search as it was asked (empty for others)."""
    refusal: str
    """Our error code when the answer was a refusal."""
    purpose: str
    """A v3 PurposeOfUse code."""
    reason: str = ""
    """Why a patient's consent was not heeded, in the caller's words (breaking the glass)."""
    written: tuple[int, int] = (0, 0)
    """Which of the entities the commit that carries the record stored: the first one's place, and how many. What subscribers are
    told of is read off here (server/subscriptions/feed.py)."""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AuditRecord)
_BATCH: Final = msgspec.msgpack.Decoder(list[bytes | list[bytes]])


def encode(record: AuditRecord) -> bytes:
    return _ENCODER.encode(record)


def encode_batch(records: Sequence[bytes], before: bytes = b"") -> bytes:
    """`before` is the hash of the tenant's batch that this one follows."""
    return _ENCODER.encode((before[:LINK_BYTES], records))


def decode_batch(data: bytes) -> list[AuditRecord]:
    return open_batch(data)[1]


def open_batch(data: bytes) -> tuple[bytes | None, list[AuditRecord]]:
    """What the batch says that it follows (None: written before batches said it), and its records."""
    items = _BATCH.decode(data)
    if len(items) == 2 and isinstance(items[0], bytes) and isinstance(items[1], list):
        return items[0], [_DECODER.decode(item) for item in items[1]]
    return None, [_DECODER.decode(item) for item in items if isinstance(item, bytes)]
