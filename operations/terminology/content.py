"""A tenant's code systems, value sets and concept maps, brought to the engine as it asks for them.

The engine is synchronous and knows only what it is given. So a question is asked; what it wanted to see and had not been
looked for is fetched from the caller's records, with what that refers to; and it is asked again, until nothing is missing.
What was found and made is remembered (stored_definitions.py): while nobody changes a definition, a question costs the store
one look at the tenant's edition.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, cast

from operations.ports import Context, Found
from operations.terminology.r4_lists import r4_lists
from operations.terminology.stored_definitions import Definition, Form, Key, Name, NotReadyError, Shelf
from profiles.json import Resource
from terminology import messages
from terminology.catalogue import Catalogue, Layers, Offer, first_of_each
from terminology.code_system import CodeSystem
from terminology.content.builtin import builtin_content
from terminology.issues import TerminologyError
from terminology.value_set import ValueSet

T = TypeVar("T")
MOST_VERSIONS: Final = 1000
"""Versions of one definition, and maps that one search finds."""
_MOST_SEARCHES: Final = 5000
"""For one question."""
_MOST_BROUGHT: Final = 256 * 2**20
"""Bytes of definitions that are read again for one question."""
_MOST_AT_ONCE: Final = 50
"""A small question that asks for more URLs is none."""
_LONG: Final = 2**20
"""Bytes: a longer definition is not even skimmed on the event loop."""


class StoredContent:
    """Answers questions on a tenant's content and what is built in. One for a server; what it keeps is bounded."""

    def __init__(self, builtin: Catalogue | None = None, shelf: Shelf | None = None) -> None:
        self._builtin = builtin
        self._shelf = shelf or Shelf()

    async def answer(
        self,
        ask: Callable[[Catalogue], T],
        context: Context,
        map_queries: Iterable[tuple[str, str]] = (),
        *,
        small: bool = False,
    ) -> T:
        """The answer of `ask` with everything it needs at hand. `map_queries`: searches (name, value) that find concept maps.

        The engine works in a thread: a large code system's first use, or an expansion, must not hold up other requests. A
        question that is `small` is first tried at once, with what is ready. `ask` may be called many times.
        Raises what `ask` raises, TerminologyError for what needs too much, FhirError where the index is being rebuilt.
        """
        asking = _Asking(self._shelf, self._builtin or Layers(builtin_content(), r4_lists()), context, tuple(map_queries))
        asking.edition = await context.edition()
        if small:
            view = asking.view(at_once=True)
            try:
                answer = ask(view)
            except NotReadyError:
                pass
            else:
                asking.note(view)
                return answer
        return await asking.answer(ask)


@dataclass(slots=True)
class _Asking:
    """One question under way, and what it has cost the store."""

    shelf: Shelf
    builtin: Catalogue
    context: Context
    map_queries: Sequence[tuple[str, str]]
    edition: bytes = b""
    searches: int = 0
    brought: int = 0

    def view(self, *, at_once: bool = False) -> TenantCatalogue:
        return TenantCatalogue(
            self.shelf,
            self.context.tenant,
            self.edition,
            self.builtin,
            [_written(*one) for one in self.map_queries],
            at_once,
        )

    def note(self, view: TenantCatalogue) -> None:
        self.shelf.used(view.used, view.taken)

    async def answer(self, ask: Callable[[Catalogue], T]) -> T:
        """Raises TerminologyError."""
        while True:
            view = self.view()
            answer: T | TerminologyError
            try:
                answer = await asyncio.to_thread(ask, view)
            except TerminologyError as error:
                answer = error
            except NotReadyError as error:
                await self._bring(error.definition)
                continue
            finally:
                self.note(view)
            if view.wanted:
                await self._look_for(view.wanted)
            elif isinstance(answer, TerminologyError):
                raise answer
            else:
                return answer

    async def _look_for(self, wanted: Iterable[Name]) -> None:
        """Search for what was asked about, and for what that refers to."""
        waiting = deque(wanted)
        while waiting:
            kind, name = waiting.popleft()
            key = (self.context.tenant, kind, name)
            if self.shelf.found(key, self.edition) is None:
                self.searches += 1
                if self.searches > _MOST_SEARCHES:
                    raise messages.too_costly("The question needs more definitions than the server will look for.")
                found = await self._search(kind, name, {(one.id, one.stored): one for one in self.shelf.before(key)})
                self.shelf.remember(key, self.edition, found)
                waiting.extend(dict.fromkeys(other for one in found for other in one.refers))

    async def _search(self, kind: str, name: str, known: dict[tuple[str, int], Definition]) -> Sequence[Definition]:
        parameter, value = self._query(kind, name)
        definitions: list[Definition] = []
        async for found in self.context.records.find(kind, {parameter: _escaped(value)}):
            if len(definitions) == MOST_VERSIONS:
                raise messages.too_costly(f"A definition has more than {MOST_VERSIONS} versions, or a code as many maps.")
            definitions.append(known.get((found.id, found.version)) or await _read(kind, found))
        return sorted(definitions, key=lambda one: one.updated, reverse=True)

    def _query(self, kind: str, name: str) -> tuple[str, str]:
        if kind == "ConceptMap":
            return next(one for one in self.map_queries if _written(*one) == name)
        return "url", name

    async def _bring(self, definition: Definition | None) -> None:
        """Read a definition again; where it is another by now, go by the tenant's present edition."""
        assert definition is not None  # only what is asked at once says less
        self.brought += definition.size
        if self.brought > _MOST_BROUGHT:
            raise messages.too_costly("The question needs larger definitions than the server will read for it.")
        async for found in self.context.records.find(definition.type, {"_id": definition.id}):
            if found.version == definition.stored:
                definition.bring(found.body)
                self.shelf.hold(definition)
                return
        self.edition = await self.context.edition()


