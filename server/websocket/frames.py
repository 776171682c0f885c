"""Frames of RFC 6455 section 5: reading those of a client, writing those of the server. No extensions, no binary messages."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

LARGEST_MESSAGE: Final = 64 * 1024
_LARGEST_CONTROL: Final = 125
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Code(IntEnum):
    """Why a connection is closed (section 7.4.1, and RFC 6455's registry)."""

    NORMAL = 1000
    PROTOCOL = 1002
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_LARGE = 1009
    RESTART = 1012
    BUSY = 1013


class FrameError(Exception):
    """What came is not as it should be; the connection is closed with `code`."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A whole text, or a control frame."""

    opcode: Opcode
    payload: bytes

    @property
    def text(self) -> str:
        """Raises FrameError."""
        try:
            return self.payload.decode()
        except UnicodeDecodeError as error:
            raise FrameError(Code.NOT_UTF8) from error


def accept_key(key: str) -> str | None:
    """The answer to Sec-WebSocket-Key (section 4.2.2); None for what is no key."""
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            return None
    except (binascii.Error, ValueError):
        return None
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole message of the server's: servers do not mask."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2)
    else:
        length = b"\x7f" + size.to_bytes(8)
    return bytes([0x80 | opcode]) + length + payload


def close_frame(code: Code) -> bytes:
    return frame(Opcode.CLOSE, code.to_bytes(2))


class Reader:
    """Bytes in, messages out, whatever pieces they come in."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._parts = bytearray()
        self._in_text = False

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises FrameError."""
        self._waiting += data
        while (found := self._frame()) is not None:
            final, opcode, payload = found
            message = self._message(final, opcode, payload)
            if message is not None:
                yield message

    def _message(self, final: bool, opcode: Opcode, payload: bytes) -> Message | None:
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        if opcode is Opcode.BINARY:
            raise FrameError(Code.NOT_TEXT)
        if (opcode is Opcode.TEXT) == self._in_text:
            raise FrameError(Code.PROTOCOL)
        self._parts += payload
        if len(self._parts) > LARGEST_MESSAGE:
            raise FrameError(Code.TOO_LARGE)
        self._in_text = not final
        if not final:
            return None
        whole, self._parts = bytes(self._parts), bytearray()
        return Message(Opcode.TEXT, whole)

    def _frame(self) -> tuple[bool, Opcode, bytes] | None:
        """The next frame, once it is there as a whole."""
        waiting = self._waiting
        if len(waiting) < 2:
            return None
        final, size = bool(waiting[0] & 0x80), waiting[1] & 0x7F
        opcode = _opcode(waiting[0])
        if not waiting[1] & 0x80 or (opcode >= Opcode.CLOSE and (not final or size > _LARGEST_CONTROL)):
            raise FrameError(Code.PROTOCOL)
        start = 2 + {126: 2, 127: 8}.get(size, 0)
        if len(waiting) < start:
            return None
        if start > 2:
            size = int.from_bytes(waiting[2:start])
        if size > LARGEST_MESSAGE:
            raise FrameError(Code.TOO_LARGE)
        end = start + 4 + size
        if len(waiting) < end:
            return None
        payload = _unmasked(bytes(waiting[start + 4 : end]), bytes(waiting[start : start + 4]))
        del waiting[:end]
        return final, opcode, payload


def _opcode(first: int) -> Opcode:
    try:
        if first & 0x70:  # reserved for extensions
            raise FrameError(Code.PROTOCOL)
        return Opcode(first & 0x0F)
    except ValueError as error:
        raise FrameError(Code.PROTOCOL) from error


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)
