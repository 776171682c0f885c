"""The text of a stored Binary whose content is kept apart: as much of it as is ever read, and nothing of what is no text."""

from __future__ import annotations

import base64
from typing import Final

from operations.evidence.coded.attachments import MAX_TEXT, is_read
from operations.ports import Context
from profiles.json import Resource
from profiles.reading import child, text

MOST_BYTES: Final = MAX_TEXT * 4 + 3
"""Of the widest characters, and so much more that it is noticed that there is more."""


async def with_text(binary: Resource, context: Context) -> Resource:
    """A Binary as `Records.read` gives it, with `data` where its content is a text that is kept apart."""
    logical_id, version = text(binary.get("id")), text(child(binary, "meta").get("versionId"))
    if "data" in binary or logical_id is None or version is None or not is_read(binary.get("contentType")):
        return binary
    content = await context.records.content(logical_id, int(version), MOST_BYTES)
    return binary if content is None else {**binary, "data": base64.b64encode(content).decode()}
