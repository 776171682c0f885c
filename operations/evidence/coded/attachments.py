"""The text inside an attachment or a Binary: decoded, stripped of HTML, capped; or the reason why it was not read.

Reads `text/plain`, `text/html` and other text types in UTF-8 (or the charset that the content type names). PDF, images, RTF and
the rest are not read, which is said and is never taken as evidence of anything.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from dataclasses import dataclass
from typing import Any, Final

from operations.evidence.coded.elements import text

MAX_TEXT: Final = 256 * 1024
"""Characters of one note that are read; the rest is reported as unread."""

_MAX_BASE64: Final = MAX_TEXT * 4 * 4 // 3
_CHARSETS: Final = frozenset(
    {"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "ascii", "us-ascii", "iso-8859-1", "latin-1", "latin1", "iso-8859-15",
     "windows-1252", "cp1252"}
)  # fmt: skip
_BREAKS: Final = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/td)\b[^<>]{0,200}>", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"<(script|style)\b[^<>]{0,200}>[^<]{0,100000}</\1>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text that was read (perhaps only its beginning), and what was not read, as a sentence."""

    text: str = ""
    unread: str | None = None


def decode(holder: dict[str, Any]) -> Decoded:
    """The text of an Attachment or Binary with `data` and `contentType`."""
    data = holder.get("data")
    kind, charset = _content_type(holder.get("contentType"))
    if kind and not _is_text(kind):
        return Decoded(unread=f"Content of type {_safe(kind)} is not read.")
    if not isinstance(data, str) or not data:
        return Decoded(unread="The attachment holds no data.")
    if not kind:
        return Decoded(unread="The attachment names no content type.")
    try:
        raw = base64.b64decode(_unspaced(data[:_MAX_BASE64])[: _MAX_BASE64 // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return Decoded(unread="The attachment's data is not base64.")
    words = _characters(raw, charset)
    if words is None:
        return Decoded(unread="The attachment's bytes are not text in the charset that it names.")
    if "html" in kind:
        words = strip_html(words)
    return capped(words, more=len(data) > _MAX_BASE64)


def is_read(content_type: Any) -> bool:
    """Whether content of this type is a text that is read."""
    return _is_text(_content_type(content_type)[0])


def _is_text(kind: str) -> bool:
    return (kind.startswith("text/") or kind == "application/xhtml+xml") and kind not in ("text/rtf", "text/csv")


def _unspaced(data: str) -> str:
    for space in " \t\r\n":
        data = data.replace(space, "")
    return data


def capped(words: str, *, more: bool = False) -> Decoded:
    """At most `MAX_TEXT` characters of `words`."""
    if len(words) <= MAX_TEXT and not more:
        return Decoded(words)
    return Decoded(words[:MAX_TEXT], f"Only the first {MAX_TEXT} characters were read.")


def strip_html(markup: str) -> str:
    """The text of HTML, a line for each block element. Offsets of facts count in this text."""
    markup = markup[: MAX_TEXT * 4]
    return html.unescape(_TAG.sub(" ", _BREAKS.sub("\n", _HIDDEN.sub(" ", markup))))


def _content_type(value: Any) -> tuple[str, str]:
    kind, _, parameters = text(value).lower().partition(";")
    charset = re.search(r"charset\s?=\s?\"?([a-z0-9_.:-]{1,40})", parameters[:200])
    return kind.strip(), charset[1] if charset else "utf-8"


def _characters(raw: bytes, charset: str) -> str | None:
    """`raw` in a charset that notes come in; bytes that claim to be UTF-8 and are not are read as Windows-1252."""
    if charset not in _CHARSETS:
        return None
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace") if charset in ("utf-8", "utf8") else None


def _safe(kind: str) -> str:
    return kind if re.fullmatch(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,80}", kind) else "unknown"
