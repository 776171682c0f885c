"""Resources of one tenant in plain form, on top of the sealed store: seal, open, index, version.

A sealed body is one line (the id, then the patients whose compartment the resource is in), then the resource's JSON as it
is sent. So a read is named, audited and filtered by compartment without parsing what it only passes on. The content of a Binary
and bodies that are too large for a record are kept apart, in sealed chunks; the line says where (server/sealed_head.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.references import parse_reference
from server.access.access import Access
from server.access.listing import visible_page
from server.bindings import job_binding, key_binding, record_binding
from server.documents.apart import LARGEST_BODY, Apart, body_apart, content_apart, inline_content
from server.documents.kept import DamagedContentError, new_blob_of, read_all
from server.internal import renewed as renewed_internals
from server.put_kinds import put_kinds
from server.reach import patients_of
from server.seal.chunks import BlobName
from server.seal.cipher import SealBrokenError, key_number
from server.seal.keyring import Tenant
from server.sealed_head import Head, read_head
from server.search.index_entries import index_resource
from server.search.timeline_terms import timeline_terms
from server.store.blobs import NewBlob
from server.store.internal import Keep
from server.store.jobs import NewJob
from server.store.store import Commit, Index, KeyClaim, Put, Record, Store, StoreUnavailableError
from server.store.timeline import Listed as Entry
from server.store.timeline import Moment, Timeline
from server.subscriptions.owner import owned

MICROSECOND: Final = 1_000_000
SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


class DamagedRecordError(Exception):
    """A stored record does not open or is not JSON; the message names it and holds no content."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource. `body` is its JSON exactly as it is sent; empty when the version is a deletion.

    `content` is where the content of a Binary lies that is not in the body.
    """

    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    body: bytes
    patients: tuple[str, ...]
    record: Record
    content: BlobName | None = None
    body_apart: BlobName | None = None

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def etag(self) -> str:
        return f'W/"{self.version}"'

    @property
    def listed(self) -> bytes:
        """The body as it is shown among others: content that lies elsewhere is left out, and that is said."""
        if self.content is None:
            return self.body
        resource = self.resource()
        meta = resource["meta"]
        return json.dumps({**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}})

    def resource(self) -> Resource:
        """Without content that lies elsewhere (`Repository.content`)."""
        resource: Resource = json.loads(self.body)
        return resource


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that is ready to be committed, together with `blobs`.

    What is `apart` must be put into the store before (server/documents/apart.py).
    """

    put: Put
    version: Version
    apart: tuple[Apart, ...] = ()

    @property
    def blobs(self) -> list[NewBlob]:
        """What the commit makes current."""
        return [new_blob_of(part.name) for part in self.apart]


Listed = tuple[Version, bool]
"""A version of a history, and whether the one before it was a deletion."""


