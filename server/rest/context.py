"""What an operation or a job is given of the server: `operations.ports.Context`, backed by the real store.

Reads stay inside the tenant and, for patient-scoped tokens, inside the patient's compartment. What the operation needs of
policies and payers, and what `$submit` keeps books with, is not limited by the caller's per-type scopes: the right to call
the operation is what was granted. An operation that shows the caller what a record says (`Operation.discloses`) may read only
types that the caller may read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from operations.ports import (
    Caller,
    Changes,
    Context,
    Deletion,
    JobRequest,
    KeptVersion,
    KeyTakenError,
    Operation,
    Page,
    State,
    UniqueKey,
    VersionConflictError,
    Write,
)
from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from server.access.access import Access, everything
from server.auth.decision import Letter
from server.internal import OwnRecords
from server.jobs.asked import handle_of, owner_of, payload_of
from server.jobs.too_many import refuse_too_many
from server.reach import personal_types
from server.repository import Prepared, Repository, Version
from server.rest.erasures import commit_erasures, ever_in_record, kept_versions
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.rest.operation_state import changed_states, count_states, read_state
from server.search.compile import Compiled, compile_query
from server.search.cursor import make_place, read_place
from server.search.hits import MAX_EXAMINED, matches
from server.search.index_entries import compartment_term
from server.search.query import parse_query
from server.store.algebra import AnyOf, Position
from server.store.jobs import NewJob
from server.store.store import KeyHeldError, StaleVersionError

AT_ONCE: Final = 8
"""So many are prepared in one go: a definition takes milliseconds, and there may be hundreds."""

_Item = TypeVar("_Item")

_BEGINNING: Final = Position(0.0, -1)
"""Where no resource lies: their numbers are positive."""


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """`operations.ports.Records` over the repository of one exchange."""

    exchange: Exchange
    discloses: bool = False
    """Whether what is read is for the caller to see, so that each type needs the caller's own right to read it."""
    consented: bool = True
    """Whether what patients' consents hide from the caller is hidden here as well: not from the server's own books."""

    async def read(self, type: str, id: str) -> Resource | None:
        version = await self.exchange.repository.read(self._access("r", type), id)
        return None if version is None or version.deleted else self._noted(version)

    async def read_version(self, type: str, id: str, version: int) -> Resource | None:
        found = await self.exchange.repository.read_version(self._access("r", type), id, version)
        return None if found is None or found.deleted else self._noted(found)

    async def content(self, binary: str, version: int, most: int) -> bytes | None:
        found = await self.exchange.repository.read_version(self._access("r", "Binary"), binary, version)
        return None if found is None or found.deleted else await self.exchange.repository.content(found, most)

    async def search(self, type: str, query: Mapping[str, str | Sequence[str]], limit: int = 200) -> list[Resource]:
        compiled = await self._compiled(type, query)
        found = [version async for _, version in matches(self.exchange, type, compiled, None, limit + 1)]
        if len(found) > limit:
            raise refuse("search-too-costly", f"More than {limit} {type} resources would have to be read for this.")
        return [self._noted(version) for version in found]

    async def find(self, type: str, query: Mapping[str, str | Sequence[str]]) -> AsyncIterator[Version]:
        compiled = await self._compiled(type, query)
        async with aclosing(matches(self.exchange, type, compiled, None, MAX_EXAMINED)) as found:
            async for _, version in found:
                self.exchange.trail.patients.update(version.patients)
                yield version

    async def page(
        self,
        type: str,
        query: Mapping[str, str | Sequence[str]],
        after: str,
        limit: int,
        patients: Collection[str] | None = None,
    ) -> Page:
        exchange, compiled = self.exchange, await self._compiled(type, query)
        if patients is not None:
            terms = (compartment_term(exchange.tenant.index, type, patient) for patient in patients)
            compiled = replace(compiled, clauses=(*compiled.clauses, AnyOf(tuple(sorted(terms)))))
        binding = self._binding(type, query, patients)
        place = read_place(exchange.tenant.cipher, after, binding) if after else _BEGINNING
        start = None if place == _BEGINNING else place
        wanted, found, last = set(patients or ()), list[Version](), None
        async with aclosing(matches(exchange, type, compiled, start, MAX_EXAMINED)) as hits:
            async for hit, version in hits:
                if len(found) == limit and last is not None:
                    return Page(found, make_place(exchange.tenant.cipher, last, binding))
                last = Position(hit.value, hit.rid)
                if patients is None or wanted & set(version.patients):
                    exchange.trail.patients.update(version.patients)
                    found.append(version)
        return Page(found)

    def beginning(
        self, type: str, query: Mapping[str, str | Sequence[str]], patients: Collection[str] | None = None
    ) -> str:
        return make_place(self.exchange.tenant.cipher, _BEGINNING, self._binding(type, query, patients))

    def _binding(self, type: str, query: Mapping[str, str | Sequence[str]], patients: Collection[str] | None) -> str:
        return json.dumps([type, query, sorted(patients or ()), self.exchange.principal.subject]).decode()

    async def _compiled(self, type: str, query: Mapping[str, str | Sequence[str]]) -> Compiled:
        """Raises FhirError for what the caller may not search."""
        if type == AUDIT_TYPE:
            await self.exchange.services.audit.catch_up()
        pairs = [(name, value) for name, given in query.items() for value in ([given] if isinstance(given, str) else given)]
        parsed = parse_query(type, pairs)
        access = self._access("s", type)
        return compile_query(parsed, self.exchange.tenant.index, self.exchange.repository.base_url, access)

    async def versions(self, type: str, id: str) -> Sequence[KeptVersion]:
        repository = self.exchange.repository
        if self.discloses and await repository.read(self._access("r", type), id) is None:
            return []
        return await kept_versions(repository, type, id)

    async def ever_in_record(self, patient: str) -> Sequence[tuple[str, str]]:
        return await ever_in_record(self.exchange.repository, patient)

    async def holder(self, key: UniqueKey) -> str | None:
        return await self.exchange.repository.holder(key)

    async def state(self, kind: str, name: str) -> State | None:
        return await read_state(_own(self.exchange), kind, name)

    async def states(self, kind: str, most: int) -> int:
        return await count_states(_own(self.exchange), kind, most)

    def _access(self, letter: Letter, type: str) -> Access:
        """Raises FhirError (403) for what the caller would see and may not."""
        if self.discloses and type in personal_types():
            return self.exchange.authorize(letter, type)
        return self.exchange.gate.part(type, self.exchange.access.compartment, consented=self.consented)

    def _noted(self, version: Version) -> Resource:
        self.exchange.trail.patients.update(version.patients)
        return version.resource()


