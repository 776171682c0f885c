"""What `Narrative.div` may hold (FHIR R4 2.4.0): well-formed XHTML in one div, formatting only, nothing that acts.

Elements are an allow list (R4's, and a few old formatting ones that cannot act), because a narrative is shown to people in
browsers. HTML's named entities are let through although XML does not know them: real systems send `&nbsp;`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Final
from xml.parsers import expat

from profiles.json import Json

XHTML: Final = "http://www.w3.org/1999/xhtml"

_ALLOWED: Final = (
    "a abbr acronym address b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font h1 h2 h3 "
    "h4 h5 h6 hr i img ins kbd li ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u "
    "ul var"
)
_ELEMENTS: Final = frozenset(_ALLOWED.split())
_ADDRESSES: Final = frozenset({"href", "src", "cite", "background", "longdesc"})
_ACTIVE_ADDRESS: Final = re.compile(r"\s*(?:javascript|vbscript|data(?!:image/(?:png|gif|jpeg|webp)))\s*:", re.IGNORECASE)
_ACTIVE_STYLE: Final = re.compile(
    r"expression\s*\(|javascript:|@import|url\s*\(\s*['\"]?\s*(?!#|data:image/)", re.IGNORECASE
)
_NAMED_ENTITY: Final = re.compile(r"&(?!(?:lt|gt|amp|quot|apos);)[A-Za-z][A-Za-z0-9]{1,31};")
_HAS_TEXT: Final = re.compile(r">\s*[^<\s]|<img\b")


class _NotAllowedError(Exception):
    pass


_START_TAGS: Final = re.compile(r"<[^/][^>]*>").findall
_ROOT: Final = f'<div xmlns="{XHTML}"'
_SHORT: Final = 200
_MANY: Final = 200
_MOST: Final = 4096


def is_xhtml(value: Json) -> bool:
    """Whether a value is XHTML that a narrative may hold: one div of the XHTML namespace, not empty, nothing active."""
    if type(value) is not str:
        return False
    try:
        digest = blake2b(value.encode(), digest_size=16).digest()
    except UnicodeEncodeError:
        return False
    if digest in _RIGHT:
        return True
    right = _is_right(value)
    if right:
        _RIGHT.note(digest)
    return right


def _is_right(value: str) -> bool:
    if "<!DOCTYPE" in value or "<?" in value or _HAS_TEXT.search(value) is None:
        return False
    text = _NAMED_ENTITY.sub(" ", value) if "&" in value else value
    if "<!" in text:
        return _parsed(text, _Content().start)
    # Without comments and CDATA, what lies between `<` and `>` is a tag, so that each different one is looked at once.
    if not _parsed(text, None):
        return False
    first, *others = _START_TAGS(text)
    different = set(others)
    if first.startswith(_ROOT) and len(different) <= _MANY and _TAGS[first] and all(map(_TAGS.__getitem__, different)):
        return True
    return _parsed(text, _Content().start)


def _parsed(text: str, start: Callable[[str, dict[str, str]], None] | None) -> bool:
    """Whether a text is well-formed, and its elements are such that `start` raises for none."""
    parser = expat.ParserCreate("UTF-8")
    if start is not None:
        parser.StartElementHandler = start
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, _NotAllowedError, UnicodeEncodeError):
        return False
    return True


class _Tags(dict[str, bool]):
    """Which start tags may stand inside a narrative's div. Narratives are made by programs, so the same ones come again."""

    def __missing__(self, tag: str) -> bool:
        alone = tag if tag.endswith("/>") else f"{tag[:-1]}/>"
        found = _parsed(alone, _Content(inside=True).start)
        if len(tag) <= _SHORT and len(self) < _MOST:
            self[tag] = found
        return found


class _Content:
    """Watches the elements of one narrative go by; raises `_NotAllowedError` at the first that may not be there."""

    __slots__ = ("inside",)

    def __init__(self, *, inside: bool = False) -> None:
        self.inside = inside

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.inside:
            self.inside = True
            if name != "div" or attributes.get("xmlns") != XHTML:
                raise _NotAllowedError
        elif name not in _ELEMENTS:
            raise _NotAllowedError
        for key, value in attributes.items():
            _check_attribute(key, value)


def _check_attribute(key: str, value: str) -> None:
    lower = key.lower()
    if lower.startswith("on") or (lower == "xmlns" and value != XHTML):
        raise _NotAllowedError
    if lower in _ADDRESSES and _ACTIVE_ADDRESS.match(value):
        raise _NotAllowedError
    if lower == "style" and _ACTIVE_STYLE.search(value):
        raise _NotAllowedError


class _Right(dict[bytes, None]):
    """Digests of narratives that are right: the same come again, in updates and when a request is looked at several times."""

    def note(self, digest: bytes) -> None:
        if len(self) >= _MOST:
            self.clear()
        self[digest] = None


_TAGS: Final = _Tags()
_RIGHT: Final = _Right()
