"""One group of commits as one transaction, tried again as often as it takes, and never applied twice.

Whether a commit whose answer was lost took place is not guessed: each group leaves its own mark (in its audit batches, or in
the server's `mark` document when it has none), and is looked for before the group is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pymongo
from bson import MaxKey, MinKey, ObjectId
from pymongo import AsyncMongoClient, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from server.store import fail_points
from server.store.mongo.abandoned import end_abandoned
from server.store.mongo.apply import REFUSALS, Changes, Refusal, load
from server.store.mongo.audit_chain import AuditChain
from server.store.mongo.blobs import write_blobs
from server.store.mongo.documents import FIRST_ROW, Document, audit_document
from server.store.mongo.internals import write_internals
from server.store.mongo.job_changes import write_jobs
from server.store.mongo.numbers import Numbers
from server.store.mongo.retry import Pauses, passes, persist
from server.store.mongo.schema import Database
from server.store.store import AuditBatch, AuditSealer, Commit, new_edition

DURABLE: Final = WriteConcern(w="majority", j=True, wtimeout=10_000)
STUCK_SECONDS: Final = 0.25
"""Whoever has waited so long for others may be waiting for a server that is no more."""

IS_STORED_SECONDS: Final = 5.0
ABORT_SECONDS: Final = 2.0
"""A transaction that cannot be ended in time ends by itself (server/store/mongo/abandoned.py)."""

_DUPLICATE: Final = 11000
_UNKNOWN: Final = "UnknownTransactionCommitResult"


@dataclass(slots=True)
class _Attempt:
    """What one run of the transaction decided, and how it can be recognized in the database."""

    refusals: dict[int, Refusal] = field(default_factory=dict)
    batches: list[AuditBatch] = field(default_factory=list)
    wrote: bool = False


class Transactions:
    """Runs groups of commits, one group at a time."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database, seal_audit: AuditSealer) -> None:
        self._client = client
        self._database = database
        self._chain = AuditChain(database, seal_audit)
        self._rids = Numbers(database, "record", FIRST_ROW)
        self._jobs = Numbers(database, "job", 1)
        self._server = ObjectId()

    async def run(self, commits: Sequence[Commit]) -> dict[int, Refusal]:
        """Store the group durably; what was refused, by position.

        Raises PyMongoError or StoreUnavailableError when it cannot be stored, or when it is not known whether it was.
        """
        mark, pauses = ObjectId().binary, Pauses()
        doubtful: _Attempt | None = None
        async with self._client.start_session() as session:
            while True:
                attempt = _Attempt()
                unknown = False
                try:
                    fail_points.reach("mongodb-01-before-transaction")
                    with pymongo.timeout(pauses.patience):
                        await session.start_transaction(ReadConcern("snapshot"), DURABLE, ReadPreference.PRIMARY)
                        if doubtful is not None and await self._came_late(doubtful, mark, session):
                            return doubtful.refusals
                        await self._write(session, commits, attempt, mark)
                        unknown = attempt.wrote
                        fail_points.reach("mongodb-11-before-commit")
                        await self._commit(session, pauses)
                    fail_points.reach("mongodb-12-committed")
                except PyMongoError as error:
                    self._chain.forget()
                    await _abort(session)
                    again = (passes(error) or _is_duplicate(error)) and await pauses.wait()
                    if pauses.waited >= STUCK_SECONDS:
                        await end_abandoned(self._client)
                    if unknown and await self._is_stored(attempt, mark):
                        return attempt.refusals
                    doubtful = attempt if unknown else doubtful
                    if not again:
                        raise
                else:
                    self._chain.moved_to(attempt.batches)
                    return attempt.refusals
                finally:
                    await _abort(session)

    async def _write(self, session: AsyncClientSession, commits: Sequence[Commit], attempt: _Attempt, mark: bytes) -> None:
        changes = await load(self._database, session, commits)
        fail_points.reach("mongodb-02-state-read")
        audit: dict[int, list[bytes]] = {}
        for position, commit in enumerate(commits):
            try:
                changes.add(commit)
            except REFUSALS as refusal:
                attempt.refusals[position] = refusal
                continue
            if commit.audit:
                audit.setdefault(commit.tenant, []).extend(commit.audit)
        if len(attempt.refusals) == len(commits):
            return
        attempt.wrote = True
        attempt.batches = await self._chain.next_batches(audit, session)
        await self._write_audit(session, attempt.batches, mark)
        await self._write_records(session, changes)
        await self._write_rest(session, changes)

    async def _write_audit(self, session: AsyncClientSession, batches: Sequence[AuditBatch], mark: bytes) -> None:
        """First, because this is where two servers meet: the slower one learns it before it has written much."""
        if batches:
            documents = [audit_document(batch, mark) for batch in batches]
            await self._database["audit"].insert_many(documents, session=session)
            fail_points.reach("mongodb-03-audit-written")
        else:
            values = {"w": mark, "at": datetime.now(UTC)}
            await self._database["mark"].update_one({"_id": self._server}, {"$set": values}, upsert=True, session=session)
            fail_points.reach("mongodb-04-mark-written")

    async def _write_records(self, session: AsyncClientSession, changes: Changes) -> None:
        if changes.erased:
            await self._erase(session, changes)
        if changes.new:
            changes.number(await self._rids.take(len(changes.new)))
            await self._database["record"].insert_many(list(changes.new.values()), session=session)
            fail_points.reach("mongodb-05-records-inserted")
        if changes.changed:
            replacements = [ReplaceOne({"_id": document["_id"]}, document) for document in changes.changed.values()]
            await self._database["record"].bulk_write(replacements, session=session)
            fail_points.reach("mongodb-06-records-replaced")
        if changes.versions:
            await self._database["version"].insert_many(changes.version_documents(), session=session)
            fail_points.reach("mongodb-07-versions-written")

    async def _erase(self, session: AsyncClientSession, changes: Changes) -> None:
        """First: a record that another commit of the group begins anew takes the key of the one that goes."""
        for row, whole in changes.erased:
            versions = {"_id": {"$gt": {"r": row, "v": MinKey()}, "$lt": {"r": row, "v": MaxKey()}}}
            await self._database["version"].delete_many(versions, session=session)
            if whole:
                await self._database["record"].delete_one({"_id": row}, session=session)

    async def _write_rest(self, session: AsyncClientSession, changes: Changes) -> None:
        if changes.claims:
            updates = [
                UpdateOne({"_id": claim.key}, {"$set": {"g": claim.digest, "h": claim.holder}}, upsert=True)
                for claim in changes.claims.values()
            ]
            await self._database["unique_key"].bulk_write(updates, session=session)
            fail_points.reach("mongodb-08-keys-written")
        for name in sorted(changes.editions):
            edition = {"$set": {"value": new_edition()}}
            await self._database["setting"].update_one({"_id": name}, edition, upsert=True, session=session)
        await write_jobs(self._database, session, changes.jobs, self._jobs)
        await write_blobs(self._database, session, changes.blobs)
        await write_internals(self._database, session, changes.internals)

    async def _commit(self, session: AsyncClientSession, pauses: Pauses) -> None:
        """Asking again is safe: the server knows the transaction by its number."""
        while True:
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if not error.has_error_label(_UNKNOWN) or not await pauses.wait():
                    raise
            else:
                return

    async def _is_stored(self, attempt: _Attempt, mark: bytes) -> bool:
        """Whether the transaction whose answer was lost took place. Raises StoreUnavailableError when nobody can tell."""
        name, wanted = self._trace(attempt)
        collection = self._database[name].with_options(read_concern=ReadConcern("linearizable"))
        found = await persist(lambda: collection.find_one(wanted, {"w": 1}), IS_STORED_SECONDS)
        return found is not None and found["w"] == mark

    async def _came_late(self, attempt: _Attempt, mark: bytes, session: AsyncClientSession) -> bool:
        """Whether it took place after that was looked for: a request to commit may lie somewhere for a while.

        Not any more from here on: the session's next transaction, in which this is asked, ends the one before.
        """
        name, wanted = self._trace(attempt)
        found = await self._database[name].find_one(wanted, {"w": 1}, session=session)
        return found is not None and found["w"] == mark

    def _trace(self, attempt: _Attempt) -> tuple[str, dict[str, Any]]:
        """Where the mark of what an attempt stored would be."""
        if attempt.batches:
            return "audit", {"_id": attempt.batches[0].seq}
        return "mark", {"_id": self._server}


async def _abort(session: AsyncClientSession) -> None:
    if session.in_transaction:
        with suppress(PyMongoError), pymongo.timeout(ABORT_SECONDS):
            await session.abort_transaction()


def _is_duplicate(error: PyMongoError) -> bool:
    """Another server was faster with a sequence number or a new record: the next attempt sees it."""
    if isinstance(error, BulkWriteError):
        return any(item.get("code") == _DUPLICATE for item in error.details.get("writeErrors", []))
    return isinstance(error, DuplicateKeyError)
