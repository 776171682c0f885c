"""What content is, told by its first bytes: a small table of our own of the kinds that a clinic gets, or that somebody might disguise.

The signatures are those that the formats' own specifications require (ISO 32000 for PDF, PNG, JFIF/Exif, TIFF 6.0, DICOM PS3.10,
RTF, PKZIP, OLE compound files, PE/COFF, ELF, Mach-O, ...).
"""

from __future__ import annotations

import re
from typing import Final

LOOKED_AT: Final = 1024
"""Bytes from the start that tell the kind."""

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"II+\0", "tiff"),
    (0, b"MM\0+", "tiff"),
    (128, b"DICM", "dicom"),
    (0, b"{\\rtf", "rtf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"MZ", "program"),
    (0, b"\x7fELF", "program"),
    (0, b"\xfe\xed\xfa\xce", "program"),
    (0, b"\xfe\xed\xfa\xcf", "program"),
    (0, b"\xce\xfa\xed\xfe", "program"),
    (0, b"\xcf\xfa\xed\xfe", "program"),
    (0, b"\xca\xfe\xba\xbe", "program"),
    (0, b"\0asm", "program"),
    (0, b"dex\n", "program"),
    (0, b"\x1f\x8b", "archive"),
    (0, b"BZh", "archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "archive"),
    (0, b"Rar!\x1a\x07", "archive"),
    (0, b"\xfd7zXZ\0", "archive"),
    (0, b"\x28\xb5\x2f\xfd", "archive"),
    (257, b"ustar", "archive"),
    (0, b"BM", "bmp"),
    (8, b"WEBP", "webp"),
    (4, b"ftyp", "mp4"),
    (0, b"OggS", "ogg"),
    (8, b"WAVE", "wav"),
    (0, b"ID3", "mp3"),
    (0, b"%!PS", "postscript"),
    (0, b"SQLite format 3\0", "database"),
)
"""(where, what stands there, the kind)."""

_SHORT: Final = 4
"""A signature of fewer bytes may also begin a text: it counts only where what follows is no text."""

_COMMENTS: Final = re.compile(rb"(?:<!--.{0,1000}?-->\s*)+", re.DOTALL)
_MARKUP: Final = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|svg|object|embed|meta|title|style|img|div|p|a)\b", re.IGNORECASE
)
_OFFICE: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/", b"customXml/", b"mimetype")
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b\x1c\x1d"))
"""What no text has. Vertical tab, file and group separator frame HL7 v2 messages."""

WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""

_MARKS: Final = (b"\xef\xbb\xbf", *WIDE)


KINDS: Final = frozenset({*(kind for _, _, kind in _MAGIC), "office", "html", "xml", "json", "hl7", "text", "unknown"})


def kind_of(head: bytes) -> str:
    """The kind of content that begins like this: one of `KINDS`."""
    written = is_text(head) or head.startswith(WIDE)
    for where, magic, kind in _MAGIC:
        if head.startswith(magic, where) and not (written and len(magic) < _SHORT):
            return "office" if kind == "zip" and _is_office(head) else kind
    start = text_start(head)
    if start.startswith(b"%PDF-"):  # some scanners put white space before it
        return "pdf"
    return _written(start) if written else "unknown"


def _is_office(head: bytes) -> bool:
    """Whether the first file of an archive is one that Office Open XML or OpenDocument begins with."""
    return head[30 : 30 + 20].startswith(_OFFICE)


def _written(start: bytes) -> str:
    if start.startswith(b"#!"):
        return "program"
    if start.startswith(b"<"):
        return "html" if _MARKUP.match(_COMMENTS.sub(b"", start, count=1)) else "xml"
    if start.startswith((b"{", b"[")):
        return "json"
    return "hl7" if start.lstrip(b"\v").startswith((b"MSH|", b"FHS|", b"BHS|")) else "text"


def text_start(head: bytes) -> bytes:
    """Without a byte order mark, white space, and the zero bytes of UTF-16."""
    for mark in _MARKS:
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"").lstrip(b" \t\r\n")


def is_text(piece: bytes) -> bool:
    """Whether bytes could be text in UTF-8 or an eight-bit character set: they hold no control characters."""
    return len(piece.translate(None, _CONTROLS)) == len(piece)
