"""What asks others becomes plain criteria: links to other resources, lists, codes that a terminology knows.

A chain or `_has` is asked from the inside: few resources that meet what is inside become ids, which the index looks up. Where they are
many, it is asked from the outside: each hit of the other criteria is looked at for its link (`Compiled.links`). Whatever is asked of
another type is asked with what the caller may reach of it: what may not be seen links nothing. Both ways are bounded together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Protocol

from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.references import parse_reference
from profiles.search_parameters import Value
from server.access.access import Access, Seen
from server.seal.blind_index import BlindIndex
from server.search.compile import Compiled, Link, compile_node, compile_query
from server.search.leaf import NOTHING
from server.search.query import Query
from server.search.registry import offered_parameters
from server.search.results import Results
from server.search.terminology_codes import Codes, with_codes
from server.search.terms import local_reference
from server.search.tree import All, Chain, Criterion, Has, Listed, Node, Not, Some, needs_codes
from server.store.algebra import Clause

FEW: Final = 1000
"""So many resources inside a link are looked up by the index; where there are more, each hit is looked at."""
MOST_OPENED: Final = 5000
"""Resources that one search may open inside its links before they count as many."""
MOST_ASKED: Final = 2000
"""Questions to the store that one search may put for links of its hits."""
WIDE: Final = 50_000
"""Rows of the index that the ids inside a link may come to: more take longer to put in order than a page takes to find."""
MOST_SEARCHES: Final = 50
"""Searches inside one search."""


class Finder(Protocol):
    """The records that a caller may search, of every type (server/search/finder.py)."""

    @property
    def index(self) -> BlindIndex: ...
    @property
    def base_url(self) -> str: ...

    def access(self, type_: str) -> Access | None:
        """What may be searched of a type; None for nothing."""

    async def count(self, type_: str, compiled: Compiled, most: int) -> int:
        """How many the clauses find, counted up to `most`."""

    async def rows(self, clauses: Sequence[Clause], most: int) -> int:
        """How many records of any type meet the clauses, counted up to `most`."""

    def found(self, type_: str, compiled: Compiled, wanted: int, most: int) -> AsyncGenerator[Seen, None]:
        """Up to `wanted` that match. Raises FhirError (search-too-costly) when more than `most` would have to be opened."""

    async def read(self, access: Access, id_: str) -> Seen | None:
        """The current version, if it is there and may be seen."""

    @property
    def codes(self) -> Codes: ...


async def plan(query: Query, finder: Finder, access: Access) -> Compiled:
    """A query compiled, with all that it asks of others. Raises FhirError: 400 for what is wrong, or would cost too much."""
    return await _Resolver(finder).compiled(query, access)


@dataclass(frozen=True, slots=True)
class _Inner:
    """What is inside a link, for one type."""

    type: str
    compiled: Compiled


@dataclass(slots=True)
class _Resolver:
    """Belongs to one search, with all searches inside it."""

    finder: Finder
    searches: int = 0
    opened: int = 0
    asked: int = 0

    async def compiled(self, query: Query, access: Access) -> Compiled:
        where, links = await self._settled(query.type, query.where)
        return compile_query(replace(query, where=where), self.finder.index, self.finder.base_url, access, links)

    async def _settled(self, type_: str, where: All) -> tuple[All, tuple[Link, ...]]:
        parts: list[Node] = []
        links: list[Link] = []
        for part in where.parts:
            if isinstance(part, Chain | Has):
                inner = await self._inner(part)
                few = await self._few(type_, part, inner)
                if few is None or await self._is_wide(type_, part, few):
                    if _by_url(type_, part):
                        raise _too_many(part, "A link by canonical URL must lead to few resources")
                    links.append(self._link(type_, part, inner))
                else:
                    parts.append(few)
            else:
                parts.append(await self._plain(type_, part))
        return All(tuple(parts)), tuple(links)

    async def _plain(self, type_: str, node: Node) -> Node:
        """A node without links. Raises FhirError (400) for a link with much inside, under `or` or `not`."""
        if isinstance(node, All | Some):
            parts = tuple([await self._plain(type_, part) for part in node.parts])
            return All(parts) if isinstance(node, All) else Some(parts)
        if isinstance(node, Not):
            return Not(await self._plain(type_, node.part))
        if isinstance(node, Listed):
            return await self._listed(type_, node)
        if isinstance(node, Chain | Has):
            few = await self._few(type_, node, await self._inner(node))
            if few is None:
                raise _too_many(node, "Inside or and not, a link must lead to few resources")
            return few
        if isinstance(node, Criterion) and needs_codes(node):
            return await with_codes(node, offered_parameters(type_)[node.code], self.finder.codes)
        return node

    async def _inner(self, link: Chain | Has) -> list[_Inner]:
        wanted = link.inner if isinstance(link, Chain) else ((link.type, link.inner),)
        found: list[_Inner] = []
        for type_, node in wanted:
            self.searches += 1
            if self.searches > MOST_SEARCHES:
                raise refuse("search-too-costly", "The search has too many searches inside it.", "http.query")
            access = self.finder.access(type_)
            if access is not None:
                compiled = await self.compiled(Query(type_, All((node,)), Results()), access)
                found.append(_Inner(type_, compiled))
        return found

    # -- from the inside -----------------------------------------------------------------------------------------------------
    async def _few(self, type_: str, link: Chain | Has, inner: list[_Inner]) -> Node | None:
        """The criterion that says the same by ids; None where there are many."""
        found: list[Seen] = []
        for one in inner:
            versions = await self._versions(one, FEW - len(found))
            if versions is None:
                return None
            found += versions
        if isinstance(link, Chain):
            return _referring(type_, link.code, found)
        return _referred(type_, link, found, self.finder.base_url)

    async def _versions(self, inner: _Inner, room: int) -> list[Seen] | None:
        compiled = inner.compiled
        if NOTHING in compiled.clauses:
            return []
        if compiled.is_exact and await self.finder.count(inner.type, compiled, room + 1) > room:
            return None
        most = MOST_OPENED - self.opened
        if most <= 0:
            return None
        found: list[Seen] = []
        try:
            async with aclosing(self.finder.found(inner.type, compiled, room + 1, most)) as versions:
                found.extend([version async for version in versions])
        except FhirError as error:
            self.opened += most
            if error.issues[0].code == "search-too-costly":
                return None
            raise
        self.opened += len(found)
        return found if len(found) <= room else None

    async def _is_wide(self, type_: str, link: Chain | Has, few: Node) -> bool:
        """Whether few resources are referred to by so many that it is cheaper to go along these and look at each."""
        if isinstance(link, Has) or _by_url(type_, link):
            return False
        clauses = compile_node(type_, few, self.finder.index, self.finder.base_url).clauses
        return await self.finder.rows(clauses, WIDE) >= WIDE

    async def _listed(self, type_: str, node: Listed) -> Node:
        """The entries of lists that the caller may see, but for those that are marked as deleted from it."""
        access = self.finder.access("List")
        ids: set[str] = set()
        for id_ in node.lists if access is not None else ():
            version = await self.finder.read(access, id_) if access is not None else None
            entries = version.resource().get("entry") if version is not None else None
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and entry.get("deleted") is not True:
                    target = _local(entry.get("item"), self.finder.base_url)
                    if target is not None and target[0] == type_:
                        ids.add(target[1])
        return _by_ids(ids)

    # -- from the outside ----------------------------------------------------------------------------------------------------
    def _link(self, type_: str, link: Chain | Has, inner: list[_Inner]) -> Link:
        return self._chain_link(type_, link, inner) if isinstance(link, Chain) else self._has_link(link, inner[0])

    def _chain_link(self, type_: str, link: Chain, inner: list[_Inner]) -> Link:
        extract = offered_parameters(type_)[link.code].extract
        by_type = {one.type: one.compiled for one in inner}
        known: dict[tuple[str, str], bool] = {}

        async def met(version: Seen) -> bool:
            for value in extract(version.resource()):
                target = _local(value.value, self.finder.base_url)
                if target is None or target[0] not in by_type:
                    continue
                if target not in known:
                    known[target] = await self._meets(by_type[target[0]], target[1])
                if known[target]:
                    return True
            return False

        return met

    async def _meets(self, compiled: Compiled, id_: str) -> bool:
        self._ask()
        version = await self.finder.read(compiled.access, id_)
        if version is None or not compiled.test(version.resource()):
            return False
        for link in compiled.links:
            if not await link(version):
                return False
        return True

    def _has_link(self, link: Has, inner: _Inner) -> Link:
        finder = self.finder
        targets = offered_parameters(link.type)[link.code].targets

        async def met(version: Seen) -> bool:
            self._ask()
            criterion = Criterion(link.code, "reference", None, _names_of(version), targets)
            pointing = compile_node(link.type, criterion, finder.index, finder.base_url)
            compiled = replace(inner.compiled, clauses=(*inner.compiled.clauses, *pointing.clauses))
            async with aclosing(finder.found(link.type, compiled, 1, MOST_OPENED)) as versions:
                async for _ in versions:
                    return True
            return False

        return met

    def _ask(self) -> None:
        self.asked += 1
        if self.asked > MOST_ASKED:
            text = (
                "Too many resources are linked with too many others to look at each; add a criterion that narrows the search, "
                "or what is asked of the linked ones."
            )
            raise refuse("search-too-costly", text, "http.query")


def _too_many(link: Chain | Has, reason: str) -> FhirError:
    name = link.code if isinstance(link, Chain) else "_has"
    return refuse("search-too-costly", f"{reason}, at most {FEW}; ask for less behind {name}.", f"http.{name}")


def _by_url(type_: str, link: Chain | Has) -> bool:
    """Whether the reference may be a canonical URL, which tells no address."""
    holder = type_ if isinstance(link, Chain) else link.type
    return "canonical" in offered_parameters(holder)[link.code].kinds


def _referring(type_: str, code: str, found: list[Seen]) -> Node:
    targets = offered_parameters(type_)[code].targets
    values = tuple(name for version in found for name in _names_of(version))
    return Criterion(code, "reference", None, values, targets) if values else Some(())


def _names_of(version: Seen) -> tuple[str, ...]:
    """What a reference to a version may say: its address, or its canonical URL."""
    url = version.resource().get("url")
    name = f"{version.type}/{version.id}"
    return (name, _escaped(url)) if isinstance(url, str) and url else (name,)


def _referred(type_: str, link: Has, found: list[Seen], base_url: str) -> Node:
    """What the found ones point at by the parameter, of the type that is asked about."""
    extract: Callable[[Resource], list[Value]] = offered_parameters(link.type)[link.code].extract
    ids: set[str] = set()
    urls: set[str] = set()
    for version in found:
        for value in extract(version.resource()):
            target = _local(value.value, base_url)
            if target is not None and target[0] == type_:
                ids.add(target[1])
            elif isinstance(value.value, str):
                urls.add(value.value.partition("|")[0])
    by_ids = _by_ids(ids)
    if not urls or "url" not in offered_parameters(type_):
        return by_ids
    return Some((by_ids, Criterion("url", "uri", None, tuple(sorted(map(_escaped, urls))))))


def _by_ids(ids: set[str]) -> Node:
    return Criterion("_id", "token", None, tuple(sorted(ids))) if ids else Some(())


def _local(reference: Json, base_url: str) -> tuple[str, str] | None:
    """(type, id) of a reference to a resource of this server."""
    text = reference.get("reference") if isinstance(reference, dict) else reference
    if not isinstance(text, str):
        return None
    found = parse_reference(local_reference(text, base_url))
    if found is None or found.kind != "relative" or found.type is None or found.id is None:
        return None
    return found.type, found.id


def _escaped(text: str) -> str:
    for sign in "\\,$|":
        text = text.replace(sign, f"\\{sign}")
    return text
