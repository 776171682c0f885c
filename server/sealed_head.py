"""The first line of a sealed version: its id, the patients whose record it is part of, and where content lies that is kept apart.

Two things are kept apart (server/documents): the content of a Binary, marked `~`, and a body too large for a record, marked `+`.
Neither mark can begin a patient's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.seal.chunks import BlobName

_CONTENT: Final = "~"
_BODY: Final = "+"


@dataclass(frozen=True, slots=True)
class Head:
    id: str
    patients: tuple[str, ...] = ()
    content: BlobName | None = None
    """The content of a Binary that is not in the body."""
    body: BlobName | None = None
    """The body itself, where it is not behind the head."""

    def encode(self) -> bytes:
        parts = [self.id, *self.patients]
        parts += [_CONTENT + self.content.text()] if self.content is not None else []
        parts += [_BODY + self.body.text()] if self.body is not None else []
        return " ".join(parts).encode()


def read_head(line: bytes) -> Head:
    """Raises ValueError for what is no head."""
    id_, *parts = line.decode().split(" ")
    marks = {_CONTENT, _BODY}
    if not parts or parts[-1][:1] not in marks:
        return Head(id_, tuple(parts))
    names = {part[0]: BlobName.from_text(part[1:]) for part in parts if part[:1] in marks}
    return Head(id_, tuple(part for part in parts if part[:1] not in marks), names.get(_CONTENT), names.get(_BODY))
