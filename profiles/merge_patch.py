"""JSON Merge Patch (RFC 7396): what the patch names is replaced, what it sets to null is removed, lists are replaced whole."""

from __future__ import annotations

from typing import Final

from profiles.json import Json
from profiles.outcome import refuse

MEDIA_TYPE: Final = "application/merge-patch+json"
MAX_DEPTH: Final = 64


def apply_patch(patch: Json, document: Json, depth: int = 0) -> Json:
    """The document after the patch; neither of them is changed. Raises FhirError (422) for a patch that is nested too deeply."""
    if depth > MAX_DEPTH:
        raise refuse("patch-too-costly", f"A patch may be nested {MAX_DEPTH} levels deep.", "http.body")
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = apply_patch(value, merged.get(name), depth + 1)
    return merged
