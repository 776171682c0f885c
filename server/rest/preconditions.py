"""Whether the caller holds already what they ask for: If-None-Match and If-Modified-Since (RFC 9110 13.1.2, 13.1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from server.repository import MICROSECOND, Version

_WEAK: Final = "W/"


def not_modified(headers: Mapping[str, str], version: Version) -> bool:
    """If-None-Match goes before If-Modified-Since, and a date that is none counts for nothing (RFC 9110 13.2.2)."""
    if "if-none-match" in headers:
        return not_modified_tag(headers, version.etag)
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return version.updated // MICROSECOND <= int(moment.timestamp())


def not_modified_tag(headers: Mapping[str, str], tag: str) -> bool:
    """Whether If-None-Match names the tag, weak or strong, or is `*`."""
    held = headers.get("if-none-match")
    if held is None:
        return False
    bare = tag.removeprefix(_WEAK)
    return any(part.strip() == "*" or part.strip().removeprefix(_WEAK) == bare for part in held.split(","))
