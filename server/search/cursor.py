"""Paging cursors: where a page lies, sealed for one tenant, one caller and one query, so that none can be made up or shared."""

from __future__ import annotations

import base64
import binascii
import os
import struct
from dataclasses import dataclass
from hashlib import shake_128
from typing import Final

from profiles.outcome import FhirError, refuse
from server.seal.cipher import Cipher, SealBrokenError
from server.store.algebra import Position
from server.store.timeline import Moment

LAST: Final = "last"
"""The cursor of the last page: it says nothing, and so needs no seal."""

_POSITION: Final = struct.Struct(">dq")
_PLACE: Final = struct.Struct(">?Ldq")
_MOMENT: Final = struct.Struct(">qqq")
_SALT: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies: behind `position`, or before it. With neither key nor position, at the end that it is read from.

    `rank` tells it from others at the same value, where results are sorted in memory. `left`: how many results may follow
    (0: any number).
    """

    position: Position | None = None
    rank: bytes = b""
    backward: bool = False
    left: int = 0


FIRST_PAGE: Final = Place()
LAST_PAGE: Final = Place(backward=True)


def make_cursor(cipher: Cipher, binding: str, subject: str, place: Place) -> str:
    """`binding` names all that was asked for. The place has a position."""
    position = place.position or Position(0.0, 0)
    packed = _PLACE.pack(place.backward, place.left, position.value, position.rid) + place.rank
    return _seal(cipher, packed, _binding(binding, subject))


def read_cursor(cipher: Cipher, cursor: str, binding: str, subject: str) -> Place:
    """Raises FhirError (400) when it is not ours for this query and caller."""
    packed = _open(cipher, cursor, _binding(binding, subject))
    try:
        backward, left, value, rid = _PLACE.unpack_from(packed)
    except struct.error as error:
        raise not_ours() from error
    return Place(Position(value, rid), packed[_PLACE.size :], backward, left)


def make_place(cipher: Cipher, position: Position, binding: str) -> str:
    """Where an operation that shows its results in pages goes on. `binding` names the caller and everything that was asked for."""
    return _seal(cipher, _POSITION.pack(position.value, position.rid), f"place/{binding}".encode())


def read_place(cipher: Cipher, text: str, binding: str) -> Position:
    """Raises FhirError (400) when it is not ours for this question."""
    try:
        return Position(*_POSITION.unpack(_open(cipher, text, f"place/{binding}".encode())))
    except struct.error as error:
        raise not_ours() from error


def make_history_cursor(cipher: Cipher, moment: Moment, binding: str) -> str:
    """`binding` names the caller and everything that was asked for."""
    return _seal(cipher, _MOMENT.pack(moment.updated, moment.rid, moment.version), _history_binding(binding))


def read_history_cursor(cipher: Cipher, cursor: str, binding: str) -> Moment:
    """Raises FhirError (400) when it is not ours for this history."""
    try:
        return Moment(*_MOMENT.unpack(_open(cipher, cursor, _history_binding(binding))))
    except struct.error as error:
        raise not_ours() from error


def _seal(cipher: Cipher, content: bytes, binding: bytes) -> str:
    """Behind a mask, for what is sealed is compressed before: the length would tell how large the numbers are."""
    salt = os.urandom(_SALT)
    return base64.urlsafe_b64encode(cipher.seal(salt + _masked(content, salt), binding)).decode().rstrip("=")


def _masked(content: bytes, salt: bytes) -> bytes:
    """Undone by doing it again."""
    mask = shake_128(salt).digest(len(content))
    return bytes(one ^ other for one, other in zip(content, mask, strict=True))


def _open(cipher: Cipher, cursor: str, binding: bytes) -> bytes:
    try:
        opened = cipher.open(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), binding)
        return _masked(opened[_SALT:], opened[:_SALT])
    except (SealBrokenError, binascii.Error, ValueError) as error:
        raise not_ours() from error


def not_ours() -> FhirError:
    """400 for a cursor that is not ours for what is asked."""
    return refuse("bad-cursor", "The cursor belongs to another query or caller, or was altered.", "http._cursor")


def _binding(binding: str, subject: str) -> bytes:
    """Numbered: what was sealed in another form does not open."""
    return f"cursor/2/{subject}/{binding}".encode()


def _history_binding(binding: str) -> bytes:
    return f"history/2/{binding}".encode()
