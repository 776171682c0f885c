"""Attachments: that a stated size is the data's own (FHIR R4 datatypes.html#Attachment)."""

from __future__ import annotations

from profiles.conformance.bound_codes import pointer
from profiles.conformance.context import Context, Item
from profiles.json import Resource


def byte_size(attachment: Resource) -> int | None:
    """The size of an attachment: that of its data where it carries some, else the stated one."""
    data, stated = attachment.get("data"), attachment.get("size")
    if isinstance(data, str):
        packed = "".join(data.split())
        return len(packed) // 4 * 3 - packed[-2:].count("=")
    return stated if isinstance(stated, int) else None


def check_attachment(item: Item, context: Context) -> None:
    """The stated size must be the size of the data that is carried along."""
    stated = item.value.get("size")
    if isinstance(stated, int) and isinstance(item.value.get("data"), str) and byte_size(item.value) != stated:
        where = (item.path, "size", -1)
        fix = ({"op": "replace", "path": pointer(where), "value": byte_size(item.value)},)
        context.add("value-fixed", "The stated size is not that of the data.", where, fix=fix)