def context_for(exchange: Exchange, access: Access, operation: Operation | None = None) -> Context:
    """The context of a call made by the exchange's principal, with the access that the right to call `operation` gave.

    An operation that stores something keeps books of its own, and reads them whatever a patient's consent hides from the caller.
    """
    limited = replace(exchange, access=access)
    discloses = operation is not None and operation.discloses
    consented = discloses or (operation is not None and not operation.affects_state)
    principal, services = exchange.principal, exchange.services
    caller = Caller(principal.subject, principal.roles, principal.client_id, principal.fhir_user)

    async def commit(changes: Changes) -> None:
        await commit_changes(limited, changes)

    def may(letter: Letter, type_: str) -> bool:
        """A job of its own reads by the caller's access, so that a part of the type is enough for it."""
        if operation is not None and operation.makes_job:
            return exchange.gate.access_if_any(letter, type_) is not None
        return exchange.services.decide(principal, letter, type_).granted

    return Context(
        tenant=exchange.tenant.name,
        base_url=exchange.request.base.url,
        caller=caller,
        records=StoredRecords(limited, discloses, consented),
        commit=commit,
        now=exchange.services.clock,
        new_id=exchange.services.new_id,
        pas_version=exchange.request.base.pas_version,
        note_detail=exchange.trail.tell,
        note_entity=exchange.trail.note,
        may=may,
        disclosure=exchange.gate.disclosure,
        is_welcome=lambda: not services.leaving.is_set() and services.verifier.is_still_good(principal),
        edition=partial(exchange.services.store.edition, exchange.tenant.number),
    )


