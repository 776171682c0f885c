"""Paging cursors: where a page ended, sealed for one tenant, one caller and one query, so that none can be made up or shared."""

from __future__ import annotations

import base64
import binascii
import os
import struct
from hashlib import blake2b
from typing import Final

from profiles.outcome import FhirError, refuse
from server.seal.cipher import Cipher, SealBrokenError
from server.search.query import Query
from server.store.algebra import Position
from server.store.timeline import Moment

_POSITION: Final = struct.Struct(">dq")
_MOMENT: Final = struct.Struct(">qqq")
_SALT: Final = 8


def make_cursor(cipher: Cipher, query: Query, subject: str, position: Position) -> str:
    return _seal(cipher, _POSITION.pack(position.value, position.rid), _binding(query, subject))


def read_cursor(cipher: Cipher, query: Query, subject: str) -> Position | None:
    """The position that the query's `_cursor` names. Raises FhirError (400) when it is not ours for this query."""
    if query.results.cursor is None:
        return None
    try:
        return Position(*_POSITION.unpack(_open(cipher, query.results.cursor, _binding(query, subject))))
    except struct.error as error:
        raise _not_ours() from error


def make_history_cursor(cipher: Cipher, moment: Moment, binding: str) -> str:
    """`binding` names the caller and everything that was asked for."""
    return _seal(cipher, _MOMENT.pack(moment.updated, moment.rid, moment.version), f"history/{binding}".encode())


def read_history_cursor(cipher: Cipher, cursor: str, binding: str) -> Moment:
    """Raises FhirError (400) when it is not ours for this history."""
    try:
        return Moment(*_MOMENT.unpack(_open(cipher, cursor, f"history/{binding}".encode())))
    except struct.error as error:
        raise _not_ours() from error


def _seal(cipher: Cipher, content: bytes, binding: bytes) -> str:
    """Behind a mask, for what is sealed is compressed before: the length would tell how large the numbers are."""
    salt = os.urandom(_SALT)
    return base64.urlsafe_b64encode(cipher.seal(salt + _masked(content, salt), binding)).decode().rstrip("=")


def _masked(content: bytes, salt: bytes) -> bytes:
    """Undone by doing it again."""
    mask = blake2b(salt, digest_size=_MOMENT.size).digest()
    return bytes(one ^ other for one, other in zip(content, mask, strict=False))


def _open(cipher: Cipher, cursor: str, binding: bytes) -> bytes:
    try:
        opened = cipher.open(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), binding)
        return _masked(opened[_SALT:], opened[:_SALT])
    except (SealBrokenError, binascii.Error, ValueError) as error:
        raise _not_ours() from error


def _not_ours() -> FhirError:
    return refuse("bad-cursor", "The cursor belongs to another query or caller, or was altered.", "http._cursor")


def _binding(query: Query, subject: str) -> bytes:
    text = "&".join(f"{name}={value}" for name, value in query.text if name != "_cursor")
    return f"cursor/{query.type}/{subject}/{text}".encode()
