"""`$closure` on the server: tables that belong to whoever began them, each change in one commit with its audit record.

FHIR R4 `conceptmap-operation-closure.html`. Calls for one table that come at once are served one after another: each that adds to
it stands on the version before, and the one that is too late reads again.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final

from operations.ports import Changes, Context, Operation, OperationInput, OperationOutput, StateChange, VersionConflictError
from operations.terminology.content import StoredContent
from operations.terminology.definitions import definition
from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from terminology import messages
from terminology.closure import Closed, Table, closure, name_of, read, written
from terminology.issues import TerminologyError, outcome
from terminology.question import read_question

_KIND: Final = "closure"
_MOST_TABLES: Final = 500
"""Of one tenant."""
_DAYS: Final = 365
_TRIES: Final = 20


def closure_operation(content: StoredContent) -> Operation:
    """The operation, answering from `content`."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        body = given.resource
        if body is None or body.get("resourceType") != "Parameters":
            raise refuse("structure", "The body must be Parameters with the name of a closure table.", "Parameters")
        try:
            return OperationOutput(await _closed(content, body, context))
        except TerminologyError as error:
            return OperationOutput(outcome(error.issues), error.status)

    return Operation(definition("ConceptMap", "closure", ("system",)), run, "r", discloses=True, reads_itself=True)


async def _closed(content: StoredContent, body: Resource, context: Context) -> Resource:
    """Raises TerminologyError, and VersionConflictError when others were faster again and again."""
    question = read_question(body)
    name = json.dumps([context.caller.client or "", context.caller.subject, name_of(question)]).decode()
    for _ in range(_TRIES):
        kept = await context.records.state(_KIND, name)
        table = read(kept.value) if kept is not None else None
        if table is None and await context.records.states(_KIND, _MOST_TABLES) >= _MOST_TABLES:
            raise messages.closure_many(_MOST_TABLES)
        found: Closed = await content.answer(partial(closure, question=question, table=table), context)
        if found.table is None:
            return found.answer
        with suppress(VersionConflictError):
            await context.commit(Changes(states=[_change(name, found.table, kept.version if kept is not None else 0)]))
            return found.answer
    raise VersionConflictError


def _change(name: str, table: Table, expected: int) -> StateChange:
    return StateChange(_KIND, name, written(table), expected, _DAYS)
