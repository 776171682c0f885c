"""Whether what is to be loaded is stored already: then it gets no new version."""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from server.documents.apart import inline_content
from server.repository import Repository, Version

_STAMP: Final = frozenset({"versionId", "lastUpdated"})


async def is_same(repository: Repository, current: Version, resource: Resource) -> bool:
    """Of the current version; a deletion is never the same. Raises DamagedRecordError, StoreUnavailableError."""
    if current.deleted:
        return False
    stored = current.resource()
    if current.content is not None:
        data = inline_content(resource)
        if data is None or data != await repository.content(current):
            return False
        resource = {name: value for name, value in resource.items() if name != "data"}
    return _without_stamp(stored) == _without_stamp(resource)


def _without_stamp(resource: Resource) -> Resource:
    """Without what every store writes anew: version and time."""
    meta = resource.get("meta")
    kept = {name: value for name, value in meta.items() if name not in _STAMP} if isinstance(meta, dict) else {}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest
