"""What is wrong with one record: its versions, what they hold, and what it is found by. Content is never named, only places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from profiles import json
from profiles.json import Resource
from server.documents.kept import DamagedContentError, read_all, read_kept
from server.erased import first_version
from server.internal import DamagedInternalError, OwnRecords
from server.reach import patients_of
from server.repository import Repository, instant
from server.seal.chunks import BlobName
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.sealed_head import read_head
from server.search.catalogue import using
from server.search.index_entries import index_resource
from server.search.own_parameters import OwnParameters
from server.search.timeline_terms import timeline_terms
from server.store.store import Index, Record, Store
from server.store.upkeep import Listing, Row
from server.upkeep.record_types import RecordOpener
from server.upkeep.versions import versions_of


@dataclass(frozen=True, slots=True)
class Checked:
    """`problems` are sentences without their place. `index` is what the record should be found by: None when nobody can tell."""

    name: str
    problems: tuple[str, ...]
    index: Index | None
    is_indexed_right: bool
    listings: list[Listing]
    """What its versions should be listed under in the history."""


@dataclass(frozen=True, slots=True)
class _Content:
    type: str
    id: str
    patients: tuple[str, ...]
    resource: Resource | None
    """None for a deletion."""
    kept: BlobName | None = None
    """Where the content of a Binary lies that is not in the resource."""
    problem: str = ""
    """Why there is no resource although its head opens."""


class RecordCheck:
    """For the records of one tenant. `bases` are its FHIR bases, which tell local references from foreign ones.

    A record was indexed under the base that it was written at: it is right when it is right for one of them.
    """

    def __init__(self, store: Store, tenant: Tenant, bases: tuple[str, ...], own: OwnParameters | None = None) -> None:
        self._repository = Repository(store, tenant, bases[0], lambda: datetime.now(UTC))
        self._own = own or OwnParameters()
        self._store = store
        self._tenant = tenant
        self._bases = bases
        self._opener = RecordOpener(tenant)
        self.named_blobs: set[bytes] = set()
        """Those that the versions looked at say are theirs."""

    async def check(self, row: Row) -> Checked:
        """Everything about a record. Raises StoreUnavailableError."""
        versions = await versions_of(self._store, row.record)
        contents = [await self._content(record, row.index) for record in versions]
        known = next((content for content in contents if isinstance(content, _Content)), None)
        name = f"{known.type}/{known.id}" if known is not None else f"row {row.record.rid}"
        problems = [
            *_numbering(versions, await self._first(known, versions)),
            *self._contents(versions, contents),
            *await self._kept(versions, contents),
        ]
        with using(await self._own.of(self._repository)):
            index = self._index(contents[0], row.index)
        return Checked(
            f"{self._tenant.name} {name}",
            tuple(problems),
            index,
            index is None or index is row.index,
            self._listings(versions, contents),
        )

    async def _first(self, known: _Content | None, versions: list[Record]) -> int:
        """The oldest version that there must be: what was erased is not missing."""
        if known is None or versions[-1].version == 1:
            return 1
        own = OwnRecords(self._store, self._tenant, lambda: 0)
        try:
            return await first_version(own, f"{known.type}/{known.id}")
        except DamagedInternalError:  # told of where the server's own records are checked
            return 1

    async def index(self, row: Row, types: frozenset[str] | None = None) -> Index | None:
        """What the current version should be found by; None when it does not open. Raises StoreUnavailableError.

        With `types`, others are taken to be right.
        """
        content = await self._content(row.record, row.index)
        if types is not None and isinstance(content, _Content) and content.type not in types:
            return row.index
        with using(await self._own.of(self._repository)):
            return self._index(content, row.index)

    async def listings(self, row: Row) -> list[Listing]:
        """What all its versions that open should be listed under in the history. Raises StoreUnavailableError."""
        versions = await versions_of(self._store, row.record)
        return self._listings(versions, [await self._content(record, row.index) for record in versions])

    def _listings(self, versions: list[Record], contents: list[_Content | str]) -> list[Listing]:
        """Newest first, as they are given."""
        ends: list[int | None] = [None, *(record.updated for record in versions)]
        return [
            Listing(
                versions[0].rid,
                record.version,
                record.updated,
                end,
                timeline_terms(self._tenant.index, content.type, content.patients),
            )
            for record, content, end in zip(versions, contents, ends, strict=False)
            if not isinstance(content, str)
        ]

    async def _kept(self, versions: list[Record], contents: list[_Content | str]) -> list[str]:
        """What is wrong with the content of Binaries that lies apart: all of it is opened, a chunk at a time."""
        problems: list[str] = []
        for record, content in zip(versions, contents, strict=True):
            name = None if isinstance(content, str) else content.kept
            if name is not None:
                try:
                    async for _ in read_kept(self._store.blobs, self._tenant.number, name):
                        pass
                except DamagedContentError as error:
                    problems.append(f"version {record.version}: {str(error).rstrip('.')}")
        return problems

    def _contents(self, versions: list[Record], contents: list[_Content | str]) -> Iterator[str]:
        for record, content in zip(versions, contents, strict=True):
            problem = content if isinstance(content, str) else content.problem or self._mismatch(record, content)
            if problem:
                yield f"version {record.version} {problem}"

    async def _content(self, record: Record, index: Index) -> _Content | str:
        """What the version holds, or what is wrong with it."""
        try:
            type_, plain = self._opener.open(record, index)
        except SealBrokenError:
            return "does not open: changed, moved from another place, truncated, or sealed under a key that is not here"
        line, _, body = plain.partition(b"\n")
        try:
            head = read_head(line)
        except ValueError:
            return "does not begin as a version does"
        self.named_blobs.update(name.id for name in (head.content, head.body) if name is not None)
        if record.deleted:
            return _Content(type_, head.id, head.patients, None) if not body else "is a deletion and has content"
        try:
            if head.body is not None:
                body = await read_all(self._store.blobs, self._tenant.number, head.body)
            resource = json.loads(body)
        except DamagedContentError as error:
            return _Content(type_, head.id, head.patients, None, problem=f"does not open: {str(error).rstrip('.')}")
        except ValueError:
            return "is no JSON"
        if not isinstance(resource, dict) or resource.get("resourceType") != type_:
            return "is of another type than its place"
        return _Content(type_, head.id, head.patients, resource, head.content)

    def _mismatch(self, record: Record, content: _Content) -> str | None:
        if self._tenant.index.record_key(content.type, content.id) != record.key:
            return "is kept under another id"
        resource = content.resource
        if resource is None:
            return None
        meta = resource.get("meta")
        stamp = (meta.get("versionId"), meta.get("lastUpdated")) if isinstance(meta, dict) else None
        if resource.get("id") != content.id or stamp != (str(record.version), instant(record.updated)):
            return "tells another id, version or time than its place"
        if patients_of(resource) != content.patients:
            return "is in other patients' records than it says"
        return None

    def _index(self, content: _Content | str, kept: Index) -> Index | None:
        """`kept` itself where it is right."""
        if isinstance(content, str) or content.problem:
            return None
        if content.resource is None:
            wanted = [Index()]
        else:
            wanted = [
                index_resource(content.resource, content.patients, self._tenant.index, kept.order, base)
                for base in self._bases
            ]
        return kept if any(_same(index, kept) for index in wanted) else wanted[0]


def _numbering(versions: list[Record], first: int) -> Iterator[str]:
    """Versions, newest first, are numbered without gaps down to the first one, and each is older than the next."""
    wanted = list(range(versions[0].version, first - 1, -1))
    found = {record.version for record in versions}
    for number in wanted:
        if number not in found:
            yield f"version {number} is missing"
    for newer, older in pairwise(versions):
        if older.updated >= newer.updated:
            yield f"version {older.version} is not older than version {newer.version}"


def _same(one: Index, other: Index) -> bool:
    """Whether both make a record findable by the same."""
    return one.order == other.order and set(one.terms) == set(other.terms) and set(one.intervals) == set(other.intervals)
