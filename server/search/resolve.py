"""What asks others becomes plain criteria: links to other resources, lists, hierarchies, codes that a terminology knows.

A chain or `_has` is asked from the inside: few resources that meet what is inside become ids, which the index looks up. Where they are
many, it is asked from the outside: each hit of the other criteria is looked at for its link (`Compiled.links`). Whatever is asked of
another type is asked with what the caller may reach of it: what may not be seen links nothing. Both ways are bounded together.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from profiles.outcome import FhirError, refuse
from server.access.access import Access, Seen
from server.search.compile import Compiled, Link, compile_node, compile_query
from server.search.finding import Finder
from server.search.inside import by_ids, is_by_url, local_target, referred, referring
from server.search.leaf import NOTHING
from server.search.lineage import Lineage
from server.search.outside import Inner, Outside
from server.search.query import Query
from server.search.registry import offered_parameters
from server.search.results import Results
from server.search.terminology_codes import with_codes
from server.search.tree import All, Chain, Criterion, Has, Listed, Node, Not, Some, asks_others, needs_codes, needs_lineage

FEW: Final = 1000
"""So many resources inside the links of one query are looked up by the index; where there are more, each hit is looked at."""
MOST_OPENED: Final = 5000
"""Resources that one search may open inside its links before they count as many."""
WIDE: Final = 50_000
"""Rows of the index that the ids inside a link may come to: more take longer to put in order than a page takes to find."""
MOST_LEVELS: Final = 100
"""Levels of hierarchies that one search may go through."""
MOST_SEARCHES: Final = 50
"""Searches inside one search."""


async def plan(query: Query, finder: Finder, access: Access) -> Compiled:
    """A query compiled, with all that it asks of others. Raises FhirError: 400 for what is wrong, or would cost too much."""
    if all(isinstance(part, Criterion) and not asks_others(part) for part in query.where.parts):  # as most do
        return compile_query(query, finder.index, finder.base_url, access)
    return await _Resolver(finder, Outside(finder)).compiled(query, access)


@dataclass(slots=True)
class _Room:
    """How many more resources the criteria of one query may be turned into."""

    left: int


@dataclass(slots=True)
class _Resolver:
    """Belongs to one search, with all searches inside it."""

    finder: Finder
    outside: Outside
    searches: int = 0
    opened: int = 0
    levels: int = 0

    async def compiled(self, query: Query, access: Access) -> Compiled:
        where, links = await self._settled(query.type, query.where)
        return compile_query(replace(query, where=where), self.finder.index, self.finder.base_url, access, links)

    async def _settled(self, type_: str, where: All) -> tuple[All, tuple[Link, ...]]:
        parts: list[Node] = []
        links: list[Link] = []
        room = _Room(FEW)
        for part in where.parts:
            if isinstance(part, Chain | Has):
                inner = await self._inner(part)
                few = await self._few(type_, part, inner, room)
                if few is None or await self._is_wide(type_, part, few):
                    if is_by_url(type_, part):
                        raise _too_many(part, "A link by canonical URL must lead to few resources")
                    links.append(self._link(type_, part, inner))
                else:
                    parts.append(few)
            else:
                parts.append(await self._plain(type_, part, room))
        return All(tuple(parts)), tuple(links)

    async def _plain(self, type_: str, node: Node, room: _Room) -> Node:
        """A node without links. Raises FhirError (400) for a link with much inside, under `or` or `not`."""
        if isinstance(node, All | Some):
            parts = tuple([await self._plain(type_, part, room) for part in node.parts])
            return All(parts) if isinstance(node, All) else Some(parts)
        if isinstance(node, Not):
            return Not(await self._plain(type_, node.part, room))
        if isinstance(node, Listed):
            return await self._listed(type_, node)
        if isinstance(node, Chain | Has):
            few = await self._few(type_, node, await self._inner(node), room)
            if few is None:
                raise _too_many(node, "Inside or and not, a link must lead to few resources")
            return few
        if isinstance(node, Criterion) and needs_codes(node):
            return await with_codes(node, offered_parameters(type_)[node.code], self.finder.codes)
        if isinstance(node, Criterion) and needs_lineage(node):
            return await self._lineage(type_, node, room)
        return node

    async def _lineage(self, type_: str, criterion: Criterion, room: _Room) -> Node:
        """With what is above or below what the criterion names. Raises FhirError (400) where that is too much."""

        async def search(kind: str, node: Node) -> list[Seen]:
            self.levels += 1
            if self.levels > MOST_LEVELS:
                text = f"A search goes through at most {MOST_LEVELS} levels of hierarchies; ask for fewer, or from a nearer one."
                raise refuse("search-too-costly", text, f"http.{criterion.code}")
            access = self.finder.access(kind)
            if access is None:
                return []
            found = await self._versions(
                Inner(kind, await self.compiled(Query(kind, All((node,)), Results()), access)), room.left
            )
            if found is None:
                raise _too_many(criterion, "A hierarchy must lead to few resources")
            room.left -= len(found)
            return found

        return await Lineage(self.finder.base_url, search).around(type_, criterion)

    async def _inner(self, link: Chain | Has) -> list[Inner]:
        wanted = link.inner if isinstance(link, Chain) else ((link.type, link.inner),)
        found: list[Inner] = []
        for type_, node in wanted:
            self.searches += 1
            if self.searches > MOST_SEARCHES:
                raise refuse("search-too-costly", "The search has too many searches inside it.", "http.query")
            access = self.finder.access(type_)
            if access is not None:
                compiled = await self.compiled(Query(type_, All((node,)), Results()), access)
                found.append(Inner(type_, compiled))
        return found

    # -- from the inside -----------------------------------------------------------------------------------------------------
    async def _few(self, type_: str, link: Chain | Has, inner: list[Inner], room: _Room) -> Node | None:
        """The criterion that says the same by ids; None where there are many."""
        found: list[Seen] = []
        for one in inner:
            versions = await self._versions(one, room.left - len(found))
            if versions is None:
                return None
            found += versions
        room.left -= len(found)
        if isinstance(link, Chain):
            return referring(type_, link, found)
        return referred(type_, link, found, self.finder.base_url)

    async def _versions(self, inner: Inner, room: int) -> list[Seen] | None:
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
        if isinstance(link, Has) or is_by_url(type_, link):
            return False
        clauses = compile_node(type_, few, self.finder.index, self.finder.base_url).clauses
        return bool(clauses) and await self.finder.rows(clauses, WIDE) >= WIDE

    async def _listed(self, type_: str, node: Listed) -> Node:
        """The entries of lists that the caller may see, but for those that are marked as deleted from it."""
        access = self.finder.access("List")
        ids: set[str] = set()
        for id_ in node.lists if access is not None else ():
            version = await self.finder.read(access, id_) if access is not None else None
            entries = version.resource().get("entry") if version is not None else None
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and entry.get("deleted") is not True:
                    target = local_target(entry.get("item"), self.finder.base_url)
                    if target is not None and target[0] == type_:
                        ids.add(target[1])
        return by_ids(ids)

    def _link(self, type_: str, link: Chain | Has, inner: list[Inner]) -> Link:
        return self.outside.chain(type_, link, inner) if isinstance(link, Chain) else self.outside.has(link, inner[0])


def _too_many(link: Chain | Has | Criterion, reason: str) -> FhirError:
    name = "_has" if isinstance(link, Has) else link.code
    return refuse("search-too-costly", f"{reason}, at most {FEW}; ask for less behind {name}.", f"http.{name}")
