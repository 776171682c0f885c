"""Links asked from the outside: each hit is looked at for what it refers to, or what refers to it (docs/decisions, 0048)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from profiles.outcome import refuse
from server.access.access import Seen
from server.search.compile import Compiled, Link, compile_node
from server.search.finding import Finder
from server.search.inside import local_target, names_of
from server.search.registry import offered_parameters
from server.search.tree import Chain, Criterion, Has

MOST_ASKED: Final = 2000
"""Questions to the store that one search may put for links of its hits."""
MOST_OPENED: Final = 5000
"""Resources that may be opened for one of them."""


@dataclass(frozen=True, slots=True)
class Inner:
    """What is inside a link, for one type."""

    type: str
    compiled: Compiled


@dataclass(slots=True)
class Outside:
    """Belongs to one search, and counts what its links cost."""

    finder: Finder
    asked: int = 0

    def chain(self, type_: str, link: Chain, inner: Sequence[Inner]) -> Link:
        """Whether a hit of a type refers to something that meets what is inside. Raises FhirError (search-too-costly)."""
        extract = offered_parameters(type_)[link.code].extract
        by_type = {one.type: one.compiled for one in inner}
        known: dict[tuple[str, str], bool] = {}

        async def met(version: Seen) -> bool:
            for value in extract(version.resource()):
                target = local_target(value.value, self.finder.base_url)
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

    def has(self, link: Has, inner: Inner) -> Link:
        """Whether something that meets what is inside refers to a hit. Raises FhirError (search-too-costly)."""
        finder = self.finder
        targets = offered_parameters(link.type)[link.code].targets

        async def met(version: Seen) -> bool:
            self._ask()
            criterion = Criterion(link.code, "reference", None, names_of(version, by_url=False), targets)
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