class Preparation:
    """Prepares versions for one tenant; needs no store. `base_url` tells local references from foreign ones."""

    subscriber: str = ""
    """Whose a new Subscription is (server/subscriptions/owner.py)."""

    def __init__(self, tenant: Tenant, base_url: str, clock: Callable[[], datetime]) -> None:
        self.tenant = tenant
        self.base_url = base_url
        self._clock = clock

    def now(self) -> int:
        return microseconds(self._clock())

    def prepare(self, resource: Resource, id_: str, previous: Version | None, content: BlobName | None = None) -> Prepared:
        """The next version of a resource, with `id`, `meta.versionId` and `meta.lastUpdated` set.

        `content` is that of a Binary which was put into the store already; without it, data that is large is set apart here.
        """
        type_: str = resource["resourceType"]
        updated = self._next_instant(previous)
        number = 1 if previous is None else previous.version + 1
        apart = Apart(content) if content is not None else None
        if type_ == "Binary" and apart is None:
            resource, apart = content_apart(resource)
        elif type_ == "Subscription":
            before = previous.resource() if previous is not None and not previous.deleted else None
            resource = owned(resource, before, self.subscriber)
        stamped = stamp(resource, id_, number, updated)
        patients = patients_of(stamped)
        created = updated if previous is None or previous.deleted else previous.record.order
        index = index_resource(stamped, patients, self.tenant.index, created, self.base_url)
        return self._prepared(type_, id_, number, updated, False, json.dumps(stamped), patients, index, apart)

    def prepare_deletion(self, previous: Version) -> Prepared:
        """The version that marks a resource as deleted: no content, found by its address and in the history only."""
        listed = timeline_terms(self.tenant.index, previous.type, previous.patients)
        return self._prepared(
            previous.type,
            previous.id,
            previous.version + 1,
            self._next_instant(previous),
            True,
            b"",
            previous.patients,
            Index(timeline=listed),
        )

    def _next_instant(self, previous: Version | None) -> int:
        """Now, but always after the version before, also when the clock was set back."""
        now = self.now()
        return now if previous is None else max(now, previous.updated + 1)

    def _prepared(
        self,
        type_: str,
        id_: str,
        number: int,
        updated: int,
        deleted: bool,
        body: bytes,
        patients: tuple[str, ...],
        index: Index,
        content: Apart | None = None,
    ) -> Prepared:
        key = self.tenant.index.record_key(type_, id_)
        large = body_apart(body) if len(body) > LARGEST_BODY else None
        apart = tuple(part for part in (content, large) if part is not None)
        head = Head(id_, patients, content.name if content else None, large.name if large else None)
        sealed = self.tenant.cipher.seal(
            head.encode() + b"\n" + (b"" if large else body), record_binding(self.tenant.number, type_, key, number)
        )
        record = Record(0, key, number, updated, deleted, sealed)
        put = Put(key, number, updated, sealed, index, deleted, *put_kinds(type_))
        return Prepared(put, Version(type_, id_, number, updated, deleted, body, patients, record, head.content), apart)


