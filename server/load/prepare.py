"""Lines become versions that are ready to be committed: parsed, checked as every write is, indexed and sealed. No store is needed.

Runs in processes of their own (server/load/workers.py), which is why all of it goes in and out as plain data.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from profiles import json
from profiles.base_validation import validate_resource
from profiles.json import Json, JsonError, Resource
from profiles.outcome import FhirError, Issue
from server.access.consents import check_consents
from server.documents.attached import DocumentRules, check_documents
from server.load.documents import entries
from server.put_kinds import put_kinds
from server.repository import Preparation
from server.rest.exchange import AUDIT_TYPE, is_id
from server.seal.keyring import shipped_dictionaries, tenant_of, use_entry
from server.search.catalogue import using
from server.search.own_parameters import Stored, catalogue_of
from server.store.store import Index, Put

_ERRORS: Final = frozenset({"error", "fatal"})


class Recipe(msgspec.Struct, frozen=True):
    """How one tenant's resources are prepared. `entry` holds its keys (server/seal/tenant_entries.py)."""

    name: str
    entry: dict[str, Any]
    base_url: str
    largest_document: int
    document_types: frozenset[str]
    searched_by: list[tuple[str, int, int, bytes]] = []
    """The tenant's own SearchParameters: id, version, order and JSON."""


class Task(msgspec.Struct, array_like=True):
    """Lines to prepare; `entry` where the keys have changed since the last task."""

    first: int
    lines: list[bytes]
    is_document: bool
    entry: dict[str, Any] | None = None


class Fault(msgspec.Struct, array_like=True, frozen=True):
    """Why a line, or an entry of a document in it (0: all of it), is not loaded."""

    line: int
    entry: int
    text: str


class Fresh(msgspec.Struct, array_like=True):
    """A first version, in the order of `server.store.store.Put` and `Index`, with the name it goes by."""

    reference: str
    patients: tuple[str, ...]
    key: bytes
    updated: int
    body: bytes
    order: int
    terms: tuple[int, ...]
    intervals: tuple[tuple[int, float, float], ...]
    timeline: tuple[int, ...]

    def put(self) -> Put:
        index = Index(self.order, self.terms, self.intervals, self.timeline)
        type_ = self.reference.partition("/")[0]
        return Put(self.key, 1, self.updated, self.body, index, False, *put_kinds(type_))


class Prepared(msgspec.Struct, array_like=True):
    """What came of a task. `large` are resources with content that must be put into the store apart from their records."""

    fresh: list[Fresh]
    large: list[bytes]
    faults: list[Fault]


class Preparer:
    """Prepares the lines of one tenant as first versions: most are, and for others the loader looks at what is there."""

    def __init__(self, recipe: Recipe) -> None:
        self._tenant = tenant_of(recipe.name, recipe.entry, shipped_dictionaries())
        self._preparation = Preparation(self._tenant, recipe.base_url, lambda: datetime.now(UTC))
        stored = [Stored(id_, version, order, json.loads(body)) for id_, version, order, body in recipe.searched_by]
        self._own = catalogue_of(stored, {}, b"")
        self._rules = DocumentRules(recipe.largest_document, recipe.document_types)

    def prepare(self, task: Task) -> Prepared:
        if task.entry is not None:
            use_entry(self._tenant, task.entry)
        done = Prepared([], [], [])
        for number, line in enumerate(task.lines, task.first):
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except JsonError as error:
                done.faults.append(Fault(number, 0, str(error)))
                continue
            if json.repeats_a_name(line, document):
                done.faults.append(Fault(number, 0, "An object has two members of the same name."))
                continue
            for entry, found in _resources(document, task.is_document):
                faults = [found] if isinstance(found, Issue) else self._add(found, done)
                done.faults += [Fault(number, entry, _sentence(issue)) for issue in faults]
        return done

    def _add(self, resource: Resource, done: Prepared) -> list[Issue]:
        """The faults for which it is not taken."""
        issues = [issue for issue in validate_resource(resource) if issue.severity in _ERRORS] or _unsuitable(resource)
        if issues:
            return issues
        with using(self._own):
            prepared = self._preparation.prepare(resource, resource["id"], None)
        content = prepared.apart[0].plain if prepared.version.content is not None else None
        try:
            check_documents(prepared.version.type, prepared.version.body, content, self._rules)
            check_consents([prepared], self._preparation.base_url)
        except FhirError as error:
            return list(error.issues)
        if prepared.apart:
            done.large.append(json.dumps(resource))
            return []
        put, version = prepared.put, prepared.version
        index = put.index
        done.fresh.append(
            Fresh(
                version.reference, version.patients, put.key, put.updated, put.body,
                index.order, index.terms, index.intervals, index.timeline,
            )
        )  # fmt: skip
        return []


def _resources(document: Json, is_document: bool) -> Iterator[tuple[int, Resource | Issue]]:
    if is_document:
        yield from ((entry.number, entry.found) for entry in entries(document))
    else:
        yield 0, document


def _unsuitable(resource: Resource) -> list[Issue]:
    if resource["resourceType"] == AUDIT_TYPE:
        return [Issue("read-only-type", "AuditEvents are written by the server and nobody can change or delete them.")]
    if not is_id(resource.get("id", "")):
        return [
            Issue("id-format", "The resource needs an id: it keeps the one that it has.", f"{resource['resourceType']}.id")
        ]
    return []


def _sentence(issue: Issue) -> str:
    return f"{issue.text} ({issue.expression})" if issue.expression else issue.text
