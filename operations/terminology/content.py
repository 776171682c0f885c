"""A tenant's code systems, value sets and concept maps, brought to the engine as it asks for them.

The engine is synchronous and knows only what it is given. So a question is asked; what it wanted to see and had not been
looked for is fetched from the caller's records; and it is asked again, until nothing new turns up. What was compiled is kept
by tenant, id and version: a resource is found through the caller's own search each time, and compiled once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from operations.ports import Context
from operations.terminology.r4_lists import r4_lists
from profiles.json import Resource
from terminology import messages
from terminology.catalogue import Catalogue, Layers, MemoryCatalogue, Recorded
from terminology.content.builtin import builtin_content
from terminology.issues import TerminologyError

Ask = Callable[[Catalogue], Resource]
_MOST_ROUNDS: Final = 60
_MOST_VERSIONS: Final = 50
"""Versions of one definition, and maps of one source."""
_KEPT: Final = 64


class StoredContent:
    """Answers questions on a tenant's content and what is built in. One for a server; what it keeps is bounded."""

    def __init__(self, builtin: Catalogue | None = None) -> None:
        self._builtin = builtin
        self._compiled: OrderedDict[tuple[str, str, str, str], MemoryCatalogue] = OrderedDict()

    async def answer(self, ask: Ask, context: Context, map_queries: Iterable[dict[str, str]] = ()) -> Resource:
        """The answer of `ask` with everything it needs at hand. `map_queries`: where to find concept maps.

        The engine works in a thread: a large code system's first use, or an expansion, must not hold up other requests.
        Raises TerminologyError.
        """
        builtin = self._builtin or Layers(builtin_content(), r4_lists())
        found: dict[tuple[str, str, str, str], Catalogue] = {}
        looked: set[tuple[str, str]] = set()
        for _ in range(_MOST_ROUNDS):
            recorded = Recorded(Layers(*found.values(), builtin))
            answer: Resource | TerminologyError
            try:
                answer = await asyncio.to_thread(ask, recorded)
            except TerminologyError as error:
                answer = error
            known = len(found)
            for kind, url in recorded.asked - looked:
                for query in map_queries if kind == "ConceptMap" else ({"url": url},):
                    for resource in await context.records.search(kind, query, _MOST_VERSIONS):
                        found.update([self._kept(context.tenant, resource)])
            looked |= recorded.asked
            if len(found) == known:
                if isinstance(answer, TerminologyError):
                    raise answer
                return answer
        raise messages.too_costly("The question needs more definitions than the server will look for.")

    def _kept(self, tenant: str, resource: Resource) -> tuple[tuple[str, str, str, str], MemoryCatalogue]:
        version = str(resource.get("meta", {}).get("versionId", ""))
        key = (tenant, str(resource["resourceType"]), str(resource["id"]), version)
        catalogue = self._compiled.pop(key, None) or MemoryCatalogue([resource])
        self._compiled[key] = catalogue
        if len(self._compiled) > _KEPT:
            self._compiled.popitem(last=False)
        return key, catalogue
