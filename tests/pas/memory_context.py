"""A Context over dictionaries that behaves as operations/ports.py says: atomic commits, unique keys, checked versions."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.ports import Caller, Changes, Context, JobRequest, KeyTakenError, UniqueKey, VersionConflictError
from profiles.json import Resource, dumps, loads
from profiles.outcome import refuse

BASE = "https://payer.test/fhir"


@dataclass
class Memory:
    """The store: every version of everything, keys, jobs, and a clock that only tests move."""

    versions: dict[tuple[str, str], list[Resource]] = field(default_factory=dict)
    keys: dict[UniqueKey, str] = field(default_factory=dict)
    jobs: list[JobRequest] = field(default_factory=list)
    commits: int = 0
    prefix: str = "id"
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    entities: list[str] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: itertools.count(1))
    fail_next_commit: Exception | None = None

    def context(self, client: str | None = "ehr", subject: str = "staff", **changed: Any) -> Context:
        caller = Caller(subject, frozenset({"staff"}), client)
        made = Context(
            tenant="default",
            base_url=BASE,
            caller=caller,
            records=MemoryRecords(self),
            commit=self.commit,
            now=lambda: self.now,
            new_id=lambda: f"{self.prefix}-{next(self.ids)}",
            note_entity=self.entities.append,
        )
        return replace(made, **changed)

    async def commit(self, changes: Changes) -> None:
        await asyncio.sleep(0)
        if self.fail_next_commit is not None:
            error, self.fail_next_commit = self.fail_next_commit, None
            raise error
        self._check(changes)
        for write in changes.writes:
            stored = loads(dumps(write.resource))
            history = self.versions.setdefault((stored["resourceType"], stored["id"]), [])
            meta = {**stored.get("meta", {}), "versionId": str(len(history) + 1), "lastUpdated": self.now.isoformat()}
            stored["meta"] = meta
            history.append(stored)
        self.keys.update(changes.keys)
        self.jobs.extend(changes.jobs)
        self.commits += 1

    def _check(self, changes: Changes) -> None:
        for key, holder in changes.replaces.items():
            if self.keys.get(key) != holder:
                raise KeyTakenError(key)
        for key in changes.keys:
            if key in self.keys and key not in changes.replaces:
                raise KeyTakenError(key)
        seen = set()
        for write in changes.writes:
            address = (write.resource["resourceType"], write.resource["id"])
            assert address not in seen, f"{address} is written twice in one commit"
            seen.add(address)
            current = len(self.versions.get(address, []))
            if (write.expected or 0) != current:
                raise VersionConflictError(address)

    def put(self, resource: Resource) -> None:
        """Store as if by REST."""
        history = self.versions.setdefault((resource["resourceType"], resource["id"]), [])
        meta = {**resource.get("meta", {}), "versionId": str(len(history) + 1), "lastUpdated": self.now.isoformat()}
        history.append({**resource, "meta": meta})

    def all(self, kind: str) -> list[Resource]:
        return [history[-1] for (type_, _), history in self.versions.items() if type_ == kind]

    def due_jobs(self) -> list[JobRequest]:
        due = [job for job in self.jobs if job.due <= self.now]
        self.jobs = [job for job in self.jobs if job.due > self.now]
        return due

    async def run_jobs(self, handlers: Mapping[str, Any], after: timedelta = timedelta(0)) -> int:
        self.now += after
        due = self.due_jobs()
        for job in due:
            await handlers[job.kind](loads(dumps(job.payload)), self.context(client=None, subject="system"))
        return len(due)


@dataclass
class MemoryRecords:
    memory: Memory

    async def read(self, type: str, id: str) -> Resource | None:
        history = self.memory.versions.get((type, id))
        return copy.deepcopy(history[-1]) if history else None

    async def read_version(self, type: str, id: str, version: int) -> Resource | None:
        history = self.memory.versions.get((type, id), [])
        return copy.deepcopy(history[version - 1]) if 0 < version <= len(history) else None

    async def holder(self, key: UniqueKey) -> str | None:
        return self.memory.keys.get(key)

    async def search(self, type: str, query: Mapping[str, str | Sequence[str]], limit: int = 200) -> list[Resource]:
        found = [
            copy.deepcopy(resource)
            for resource in reversed(self.memory.all(type))
            if all(_matches(resource, name, value) for name, value in query.items())
        ]
        if len(found) > limit:
            raise refuse("search-too-costly", "too many")
        return found


_PATHS = {
    "beneficiary": ("beneficiary",),
    "practitioner": ("practitioner",),
    "patient": ("patient",),
    "request": ("request",),
}


def _matches(resource: Resource, name: str, value: str | Sequence[str]) -> bool:
    if not isinstance(value, str):
        return all(_matches(resource, name, each) for each in value)
    alternatives = [each.replace("\0", ",") for each in value.replace("\\,", "\0").split(",")]
    if name == "identifier":
        held = {f"{each.get('system')}|{each.get('value')}" for each in resource.get("identifier", [])}
        return any(each.replace("\\|", "|").replace("\\$", "$") in held for each in alternatives)
    if name == "status":
        return resource.get("status") in alternatives
    if name == "context":
        held = {
            f"{coding.get('system')}|{coding.get('code')}"
            for context in resource.get("useContext", [])
            for coding in context.get("valueCodeableConcept", {}).get("coding", [])
        }
        return any(each.replace("\\|", "|") in held for each in alternatives)
    if name in _PATHS:
        reference = resource.get(_PATHS[name][0], {}).get("reference", "").partition("/_history/")[0]
        return reference in alternatives
    raise AssertionError(f"the double does not know the search parameter {name}")