@dataclass(slots=True)
class TenantCatalogue:
    """What one question sees: the tenant's definitions, and behind them what is built in.

    `wanted` are those that nobody has looked for: then the answer does not count. `at_once` raises NotReadyError for these, and
    for all that would have to be made.
    """

    shelf: Shelf
    tenant: str
    edition: bytes
    builtin: Catalogue
    map_queries: Sequence[str]
    at_once: bool = False
    wanted: dict[Name, None] = field(default_factory=dict)
    used: dict[Key, None] = field(default_factory=dict)
    taken: dict[Definition, Form] = field(default_factory=dict)

    def code_systems(self, url: str) -> Sequence[Offer[CodeSystem]]:
        found = [one for one in self._found("CodeSystem", url) if one.content != "supplement"]
        return self._offers(cast("list[Offer[CodeSystem]]", self._takers(found)), self.builtin.code_systems(url))

    def supplements(self, url: str) -> Sequence[Offer[Resource]]:
        found = [one for one in self._found("CodeSystem", url) if one.content == "supplement"]
        return self._offers(cast("list[Offer[Resource]]", self._takers(found)), self.builtin.supplements(url))

    def value_sets(self, url: str) -> Sequence[Offer[ValueSet]]:
        found = self._takers(self._found("ValueSet", url))
        return self._offers(cast("list[Offer[ValueSet]]", found), self.builtin.value_sets(url))

    def concept_maps(self) -> Iterable[Resource]:
        each = {one.id: one for query in self.map_queries for one in self._found("ConceptMap", query)}
        maps = cast("list[Offer[Resource]]", self._takers(list(each.values())))
        return [*(one.take() for one in maps), *self.builtin.concept_maps()]

    def _found(self, kind: str, name: str) -> Sequence[Definition]:
        key = (self.tenant, kind, name)
        found = self.shelf.found(key, self.edition)
        if self.at_once and len(self.used) > _MOST_AT_ONCE:
            raise NotReadyError
        if found is not None:
            self.used[key] = None
            return found
        if self.at_once:
            raise NotReadyError
        self.wanted[kind, name] = None
        return ()

    def _takers(self, definitions: Sequence[Definition]) -> list[_Taker]:
        return [_Taker(self, one, one.version, one.content) for one in definitions]

    def _offers(self, stored: list[Offer[T]], builtin: Sequence[Offer[T]]) -> Sequence[Offer[T]]:
        offers = first_of_each([*stored, *builtin] if stored else builtin)
        return [one if one.is_ready else _Unready(one) for one in offers] if self.at_once else offers

    def take(self, definition: Definition) -> Form:
        """Raises NotReadyError where it has to be read first; what a question has taken stays with it."""
        form = self.taken.get(definition)
        if form is None:
            form = self.taken[definition] = definition.make()
        return form


@dataclass(frozen=True, slots=True)
class _Taker:
    """A stored definition as it is offered to one question."""

    view: TenantCatalogue
    definition: Definition
    version: str | None
    content: str

    @property
    def is_ready(self) -> bool:
        return self.definition.is_ready

    def take(self) -> Form:
        return self.view.take(self.definition)


class _Unready(Generic[T]):
    """An offer that somebody has to make ready first."""

    is_ready = False

    def __init__(self, offer: Offer[T]) -> None:
        self.version = offer.version
        self.content = offer.content

    def take(self) -> T:
        raise NotReadyError


async def _read(kind: str, found: Found) -> Definition:
    return await asyncio.to_thread(Definition, kind, found) if len(found.body) > _LONG else Definition(kind, found)


def _written(parameter: str, value: str) -> str:
    return f"{parameter}={value}"


def _escaped(value: str) -> str:
    """A value as it stands in a search (R4 search.html#escaping)."""
    for special in "\\,|$":
        value = value.replace(special, f"\\{special}")
    return value
