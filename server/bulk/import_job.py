"""Does one import: file by file, each batch of lines in one commit with how far it is, so that no line is stored twice or left out.

A line is stored as REST would store it (server/rest/exchange.py), under its own id; what is there already with the same content
stays as it is. What is not taken is told in `error` files, an OperationOutcome for each line. A batch that is refused is halved
until the line is found that it is refused for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, Issue, operation_outcome
from server.audit.trail import Trail
from server.bulk.files import File, Writer, file_in
from server.bulk.import_asked import Input, inputs_in
from server.bulk.import_lines import Line, lines_of
from server.bulk.manifest import MANIFEST
from server.bulk.on_behalf import exchange_of, part_trail
from server.bulk.staging import UnreadableInputError, drop_upload, stage
from server.jobs.step import JobFailedError, Step
from server.load.provenance import IMPORTS, Arrival, of_loaded
from server.load.sameness import is_same
from server.repository import DamagedRecordError, Prepared
from server.rest.exchange import Exchange
from server.store.jobs import POSITION
from server.store.store import StaleVersionError

FIRST_PART: Final = 2
LINES: Final = 100
BYTES: Final = 2**22
"""So many lines, or lines of so many bytes and one more, are one commit."""
RACES: Final = 5
"""How often a line is tried that others write at the same time."""
_BY: Final = "$import"


class Place(msgspec.Struct):
    """Where it stands: the file, the byte and line that are done of it, and what came of all lines until there."""

    input: int = 0
    staged: Resource | None = None
    digest: str = ""
    end: int = 0
    line: int = 0
    done: int = 0
    """Lines of all files."""
    total: int = 0
    stored: int = 0
    changed: int = 0
    same: int = 0
    refused: int = 0


async def import_files(step: Step) -> None:
    """A `Worker` (server/jobs/step.py)."""
    try:
        exchange = await exchange_of(step, "$import-done")
    except FhirError as error:
        if error.status >= 500:
            raise
        raise JobFailedError("Who asked for this may not do it any more.") from error
    position = await step.position() or {"place": {}, "files": [], "next": FIRST_PART}
    writer = await Writer.resumed(step, position, step.services.settings.bulk_file_bytes)
    work = _Work(step, exchange, writer, msgspec.convert(position["place"], Place))
    inputs = inputs_in(step.payload["work"])
    for given in inputs[work.place.input :]:
        await work.do(given)
    await work.end()


@dataclass(slots=True)
class _Work:
    step: Step
    exchange: Exchange
    writer: Writer
    place: Place

    async def do(self, given: Input) -> None:
        if self.place.staged is None and not await self._staged(given):
            return
        file = file_in(self.place.staged or {})
        batch: list[Line] = []
        ids: set[str] = set()
        async for line in lines_of(self.step, file, given.type, self.place.end, self.place.line):
            id_ = line.found["id"] if isinstance(line.found, dict) else ""
            is_full = bool(batch) and (len(batch) == LINES or batch[-1].end - self.place.end > BYTES)
            if is_full or id_ in ids:  # the same resource again: it is to become the next version
                await self._take(given, batch)
                batch, ids = [], set()
            batch.append(line)
            ids |= {id_} if id_ else set()
            await asyncio.sleep(0)  # requests have their turn
        if batch:
            await self._take(given, batch)
        await self._next()

    async def _staged(self, given: Input) -> bool:
        """Whether the file could be had."""
        self.writer.close()
        try:
            staged = await stage(self.step, self.exchange, given, self.writer.next)
        except UnreadableInputError as error:
            await self._tell(given, None, (Issue("not-found", str(error)),))
            await self._next()
            return False
        self.writer.next = staged.next
        place = self.place
        place.staged, place.digest, place.end, place.line = staged.file.to_json(), staged.digest, 0, 0
        place.total += staged.lines
        await self._note()
        await drop_upload(self.step, given)
        return True

    async def _next(self) -> None:
        self.place.input += 1
        self.place.staged = None
        await self._note()

    async def _take(self, given: Input, batch: Sequence[Line]) -> None:
        """All lines of a batch, or each for itself where that is refused."""
        writer, place = self.writer.saved(), msgspec.structs.replace(self.place)
        issues: Sequence[Issue] = (Issue("edit-conflict", "Others wrote the same resource at the same time."),)
        for _ in range(RACES):
            try:
                await self._store(given, batch)
            except StaleVersionError:
                self.writer.restore(writer)
                self.place = msgspec.structs.replace(place)
                continue
            except FhirError as error:
                if error.status >= 500:
                    raise
                self.writer.restore(writer)
                self.place = place
                issues = error.issues
                break
            except DamagedRecordError as error:
                self.step.services.log.failure("damaged record in an import", error, job=self.step.job.id)
                self.writer.restore(writer)
                self.place = place
                issues = (Issue("record-damaged", "What is stored under this id is damaged; assent fsck names it."),)
                break
            return
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._take(given, batch[:middle])
            await self._take(given, batch[middle:])
        else:
            await self._store(given, [replace(batch[0], found=tuple(issues))])

    async def _store(self, given: Input, batch: Sequence[Line]) -> None:
        """One commit. Raises FhirError, StaleVersionError: then nothing was stored."""
        prepared: list[Prepared] = []
        for line in batch:
            if isinstance(line.found, dict):
                prepared += await self._prepared(given.type, line.found)
            elif line.found is not None:
                await self._tell(given, line.number, line.found)
        self.place.end, self.place.line = batch[-1].end, batch[-1].number
        self.place.done += len(batch)
        if not prepared:
            await self._note()
            return
        self._put_position()
        own = replace(self.exchange, trail=part_trail(self.exchange, "$import", set()))
        own.trail.action = "C"
        await own.store_together([*prepared, *self._origins(prepared)], 200, [], [])

    async def _prepared(self, type_: str, resource: Resource) -> list[Prepared]:
        repository = self.exchange.repository
        current = await repository.read(self.exchange.authorize("u", type_), resource["id"])
        if current is not None and await is_same(repository, current, resource):
            self.place.same += 1
            return []
        self.place.stored += current is None
        self.place.changed += current is not None
        return [repository.prepare(resource, resource["id"], current)]

    def _origins(self, prepared: Sequence[Prepared]) -> list[Prepared]:
        """Provenance of what is stored, where it is wanted (ASSENT_PROVENANCE)."""
        if IMPORTS not in self.step.services.settings.provenance:
            return []
        versions = [each.version for each in prepared]
        arrivals = [Arrival(each.reference, each.version, each.patients, self.place.digest) for each in versions]
        repository = self.exchange.repository
        return [repository.prepare(told, told["id"], None) for told in of_loaded(arrivals, self.step.services.clock(), _BY)]

    async def _tell(self, given: Input, line: int | None, issues: Sequence[Issue]) -> None:
        """A line of an error file: which input (from 1) and which line, and why."""
        where = f"input {self.place.input + 1} ({given.type})" + ("" if line is None else f", line {line}")
        told = [replace(issue, text=f"{where}: {issue.text}") for issue in issues]
        await self.writer.write("error", "OperationOutcome", (json.dumps(operation_outcome(told)),))
        self.place.refused += 1

    async def _note(self) -> None:
        self._progress()
        await self.step.note(self._position(), self.step.done, self.step.total)

    def _put_position(self) -> None:
        """For the next commit."""
        self._progress()
        self.step.put(POSITION, json.dumps(self._position()))

    def _progress(self) -> None:
        self.step.done = self.place.done + self.place.input
        self.step.total = max(self.place.total + self.place.input, self.step.done) + 1

    def _position(self) -> Resource:
        return {"place": msgspec.to_builtins(self.place), **self.writer.place()}

    async def end(self) -> None:
        """What came of it, as a manifest."""
        self.writer.close()
        files: list[File] = self.writer.files
        place = self.place
        counts = {"stored": place.stored, "changed": place.changed, "same": place.same, "refused": place.refused}
        self.writer.place()
        kept = {"moment": self.step.services.now(), "files": [file.to_json() for file in files], "counts": counts}
        self.step.put(MANIFEST, json.dumps(kept))
        self._progress()
        self.step.done = self.step.total
        trail: Trail = self.exchange.trail
        await self.step.finish([trail.encode(self.step.services.now(), 200)])
