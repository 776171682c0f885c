"""Canonical URLs with versions, wildcards in versions, and the order of versions.

FHIR R4 `references.html#canonical`; wildcards (`1.x.x`, `1.0.*`, `?` for one place) as FHIR R5 `$expand` defines them for
`system-version` and its siblings.
"""

from __future__ import annotations

import re
from typing import Final

_PARTS: Final = re.compile(r"\d+|[A-Za-z]+")
_WILD: Final = frozenset({"x", "X", "*"})


def split_canonical(canonical: str) -> tuple[str, str | None]:
    """URL and version of `url|version`; a fragment stays with the URL."""
    url, _, version = canonical.partition("|")
    return url, version or None


def canonical_of(url: str, version: str | None) -> str:
    """`url|version`, or the URL alone."""
    return f"{url}|{version}" if version else url


def is_pattern(version: str) -> bool:
    """Whether a version has a wildcard."""
    return any(part in _WILD for part in version.split(".")) or version.endswith("?")


def fits(version: str | None, pattern: str) -> bool:
    """Whether a version is the one that a pattern names, or one of them. A pattern without a wildcard fits only itself."""
    if version is None:
        return False
    if version == pattern:
        return True
    if not is_pattern(pattern):
        return False
    have, want = version.split("."), pattern.split(".")
    if want[-1].endswith("?"):
        return version.startswith(pattern[:-1])
    if want[-1] == "*" and len(have) >= len(want):
        have = have[: len(want)]
    return len(have) == len(want) and all(w in _WILD or h == w for h, w in zip(have, want, strict=True))


def version_key(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """A key by which versions sort: numbers as numbers, no version before any."""
    if version is None:
        return ()
    parts = _PARTS.findall(version)
    return tuple((1, int(part[:18]), "") if part.isdigit() else (0, 0, part.lower()) for part in parts)
