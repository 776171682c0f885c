"""What a linearizable FHIR server may answer: a resource as a register with versions, and an identifier as a place for one holder.

The models know the answers of docs/rest.md: 412 means that the condition did not hold, 409 that somebody else was faster, which a
server may say of any write; neither has an effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

# -- one resource under an id of the callers' choice ------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """The state: version 0 has never been; `value` None is deleted."""

    version: int = 0
    value: str | None = None


@dataclass(frozen=True)
class Read:
    pass


@dataclass(frozen=True)
class Put:
    """`if_match`: the version that it asks for. `if_none`: only where there is nothing (If-None-Match: *)."""

    value: str
    if_match: int | None = None
    if_none: bool = False


@dataclass(frozen=True)
class Delete:
    if_match: int | None = None


@dataclass(frozen=True)
class Is:
    """The answer to a read."""

    status: Literal[200, 404, 410]
    version: int = 0
    value: str | None = None


@dataclass(frozen=True)
class Wrote:
    version: int


@dataclass(frozen=True)
class Refused:
    status: Literal[404, 409, 412]


def resource(state: Held, ask: Read | Put | Delete, answer: Is | Wrote | Refused | None) -> Iterator[Held]:
    """The step of a resource."""
    if isinstance(ask, Read):
        if answer is None or answer == _shown(state):
            yield state
        return
    after = _after(state, ask)
    if answer is None:
        if after is not None:
            yield after
    elif isinstance(answer, Refused):
        if answer.status == 409 or (after is None and answer.status == (404 if _is_missing(state, ask) else 412)):
            yield state
    elif after is not None and after.version == answer.version:
        yield after


def _shown(state: Held) -> Is:
    if state.version == 0:
        return Is(404)
    return Is(200, state.version, state.value) if state.value is not None else Is(410)


def _is_missing(state: Held, ask: Put | Delete) -> bool:
    return isinstance(ask, Delete) and state.version == 0


def _after(state: Held, ask: Put | Delete) -> Held | None:
    """What the write makes of the state; None where its condition does not hold, or nothing is there to delete."""
    if ask.if_match is not None and ask.if_match != state.version:
        return None
    if isinstance(ask, Put):
        if ask.if_none and state.value is not None:
            return None
        return Held(state.version + 1, ask.value)
    if state.version == 0:
        return None
    return Held(state.version + 1, None) if state.value is not None else state


# -- one identifier, that at most one resource may have ----------------------------------------------------------------------

UNKNOWN = "an id that nobody was told"


@dataclass(frozen=True)
class CreateOnce:
    """POST with If-None-Exist; the answer is `Made`."""


@dataclass(frozen=True)
class Look:
    """A search for the identifier; the answer is a tuple of ids."""


@dataclass(frozen=True)
class Drop:
    """Delete the resource with that id; the answer is True."""

    id: str


@dataclass(frozen=True)
class Made:
    id: str
    is_new: bool


@dataclass(frozen=True)
class Place:
    """The step of an identifier: the state is the holder's id, or None. `told`: ids that a create was answered with."""

    told: frozenset[str]

    def __call__(self, state: str | None, ask: CreateOnce | Look | Drop, answer: Any) -> Iterator[str | None]:
        if isinstance(answer, Refused):
            yield state
        elif isinstance(ask, CreateOnce):
            yield from self._create(state, answer)
        elif isinstance(ask, Drop):
            yield None if self._may_be(state, ask.id) else state
            if state == UNKNOWN:
                yield state
        elif not answer:
            if state is None:
                yield state
        elif len(answer) == 1 and self._may_be(state, answer[0]):
            yield answer[0]

    def _create(self, state: str | None, answer: Made | None) -> Iterator[str | None]:
        if answer is None:
            if state is None:
                yield UNKNOWN
        elif answer.is_new:
            if state is None:
                yield answer.id
        elif self._may_be(state, answer.id):
            yield answer.id

    def _may_be(self, state: str | None, id_: str) -> bool:
        return state == id_ or (state == UNKNOWN and id_ not in self.told)
