"""A form with files (RFC 7578, RFC 2046 section 5.1), read piece by piece as it arrives: no part is ever held as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from profiles.outcome import FhirError, refuse

FORM: Final = "multipart/form-data"
_LONGEST_HEAD: Final = 8192
_LONGEST_BOUNDARY: Final = 70


class Form:
    """`part` goes on to the next part, `content` reads it. Both raise FhirError (400) for what is no form."""

    def __init__(self, content_type: str, pieces: AsyncIterator[bytes]) -> None:
        self._mark = b"\r\n--" + _boundary(content_type)
        self._pieces = pieces
        self._held = bytearray(b"\r\n")  # so that the first mark is like all others
        self._inside = True

    async def part(self) -> str | None:
        """The name of the next part, whatever was read of the one before; None behind the last."""
        async for _ in self.content():
            pass
        if (ending := await self._first(2)) == b"--":
            async for _ in self._pieces:  # what stands behind it is nobody's
                pass
            return None
        if ending != b"\r\n":
            raise _broken()
        head = await self._head()
        self._inside = True
        name = HeaderParser().parsestr(head.decode("utf-8", "replace")).get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise _broken()
        return name

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the part that have not been read yet."""
        kept = len(self._mark) - 1
        while self._inside:
            at = self._held.find(self._mark)
            if at < 0:
                piece = bytes(self._held[:-kept])
                del self._held[: len(piece)]
            else:
                piece = bytes(self._held[:at])
                del self._held[: at + len(self._mark)]
                self._inside = False
            if piece:
                yield piece
            if at < 0:
                await self._more()

    async def _head(self) -> bytes:
        while (at := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _LONGEST_HEAD:
                raise _broken()
            await self._more()
        head = bytes(self._held[:at])
        del self._held[: at + 4]
        return head

    async def _first(self, size: int) -> bytes:
        while len(self._held) < size:
            await self._more()
        first = bytes(self._held[:size])
        del self._held[:size]
        return first

    async def _more(self) -> None:
        piece = await anext(self._pieces, None)
        if piece is None:
            raise _broken()
        self._held += piece


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary("")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise _broken()
    return boundary.encode()


def _broken() -> FhirError:
    return refuse("structure", f"The body is not {FORM} as RFC 7578 has it, or ends before its time.", "http.body")
