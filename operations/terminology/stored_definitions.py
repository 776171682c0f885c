"""Definitions of a tenant as they are stored: what is known of each version of a URL, and what was made of those in use.

A search for a URL is remembered under the tenant's edition (`Context.edition`), so that a change by any server is seen by the
next question. What is held is bounded: of a definition that is not in use little more than its version.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final

import msgspec

from operations.ports import Found
from profiles import json
from terminology.code_system import CodeSystem
from terminology.compile_code_system import compile_code_system
from terminology.elements import Resource
from terminology.value_set import ValueSet, read_value_set

Form = CodeSystem | ValueSet | Resource
"""What a definition is used as: a supplement and a concept map as they are."""

SMALL: Final = 64 * 2**10
"""Bytes: a definition up to this size is held as soon as it is found, a larger one when it is wanted."""
MOST_BYTES: Final = 64 * 2**20
"""JSON of all definitions that are held; what is made of it takes a few times as much."""
MOST_SEARCHES: Final = 5000
"""Searches that are remembered, those that found nothing included."""

Name = tuple[str, str]
"""(resource type, URL); for a concept map the search that finds it."""
Key = tuple[str, str, str]
"""A tenant and a Name."""


class _Part(msgspec.Struct):
    system: str | None = None
    value_sets: list[str] = msgspec.field(default_factory=list, name="valueSet")


class _Compose(msgspec.Struct):
    include: list[_Part] = []
    exclude: list[_Part] = []


class _Head(msgspec.Struct):
    version: str | None = None
    content: str = "complete"
    compose: _Compose | None = None


class NotReadyError(Exception):
    """A definition has to be brought or made first: by another thread, or with the store's help where `definition` is given."""

    def __init__(self, definition: Definition | None = None) -> None:
        super().__init__("The definition is not ready.")
        self.definition = definition


class Definition:
    """One stored resource in one version. It is an `Offer` (terminology/catalogue.py) when it is held."""

    __slots__ = ("_body", "_form", "_making", "content", "id", "refers", "size", "stored", "type", "updated", "version")

    def __init__(self, type_: str, found: Found) -> None:
        head = _head(found.body)
        self.type = type_
        self.id = found.id
        self.stored = found.version
        """The number of the version in the store; `version` is the one that the definition gives itself."""
        self.updated = found.updated
        self.size = len(found.body)
        self.version = head.version
        self.content = head.content
        self.refers: tuple[Name, ...] = tuple(_refers(head))
        self._body: bytes | None = found.body if self.size <= SMALL else None
        self._form: Form | None = None
        self._making = Lock()

    @property
    def is_held(self) -> bool:
        return self._body is not None or self._form is not None

    @property
    def is_ready(self) -> bool:
        return self._form is not None

    def bring(self, body: bytes) -> None:
        """What is to be held of it."""
        self._body = body

    def drop(self) -> None:
        """Hold it no longer; whoever has taken it keeps what he has. Waits for nobody who makes it just now."""
        self._body = self._form = None

    def make(self) -> Form:
        """Raises NotReadyError where it is not held, TerminologyError where it is broken."""
        form = self._form
        if form is not None:
            return form
        with self._making:
            form, body = self._form, self._body
            if form is None:
                if body is None:
                    raise NotReadyError(self)
                form = self._form = _made(self.type, self.content, json.loads(body))
                self._body = None
            return form


def _made(type_: str, content: str, resource: Resource) -> Form:
    if type_ == "ValueSet":
        return read_value_set(resource)
    return compile_code_system(resource) if type_ == "CodeSystem" and content != "supplement" else resource


def _head(body: bytes) -> _Head:
    """What is said about a definition without reading all of it: some milliseconds for megabytes."""
    try:
        return msgspec.json.decode(body, type=_Head)
    except msgspec.ValidationError:  # stored before anybody checked what is stored
        return _Head()


def _refers(head: _Head) -> Iterable[Name]:
    """What a value set will be asked about next."""
    for part in [*head.compose.include, *head.compose.exclude] if head.compose is not None else ():
        if part.system is not None:
            yield "CodeSystem", part.system
        for canonical in part.value_sets:
            if not canonical.startswith("#"):
                yield "ValueSet", canonical.partition("|")[0]


class Shelf:
    """What a server remembers of its tenants' definitions. Changed on the event loop alone; read from threads as well."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_searches: int = MOST_SEARCHES) -> None:
        self._most_bytes, self._most_searches = most_bytes, most_searches
        self._searches: OrderedDict[Key, tuple[bytes, Sequence[Definition]]] = OrderedDict()
        self._held: OrderedDict[Definition, None] = OrderedDict()
        self._bytes = 0

    @property
    def bytes_held(self) -> int:
        """JSON of the definitions that are held."""
        return self._bytes

    @property
    def searches_kept(self) -> int:
        return len(self._searches)

    def found(self, key: Key, edition: bytes) -> Sequence[Definition] | None:
        """What a search found, newest first; None where it was not made in this edition."""
        kept = self._searches.get(key)
        return kept[1] if kept is not None and kept[0] == edition else None

    def before(self, key: Key) -> Sequence[Definition]:
        """What the search found in whichever edition it was last made."""
        kept = self._searches.get(key)
        return kept[1] if kept is not None else ()

    def remember(self, key: Key, edition: bytes, definitions: Sequence[Definition]) -> None:
        """Keep what a search found; what it no longer finds is let go."""
        for gone in set(self.before(key)) - set(definitions):
            self._let_go(gone)
        self._searches[key] = (edition, definitions)
        self._searches.move_to_end(key)
        for definition in definitions:
            self.hold(definition)
        if len(self._searches) > self._most_searches:
            _, (_, oldest) = self._searches.popitem(last=False)
            for definition in oldest:
                self._let_go(definition)

    def hold(self, definition: Definition) -> None:
        """Count what is held of a definition, as the one used last; what was not used for longest goes."""
        if not definition.is_held:
            return
        if definition not in self._held:
            self._bytes += definition.size
        self._held[definition] = None
        self._held.move_to_end(definition)
        while self._bytes > self._most_bytes and len(self._held) > 1:
            self._let_go(next(iter(self._held)))

    def used(self, keys: Iterable[Key], definitions: Iterable[Definition]) -> None:
        """Note what a question has used."""
        for key in keys:
            if key in self._searches:
                self._searches.move_to_end(key)
        for definition in definitions:
            self.hold(definition)

    def _let_go(self, definition: Definition) -> None:
        if definition in self._held:
            del self._held[definition]
            self._bytes -= definition.size
        definition.drop()