class Repository(Preparation):
    """Reads versions of one tenant as well: those that an `Access` reaches."""

    def __init__(
        self, store: Store, tenant: Tenant, base_url: str, clock: Callable[[], datetime], subscriber: str = ""
    ) -> None:
        super().__init__(tenant, base_url, clock)
        self.store = store
        self.subscriber = subscriber

    async def read(self, access: Access, id_: str) -> Version | None:
        """The current version, also a deletion; None where there is none, or `access` does not reach it."""
        version = await self._current(access.type, id_)
        return version if version is None or access.is_whole or await self.admits(access, version) else None

    async def read_version(self, access: Access, id_: str, number: int) -> Version | None:
        """One version; None where there is none, or `access` does not reach it."""
        version = await self._version(access.type, id_, number)
        return version if version is None or access.is_whole or await self.admits(access, version) else None

    async def admits(self, access: Access, version: Version) -> bool:
        """Whether `access` reaches a version of its type. A deletion lies where lay what was deleted."""
        if access.is_whole:
            return True
        if version.deleted and access.asks_content:
            before = await self._version(version.type, version.id, version.version - 1)
            return before is not None and not before.deleted and await self.admits(access, before)
        return access.admits(version, await self.context(version))

    async def admits_write(self, access: Access, version: Version) -> bool:
        """Whether a caller with `access` may leave, or take away, a version like this."""
        if access.is_whole:
            return True
        if version.deleted:
            return access.compartment is None or {access.compartment} == set(version.patients)
        return access.admits_write(version, await self.context(version))

    async def context(self, version: Version) -> Version | None:
        """What a Binary was stored for, in whose record it lies (R4 binary.html#security): for decisions, and not to be shown."""
        if version.type != "Binary" or version.deleted:
            return None
        reference = version.resource().get("securityContext", {}).get("reference")
        found = parse_reference(reference) if isinstance(reference, str) else None
        if found is None or found.kind != "relative" or not found.type or not found.id or found.type == "Binary":
            return None
        current = await self._current(found.type, found.id)
        if current is not None and current.deleted:
            return await self._version(found.type, found.id, current.version - 1)
        return current

    async def stored_at(self, type_: str, id_: str, number: int) -> tuple[int, bool] | None:
        """When a version was stored, and whether it is a deletion; nothing of what it says."""
        record = await self.store.read_version(self.tenant.index.record_key(type_, id_), number)
        return None if record is None else (record.updated, record.deleted)

    async def history(self, access: Access, id_: str, first: int, last: int) -> list[Listed]:
        """The versions from `last` down to `first` that `access` reaches."""
        key = self.tenant.index.record_key(access.type, id_)
        records = await self.store.history(key, last + 1, last - first + 2)
        deleted = {record.version for record in records if record.deleted}
        versions = [await self.whole(self.open(record, access.type, id_)) for record in records if record.version >= first]
        return [(each, each.version - 1 in deleted) for each in versions if await self.admits(access, each)]

    async def timeline(
        self, accesses: Mapping[int, Access], plan: Timeline, damaged: Callable[[DamagedRecordError], None] | None = None
    ) -> tuple[list[Listed], Moment | None]:
        """(versions, where to go on). `accesses`: of each term of the plan. What does not open is told to `damaged`, or raised."""
        terms_say_all = not any(access.asks_content for access in accesses.values())

        async def look(entry: Entry) -> Listed | None:
            try:
                version, revived = await self._listed(accesses, entry)
                seen = terms_say_all or await self._reaches_now(accesses[entry.term], version)
                return (version, revived) if seen else None
            except DamagedRecordError as error:
                if damaged is None:
                    raise
                damaged(error)
                return None

        if not terms_say_all:
            return await visible_page(self.store.timeline, look, plan)
        page = await self.store.timeline(plan)
        found = [await look(entry) for entry in page.listed]
        return [each for each in found if each is not None], page.rest

    async def _listed(self, accesses: Mapping[int, Access], entry: Entry) -> Listed:
        return await self.whole(self.open(entry.record, accesses[entry.term].type)), entry.revived

    async def _reaches_now(self, access: Access, version: Version) -> bool:
        """Whether `access` reaches a version and its record as it is now (docs/decisions, 0024)."""
        if access.is_whole:
            return True
        current = await self._current(version.type, version.id)
        return current is not None and await self.admits(access, current) and await self.admits(access, version)

    async def _current(self, type_: str, id_: str) -> Version | None:
        record = await self.store.read(self.tenant.index.record_key(type_, id_))
        return await self.whole(self.open(record, type_, id_)) if record is not None else None

    async def _version(self, type_: str, id_: str, number: int) -> Version | None:
        record = await self.store.read_version(self.tenant.index.record_key(type_, id_), number)
        return await self.whole(self.open(record, type_, id_)) if record is not None else None

    def open(self, record: Record, type_: str, id_: str | None = None) -> Version:
        """Raises DamagedRecordError when the record is not what was stored. `id_` only names it in that message.

        A body that lies apart is not there yet: `whole` brings it.
        """
        try:
            plain = self.tenant.cipher.open(
                record.body, record_binding(self.tenant.number, type_, record.key, record.version)
            )
        except SealBrokenError as error:
            raise DamagedRecordError(f"{type_}/{id_ or '?'} version {record.version}: {error}") from error
        line, _, body = plain.partition(b"\n")
        head = read_head(line)
        made = (type_, head.id, record.version, record.updated, record.deleted, body, head.patients, record)
        return Version(*made, content=head.content, body_apart=head.body)

    async def whole(self, version: Version) -> Version:
        """The version with its body, wherever that lies. Raises DamagedRecordError."""
        if version.body_apart is None:
            return version
        body = await self._read_all(version, version.body_apart)
        return replace(version, body=body, body_apart=None)

    async def _read_all(self, version: Version, name: BlobName, most: int | None = None) -> bytes:
        try:
            return await read_all(self.store.blobs, self.tenant.number, name, most)
        except DamagedContentError as error:
            raise DamagedRecordError(f"{version.reference} version {version.version}: {error}") from error

    async def content(self, version: Version, most: int | None = None) -> bytes | None:
        """The content of a Binary, or its first `most` bytes; None for what has none. Raises DamagedRecordError."""
        if version.content is not None:
            return await self._read_all(version, version.content, most)
        content = inline_content(version.resource())
        return content[:most] if content is not None and most is not None else content

    async def holder(self, key: tuple[str, ...]) -> str | None:
        """The reference that holds a uniqueness key."""
        name = self.tenant.index.unique_key(key)
        sealed = await self.store.key_holder(name)
        if sealed is None:
            return None
        return self.tenant.cipher.open(sealed, key_binding(name)).decode()

    def claim(self, key: tuple[str, ...], holder: str, replaces: str | None = None) -> KeyClaim:
        """`holder` is to hold `key`, which is free or held by `replaces`."""
        name = self.tenant.index.unique_key(key)
        present = self._holder_digest(key, replaces) if replaces is not None else None
        return KeyClaim(
            name, self.tenant.cipher.seal(holder.encode(), key_binding(name)), self._holder_digest(key, holder), present
        )

    def _holder_digest(self, key: tuple[str, ...], holder: str) -> bytes:
        return self.tenant.index.unique_key((*key, holder))

    def renewed(self, commit: Commit, types: Sequence[str]) -> Commit:
        """A commit that is about to be handed to the store, under the tenant's key of this moment. `types` are those of its puts.

        The key may have changed since its parts were sealed, and whoever seals everything anew may be past their places already.
        Raises StoreUnavailableError when the older key is gone: nothing was stored.
        """
        number, cipher = self.tenant.number, self.tenant.cipher
        parts = [put.body for put in commit.puts]
        parts += [job.body for job in commit.jobs] + [claim.holder for claim in commit.keys]
        parts += [keep.body for keep in commit.internals if isinstance(keep, Keep)]
        if all(key_number(part) == cipher.current for part in parts):
            return commit
        try:
            puts = [
                replace(put, body=cipher.renewed(put.body, record_binding(number, type_, put.key, put.version)))
                for put, type_ in zip(commit.puts, types, strict=True)
            ]
            keys = [replace(claim, holder=cipher.renewed(claim.holder, key_binding(claim.key))) for claim in commit.keys]
            jobs = [replace(job, body=cipher.renewed(job.body, job_binding(number, job.kind))) for job in commit.jobs]
            internals = renewed_internals(self.tenant, commit.internals)
        except SealBrokenError as error:
            raise StoreUnavailableError("The keys were changed while this was prepared.", "busy") from error
        return replace(commit, puts=puts, keys=keys, jobs=jobs, internals=internals)

    def seal_job(self, kind: str, due: datetime, payload: Resource) -> NewJob:
        body = self.tenant.cipher.seal(json.dumps(payload), job_binding(self.tenant.number, kind))
        return NewJob(kind, microseconds(due), body)

    def open_job(self, kind: str, body: bytes) -> Resource:
        payload: Resource = json.loads(self.tenant.cipher.open(body, job_binding(self.tenant.number, kind)))
        return payload


def stamp(resource: Resource, id_: str, version: int, updated: int) -> Resource:
    """A copy that begins with resourceType, id and meta; all other keys keep their order."""
    meta = resource.get("meta")
    meta = {**(meta if isinstance(meta, dict) else {}), "versionId": str(version), "lastUpdated": instant(updated)}
    own = {"resourceType": resource["resourceType"], "id": id_, "meta": meta}
    return {**own, **resource, **own}


def microseconds(moment: datetime) -> int:
    delta = moment.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * MICROSECOND + delta.microseconds


def instant(updated: int) -> str:
    """A FHIR instant in UTC with microseconds."""
    moment = datetime.fromtimestamp(updated // MICROSECOND, UTC)
    return f"{moment.isoformat()[:19]}.{updated % MICROSECOND:06}Z"


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