async def commit_changes(exchange: Exchange, changes: Changes) -> None:
    """Make `Changes` one commit of the store, with the audit record of the exchange. Raises the errors of the ports."""
    if changes.erasures:
        await commit_erasures(exchange, changes.erasures)
        return
    repository = exchange.repository
    prepared = [await _prepare(repository, write) async for write in _in_turns(changes.writes)]
    prepared += [await _prepare_deletion(repository, deletion) async for deletion in _in_turns(changes.deletions)]
    _refuse_others_records(exchange, prepared)
    keys = [repository.claim(key, holder, changes.replaces.get(key)) for key, holder in changes.keys.items()]
    jobs = [_job(exchange, job) for job in changes.jobs]
    states = changed_states(_own(exchange), changes.states)
    try:
        async with AsyncExitStack() as stack:
            if any(job.name for job in changes.jobs):
                await stack.enter_async_context(exchange.services.turns.of([("jobs", exchange.tenant.number)]))
                await refuse_too_many(exchange.services, exchange.tenant, owner_of(exchange.tenant, exchange.principal))
            await exchange.store_together(prepared, 200 if exchange.trail.principal else 0, keys, jobs, internals=states)
    except KeyHeldError as error:
        raise KeyTakenError from error
    except StaleVersionError as error:
        raise VersionConflictError from error


def _job(exchange: Exchange, job: JobRequest) -> NewJob:
    """One with a name is its caller's, as a request is that is done later."""
    repository, tenant = exchange.repository, exchange.tenant
    if not job.name:
        return repository.seal_job(job.kind, job.due, job.payload)
    payload = {**payload_of(exchange.request, exchange.principal), "work": job.payload}
    handle, owner = handle_of(tenant, job.name), owner_of(tenant, exchange.principal)
    return replace(repository.seal_job(job.kind, job.due, payload), handle=handle, owner=owner, created=repository.now())


def _own(exchange: Exchange) -> OwnRecords:
    return OwnRecords(exchange.services.store, exchange.tenant, exchange.services.now)


def _refuse_others_records(exchange: Exchange, prepared: Sequence[Prepared]) -> None:
    """A caller who is limited to one patient causes no change in anybody else's record, by no operation."""
    compartment = exchange.access.compartment
    if compartment is not None and any(set(item.version.patients) - {compartment} for item in prepared):
        raise refuse("forbidden", "The token allows changes inside one patient's record only.")


async def _in_turns(items: Sequence[_Item]) -> AsyncIterator[_Item]:
    """Each of them; where there are many, other requests have their turn in between."""
    for number, item in enumerate(items, 1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


async def _prepare(repository: Repository, write: Write) -> Prepared:
    resource, id_ = write.resource, write.resource["id"]
    if write.expected is None and not write.after_deletion:
        return repository.prepare(resource, id_, None)
    current = await repository.read(everything(resource["resourceType"]), id_)
    if write.expected is None and (current is None or current.deleted):
        return repository.prepare(resource, id_, current)
    if current is None or current.version != write.expected:
        raise VersionConflictError
    return repository.prepare(resource, id_, current)


async def _prepare_deletion(repository: Repository, deletion: Deletion) -> Prepared:
    current = await repository.read(everything(deletion.type), deletion.id)
    if current is None or current.deleted or current.version != deletion.expected:
        raise VersionConflictError
    return repository.prepare_deletion(current)
