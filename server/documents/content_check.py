"""Which content types are taken, and whether content is what its type says (R4 binary.html, datatypes.html#Attachment).

A type with a form of its own must begin as that form does. Text must be text to its end. Of a type without a rule here, which an
operator may allow, nobody can tell; programs and web pages are refused all the same. A program is refused under every type.
"""

from __future__ import annotations

import codecs
from typing import Final

from profiles.outcome import FhirError, refuse
from server.documents.magic import KINDS, LOOKED_AT, WIDE, is_text, kind_of
from server.documents.type_names import ContentType

_KINDS: Final[dict[str, frozenset[str]]] = {
    "application/pdf": frozenset({"pdf"}),
    "image/png": frozenset({"png"}),
    "image/jpeg": frozenset({"jpeg"}),
    "image/jpg": frozenset({"jpeg"}),
    "image/tiff": frozenset({"tiff"}),
    "image/gif": frozenset({"gif"}),
    "image/bmp": frozenset({"bmp"}),
    "image/webp": frozenset({"webp"}),
    "application/dicom": frozenset({"dicom"}),
    "text/rtf": frozenset({"rtf"}),
    "application/rtf": frozenset({"rtf"}),
    "text/xml": frozenset({"xml"}),
    "application/xml": frozenset({"xml"}),
    "text/html": frozenset({"html", "xml", "text"}),
    "application/xhtml+xml": frozenset({"html", "xml"}),
    "application/json": frozenset({"json"}),
    "application/hl7-v2": frozenset({"hl7"}),
    "x-application/hl7-v2+er7": frozenset({"hl7"}),
    "application/msword": frozenset({"ole"}),
    "application/vnd.ms-excel": frozenset({"ole"}),
    "application/vnd.ms-powerpoint": frozenset({"ole"}),
    "application/zip": frozenset({"zip", "office"}),
    "application/gzip": frozenset({"archive"}),
    "application/octet-stream": KINDS - {"program"},
}
_WRITTEN: Final = frozenset({"text", "html", "xml", "json", "hl7"})
_BY_BEGINNING: Final = (
    ("application/vnd.openxmlformats-officedocument.", frozenset({"office"})),
    ("application/vnd.oasis.opendocument.", frozenset({"office"})),
    ("text/", _WRITTEN),
    ("audio/", frozenset({"unknown", "mp4", "ogg", "wav", "mp3"})),
    ("video/", frozenset({"unknown", "mp4", "ogg"})),
)
_BY_END: Final = (("+xml", frozenset({"xml"})), ("+json", frozenset({"json"})))
_OPAQUE: Final = KINDS - {"program", "html"}


def check_type(declared: ContentType, taken: frozenset[str], place: str) -> None:
    """Raises FhirError (415) for a type that this server does not take."""
    if not declared.name:
        raise refuse("document-type", "The content type is missing, or is none.", place)
    if declared.name not in taken:
        raise refuse(
            "document-type", "Content of this type is not kept here; docs/documents.md has the list of types.", place
        )


def allowed_kinds(name: str) -> frozenset[str]:
    """What content of a type may be, by its first bytes."""
    if name in _KINDS:
        return _KINDS[name]
    for ending, kinds in _BY_END:
        if name.endswith(ending):
            return kinds
    return next((kinds for beginning, kinds in _BY_BEGINNING if name.startswith(beginning)), _OPAQUE)


def is_written(name: str) -> bool:
    """Whether content of a type is text to its end."""
    return allowed_kinds(name) <= _WRITTEN


class ContentCheck:
    """Is told the pieces of some content in turn. Raises FhirError (415, document-disguised) as soon as it is not what it says."""

    def __init__(self, declared: ContentType, place: str) -> None:
        self._declared = declared
        self._written = is_written(declared.name)
        self._place = place
        self._head = bytearray()
        self._known = False
        self._text: codecs.IncrementalDecoder | None = None

    def add(self, piece: bytes) -> None:
        if not self._known:
            self._head += piece
            if len(self._head) < LOOKED_AT:
                return
            piece = self._begin()
        self._go_on(piece)

    def finish(self) -> None:
        if not self._known:
            self._go_on(self._begin())
        self._go_on(b"", last=True)

    def _begin(self) -> bytes:
        self._known = True
        head = bytes(self._head)
        self._head.clear()
        if kind_of(head[:LOOKED_AT]) not in allowed_kinds(self._declared.name):
            raise self._disguised()
        if self._written and head.startswith(WIDE):
            self._text = codecs.getincrementaldecoder("utf-16")()
        return head

    def _go_on(self, piece: bytes, *, last: bool = False) -> None:
        if not self._written:
            return
        if self._text is not None:
            try:
                piece = self._text.decode(piece, last).encode(errors="surrogatepass")
            except UnicodeDecodeError as error:
                raise self._disguised() from error
        if not is_text(piece):
            raise self._disguised()

    def _disguised(self) -> FhirError:
        return refuse("document-disguised", "The content is not of the type that it is said to be of.", self._place)
