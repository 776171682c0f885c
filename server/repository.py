"""Resources of one tenant in plain form, on top of the sealed store: seal, open, index, version.

A sealed body is one line (the id, then the patients whose compartment the resource is in), then the resource's JSON as it
is sent. So a read is named, audited and filtered by compartment without parsing what it only passes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from profiles import json
from profiles.json import Resource
from server.reach import patients_of
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.search.index_entries import index_resource
from server.store.store import Index, KeyClaim, NewJob, Put, Record, Store

MICROSECOND: Final = 1_000_000


class DamagedRecordError(Exception):
    """A stored record does not open or is not JSON; the message names it and holds no content."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource. `body` is its JSON exactly as it is sent; empty when the version is a deletion."""

    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    body: bytes
    patients: tuple[str, ...]
    record: Record

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def etag(self) -> str:
        return f'W/"{self.version}"'

    def resource(self) -> Resource:
        resource: Resource = json.loads(self.body)
        return resource


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that is ready to be committed."""

    put: Put
    version: Version


class Repository:
    """Reads and prepares versions for one tenant. `base_url` tells local references from foreign ones."""

    def __init__(self, store: Store, tenant: Tenant, base_url: str, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.tenant = tenant
        self.base_url = base_url
        self._clock = clock

    async def read(self, type_: str, id_: str) -> Version | None:
        record = await self.store.read(self.tenant.index.record_key(type_, id_))
        return self.open(record, type_, id_) if record is not None else None

    async def read_version(self, type_: str, id_: str, version: int) -> Version | None:
        record = await self.store.read_version(self.tenant.index.record_key(type_, id_), version)
        return self.open(record, type_, id_) if record is not None else None

    async def history(self, type_: str, id_: str, before: int | None, limit: int) -> list[Version]:
        records = await self.store.history(self.tenant.index.record_key(type_, id_), before, limit)
        return [self.open(record, type_, id_) for record in records]

    def open(self, record: Record, type_: str, id_: str | None = None) -> Version:
        """Raises DamagedRecordError when the record is not what was stored. `id_` only names it in that message."""
        try:
            plain = self.tenant.cipher.open(
                record.body, record_binding(self.tenant.number, type_, record.key, record.version)
            )
        except SealBrokenError as error:
            raise DamagedRecordError(f"{type_}/{id_ or '?'} version {record.version}: {error}") from error
        head, _, body = plain.partition(b"\n")
        name, *patients = head.decode().split(" ")
        return Version(type_, name, record.version, record.updated, record.deleted, body, tuple(patients), record)

    def prepare(self, resource: Resource, id_: str, previous: Version | None) -> Prepared:
        """The next version of a resource, with `id`, `meta.versionId` and `meta.lastUpdated` set."""
        type_: str = resource["resourceType"]
        updated = self._next_instant(previous)
        number = 1 if previous is None else previous.version + 1
        stamped = stamp(resource, id_, number, updated)
        patients = patients_of(stamped)
        created = updated if previous is None or previous.deleted else previous.record.order
        index = index_resource(stamped, patients, self.tenant.index, created, self.base_url)
        return self._prepared(type_, id_, number, updated, False, json.dumps(stamped), patients, index)

    def prepare_deletion(self, previous: Version) -> Prepared:
        """The version that marks a resource as deleted: no content, found by nothing but its address."""
        return self._prepared(
            previous.type,
            previous.id,
            previous.version + 1,
            self._next_instant(previous),
            True,
            b"",
            previous.patients,
            Index(),
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
    ) -> Prepared:
        key = self.tenant.index.record_key(type_, id_)
        sealed = self.tenant.cipher.seal(
            " ".join((id_, *patients)).encode() + b"\n" + body, record_binding(self.tenant.number, type_, key, number)
        )
        record = Record(0, key, number, updated, deleted, sealed)
        put = Put(key, number, updated, sealed, index, deleted)
        return Prepared(put, Version(type_, id_, number, updated, deleted, body, patients, record))

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

    def seal_job(self, kind: str, due: datetime, payload: Resource) -> NewJob:
        body = self.tenant.cipher.seal(json.dumps(payload), job_binding(self.tenant.number, kind))
        return NewJob(kind, microseconds(due), body)

    def open_job(self, kind: str, body: bytes) -> Resource:
        payload: Resource = json.loads(self.tenant.cipher.open(body, job_binding(self.tenant.number, kind)))
        return payload

    def now(self) -> int:
        return microseconds(self._clock())


def record_binding(tenant: int, type_: str, key: bytes, version: int) -> bytes:
    """What the body of a version is bound to: sealed for one place, it opens at no other."""
    return f"{tenant}/{type_}/{version}/".encode() + key


def key_binding(name: bytes) -> bytes:
    """What the holder of a uniqueness key is bound to."""
    return b"key/" + name


def job_binding(tenant: int, kind: str) -> bytes:
    """What a job's content is bound to."""
    return f"job/{tenant}/{kind}".encode()


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
