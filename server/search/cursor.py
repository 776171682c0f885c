"""Paging cursors: where a page ended, sealed for one tenant, one caller and one query, so that none can be made up or shared."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Final

from profiles.outcome import refuse
from server.seal.cipher import Cipher, SealBrokenError
from server.search.query import Query
from server.store.algebra import Position

_POSITION: Final = struct.Struct(">dq")


def make_cursor(cipher: Cipher, query: Query, subject: str, position: Position) -> str:
    sealed = cipher.seal(_POSITION.pack(position.value, position.rid), _binding(query, subject))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_cursor(cipher: Cipher, query: Query, subject: str) -> Position | None:
    """The position that the query's `_cursor` names. Raises FhirError (400) when it is not ours for this query."""
    if query.cursor is None:
        return None
    try:
        sealed = base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4))
        return Position(*_POSITION.unpack(cipher.open(sealed, _binding(query, subject))))
    except (SealBrokenError, binascii.Error, ValueError, struct.error) as error:
        raise refuse(
            "bad-cursor", "The cursor belongs to another search or caller, or was altered.", "http._cursor"
        ) from error


def _binding(query: Query, subject: str) -> bytes:
    text = "&".join(f"{name}={value}" for name, value in query.text if name != "_cursor")
    return f"cursor/{query.type}/{subject}/{text}".encode()
