"""Does one export (Bulk Data Access): unit by unit into sealed files, with a place to go on after each megabyte.

It reads with the rights of who asked (server/bulk/on_behalf.py); what a filter (`_typeFilter`) finds is told of each version by the
search compiler's own test. Each part leaves an audit record that names the patients whose records it holds.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, Issue, operation_outcome
from server.access.access import Access
from server.audit.trail import Trail
from server.bulk.asked import Asked, asked_in, query_of
from server.bulk.files import PIECE, Writer
from server.bulk.manifest import MANIFEST
from server.bulk.on_behalf import exchange_of, part_trail
from server.bulk.scope import Scope, settled_scope
from server.bulk.units import Unit, how_many, is_of, may_be_shown, plan_of, units_of
from server.documents.kept import DamagedContentError, read_kept
from server.jobs.step import JobFailedError, Step
from server.repository import DamagedRecordError, Version
from server.rest.exchange import Exchange
from server.rest.shape import Shape, shown
from server.search.asked import Search, sources_of
from server.search.compile import Compiled
from server.search.index_schema import HISTORY
from server.store.timeline import Moment

FIRST_PART: Final = 2
NOTED_SECONDS: Final = 5.0
"""How much is done anew after a kill, at most, where little is found."""

_BEGINNING: Final[Resource] = {"unit": 0, "after": None, "looked": 0, "total": 0, "files": [], "next": FIRST_PART}


async def export(step: Step) -> None:
    """A `Worker` (server/jobs/step.py)."""
    work = await _begun(step)
    for number in range(work.place["unit"], len(work.units)):
        await work.do(number)
    await work.end()


async def _begun(step: Step) -> _Work:
    asked = asked_in(step.payload["work"])
    try:
        exchange = await exchange_of(step, "$export-done")
        scope = await settled_scope(step, exchange, asked)
        place = await step.position() or dict(_BEGINNING)
        writer = await Writer.resumed(step, place, step.services.settings.bulk_file_bytes)
        units = units_of(asked, scope)
        if not place["total"]:
            place["total"] = await how_many(exchange, units) + len(units) + 1
        filters: dict[str, list[Compiled]] = {}
        for type_, criteria in asked.filters:
            access = may_be_shown(exchange, type_)
            if access is not None:
                query = query_of(type_, criteria, lenient=True)
                sources = await sources_of(exchange, Search(type_, (query,), (access,), query.text))
                filters.setdefault(type_, []).append(sources[0].compiled)
    except FhirError as error:
        if error.status >= 500:  # not now
            raise
        codes = ", ".join(dict.fromkeys(issue.code for issue in error.issues))
        raise JobFailedError(f"It cannot be exported as it was asked for ({codes}).") from error
    except DamagedRecordError as error:
        raise JobFailedError("What says what to export is damaged; assent fsck names it.") from error
    shapes = {type_: Shape(elements=(("", frozenset(names)),)) for type_, names in asked.elements}
    return _Work(step, asked, exchange, scope, units, writer, place, filters, shapes)


@dataclass(slots=True)
class _Work:
    """`place` is what was noted last, without the files."""

    step: Step
    asked: Asked
    exchange: Exchange
    scope: Scope
    units: Sequence[Unit]
    writer: Writer
    place: Resource
    filters: Mapping[str, Sequence[Compiled]]
    shapes: Mapping[str, Shape]
    patients: set[str] = field(default_factory=set)
    """Whose records were written since the last note."""
    noted: float = field(default_factory=monotonic)

    async def do(self, number: int) -> None:
        unit = self.units[number]
        access = may_be_shown(self.exchange, unit.type)
        if access is not None:
            self.exchange.services.index_state.check(unit.type, (HISTORY,))
            await self._walk(unit, access)
        self.place |= {"unit": number + 1, "after": None}
        await self._note_if_due()

    async def _walk(self, unit: Unit, access: Access) -> None:
        rest = Moment(*self.place["after"]) if self.place["after"] is not None else None
        while True:
            timeline = plan_of(self.exchange, self.asked, unit, rest)
            found, rest = await self.exchange.repository.timeline(
                {timeline.terms[0]: access}, timeline, partial(self._damaged, unit.type)
            )
            versions = [version for version, _ in found if is_of(self.asked, self.scope, unit, version.patients)]
            if unit.kind == "output":
                for version in versions:
                    await self._write_whole(version)
            else:
                await self._tell_deleted(versions)
            self.place["looked"] += len(found)
            if rest is None or (found and found[-1][0].updated > self.asked.moment):
                return
            self.place["after"] = [rest.updated, rest.rid, rest.version]
            await self._note_if_due()
            await asyncio.sleep(0)  # requests have their turn

    def _damaged(self, type_: str, error: DamagedRecordError) -> None:
        """It is left out, and told of; the rest is exported."""
        self.step.services.log.failure("damaged record in an export", error, job=self.step.job.id)
        self.place["damaged"] = sorted({*self.place.get("damaged", ()), type_})

    async def _write_whole(self, version: Version) -> None:
        """A line, or nothing of it."""
        before = self.writer.saved() if version.content is not None else None
        try:
            await self._write(version)
        except DamagedRecordError as error:
            if before is not None:
                self.writer.restore(before)
            self._damaged(version.type, error)

    async def _write(self, version: Version) -> None:
        if version.deleted or not await self._passes(version):
            return
        self.patients.update(version.patients)
        shape = self.shapes.get(version.type)
        if shape is not None:
            await self.writer.write("output", version.type, (shown(version, shape),))
        elif version.content is None:
            await self.writer.write("output", version.type, (version.body,))
        else:
            await self.writer.write("output", version.type, self._with_content(version))

    async def _passes(self, version: Version) -> bool:
        """Whether it meets a filter of its type, where there are any."""
        ways = self.filters.get(version.type)
        if ways is None:
            return True
        resource = version.resource()
        for way in ways:
            if way.test(resource) and all([await link(version) for link in way.links]):
                return True
        return False

    async def _with_content(self, version: Version) -> AsyncIterator[bytes]:
        """A Binary with its data, in base64 chunk by chunk."""
        if version.content is None:
            return
        yield version.body[:-1] + b',"data":"'
        try:
            async for piece in read_kept(self.step.services.store.blobs, self.step.tenant.number, version.content):
                yield base64.b64encode(piece)
        except DamagedContentError as error:
            raise DamagedRecordError(f"{version.reference} version {version.version}: {error}") from error
        yield b'"}'

    async def _tell_deleted(self, versions: Sequence[Version]) -> None:
        """Those that were deleted, and were not there again at the moment of the export."""
        gone: list[Resource] = []
        for version in versions:
            if not version.deleted or version.updated > self.asked.moment:
                continue
            next_ = await self.exchange.repository.stored_at(version.type, version.id, version.version + 1)
            if next_ is None or next_[0] > self.asked.moment:
                gone.append({"request": {"method": "DELETE", "url": version.reference}})
                self.patients.update(version.patients)
        if gone:
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": gone}
            await self.writer.write("deleted", "Bundle", (json.dumps(bundle),))

    async def _note_if_due(self) -> None:
        if self.writer.waiting >= PIECE or monotonic() - self.noted >= NOTED_SECONDS:
            done = self.place["looked"] + self.place["unit"]
            total = max(self.place["total"], done + 1)
            await self.step.note({**self.place, **self.writer.place()}, done, total, self._audit())
            self.patients.clear()
            self.noted = monotonic()

    def _audit(self) -> list[bytes]:
        if not self.patients:
            return []
        return [part_trail(self.exchange, "$export-part", self.patients).encode(self.step.services.now(), 200)]

    async def end(self) -> None:
        """All files whole, and listed."""
        issues = [Issue("not-supported", sentence, severity="warning") for sentence in (*self.asked.told, *self.scope.told)]
        issues += [
            Issue(
                "record-damaged", f"What is stored of some {type_} is damaged: they are left out. assent fsck names them."
            )
            for type_ in self.place.get("damaged", ())
        ]
        for issue in issues:
            await self.writer.write("error", "OperationOutcome", (json.dumps(operation_outcome([issue])),))
        self.writer.close()
        listed = self.writer.place()["files"]
        self.step.put(MANIFEST, json.dumps({"moment": self.asked.moment, "files": listed}))
        self.step.total = self.step.done = self.place["looked"] + len(self.units) + 1
        trail: Trail = self.exchange.trail
        await self.step.finish([*self._audit(), trail.encode(self.step.services.now(), 200)])
