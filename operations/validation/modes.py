"""What `mode` asks beyond the content: whether the server would let the caller create, update or delete (FHIR R4, `$validate`).

Deleting has no rules of reference here: what points at a deleted resource stays as it is. Whose record a caller may write in is
judged when it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from operations.ports import Context, Letter
from profiles.json import Json, Resource
from profiles.outcome import Issue

_WRITTEN_BY_SERVER: Final = "AuditEvent"
_VERBS: Final[Mapping[Letter, str]] = {"c": "create", "u": "update", "d": "delete"}


def for_create(resource: Json, context: Context) -> Iterator[Issue]:
    """What would keep a create from being accepted, whatever its content is."""
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    if isinstance(type_, str):
        yield from _allowed("c", type_, context)


def for_update(resource: Json, type_: str, id_: str, stored: Resource | None, context: Context) -> Iterator[Issue]:
    """The same for an update of a resource that is there, or was deleted (`stored` None)."""
    yield from _allowed("u", type_, context)
    if isinstance(resource, dict) and resource.get("id") != id_:
        yield Issue("id-mismatch", "The resource's id must be the id in the address.", f"{type_}.id")
    if stored is None:
        yield Issue("gone", "The resource was deleted; an update would bring it back.", type_, "warning")


def for_delete(type_: str, stored: Resource | None, context: Context) -> list[Issue]:
    """What a delete of it would come to."""
    found = list(_allowed("d", type_, context))
    if stored is None:
        found.append(Issue("gone", "The resource is deleted already.", type_, "information"))
    return found or [Issue("valid", "The resource can be deleted.", type_, "information")]


def _allowed(letter: Letter, type_: str, context: Context) -> Iterator[Issue]:
    if type_ == _WRITTEN_BY_SERVER:
        yield Issue("read-only-type", "AuditEvents are written by the server and nobody can change or delete them.", type_)
    elif not context.may(letter, type_):
        yield Issue("forbidden", f"The caller may not {_VERBS[letter]} resources of this type.", type_)
