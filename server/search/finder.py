"""Searches inside a search, made with the right of the caller to search each type (server/search/resolve.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from profiles.json import Resource
from server.access.access import Access
from server.repository import Version
from server.rest.context import context_for
from server.rest.exchange import AUDIT_TYPE, Exchange
from server.seal.blind_index import BlindIndex
from server.search.compile import Compiled
from server.search.hits import as_version, matches, telling
from server.store.algebra import Clause
from terminology.catalogue import Catalogue
from terminology.codes_found import Code


@dataclass(frozen=True, slots=True)
class ExchangeFinder:
    """A `Finder` and its `Codes` for one interaction."""

    exchange: Exchange

    @property
    def index(self) -> BlindIndex:
        return self.exchange.tenant.index

    @property
    def base_url(self) -> str:
        return self.exchange.repository.base_url

    @property
    def codes(self) -> ExchangeFinder:
        return self

    def access(self, type_: str) -> Access | None:
        """See Finder."""
        return self.exchange.gate.access_if_any("s", type_)

    async def count(self, type_: str, compiled: Compiled, most: int) -> int:
        """See Finder."""
        self.exchange.services.index_state.check(type_, compiled.codes)
        return await self.exchange.services.store.count(telling(compiled.clauses), most)

    async def rows(self, clauses: Sequence[Clause], most: int) -> int:
        """See Finder."""
        return await self.exchange.services.store.count(clauses, most)

    async def found(self, type_: str, compiled: Compiled, wanted: int, most: int) -> AsyncGenerator[Version, None]:
        """See Finder."""
        if type_ == AUDIT_TYPE:
            await self.exchange.services.audit.catch_up()
        async with aclosing(matches(self.exchange, type_, compiled, None, wanted, most)) as hits:
            async for _, version in hits:
                yield version

    async def read(self, access: Access, id_: str) -> Version | None:
        """See Finder."""
        if access.type == AUDIT_TYPE:
            event = await self.exchange.services.audit.read(self.exchange.tenant, id_)
            found = None if event is None else as_version(event)
            return found if found is not None and access.admits(found) else None
        version = await self.exchange.repository.read(access, id_)
        return None if version is None or version.deleted else version

    async def answer(self, ask: Callable[[Catalogue], frozenset[Code]]) -> frozenset[Code]:
        """See Codes."""
        context = context_for(self.exchange, self.exchange.access)
        return await self.exchange.services.terminology.answer(ask, context)

    async def value_set(self, id_: str) -> Resource | None:
        """See Codes."""
        access = self.access("ValueSet")
        version = None if access is None else await self.read(access, id_)
        return None if version is None else version.resource()
