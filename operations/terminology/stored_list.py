"""An operator's list of codes (terminology/content/loader.py) becomes a stored CodeSystem: once, and a new version where it changed."""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

from operations.ports import Changes, Context, Write
from profiles import json
from profiles.json import Resource
from terminology.versions import canonical_of

Stored = Literal["new", "changed", "same"]
_NO_ID: Final = re.compile(r"[^A-Za-z0-9.-]+")


async def store_list(system: Resource, context: Context) -> tuple[str, Stored]:
    """The id under which it is stored, and what had to be done. Raises VersionConflictError when somebody changes it meanwhile."""
    id_ = _id_of(system)
    present = await context.records.read("CodeSystem", id_)
    resource = {"resourceType": "CodeSystem", "id": id_, **system}
    if present is not None and _content(present) == _content(resource):
        return id_, "same"
    expected = int(present["meta"]["versionId"]) if present is not None else None
    await context.commit(Changes(writes=[Write(resource, expected, after_deletion=True)]))
    return id_, "new" if present is None else "changed"


def _id_of(system: Resource) -> str:
    """Made from URL and version, so that each edition has its own, and readable."""
    canonical = canonical_of(system["url"], system["version"])
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    words = _NO_ID.sub("-", f"{system['name']}-{system['version']}")[:50].strip("-")
    return f"{words}-{digest}"


def _content(system: Resource) -> bytes:
    return json.dumps({name: value for name, value in sorted(system.items()) if name != "meta"})
