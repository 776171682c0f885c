"""One tenant's definitions as a validation sees them: what it has stored, before our library, before R4 (references.html#canonical).

The validator is synchronous and knows only what stands on the shelf. What it wants and nobody has looked for yet is noted, so that
it can be fetched (stored_definitions.py). R4's own types cannot be stored over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from operations.terminology.r4_lists import r4_lists
from operations.validation.codes import Codes
from operations.validation.definition_catalogue import DefinitionCatalogue
from profiles.conformance import Definitions
from profiles.conformance.trees import is_base
from profiles.json import Resource
from terminology.catalogue import Catalogue, Layers

KINDS: Final = ("StructureDefinition", "ValueSet", "CodeSystem", "Questionnaire")
"""What a validation looks for among what is stored."""

MOST_WANTED: Final = 5000
"""Definitions that one validation may ask for which are not on the shelf."""

COMPILED: Final = 4 * 2**20
"""Bytes that a shelf counts for beside what is found: the library's profiles are compiled for it."""

Wanted = tuple[str, str]
"""(resource type, URL without version)."""

Made = TypeVar("Made")


class Shelf:
    """Definitions at hand, and what was looked for in vain. Used by any number of threads; what is found makes another shelf."""

    def __init__(
        self,
        library: Definitions,
        known: Catalogue,
        kinds: frozenset[str] = frozenset(),
        found: Mapping[Wanted, Sequence[Resource]] | None = None,
        looked: frozenset[Wanted] = frozenset(),
        size: int = 0,
    ) -> None:
        """`kinds`: those of which the tenant has stored any; the others are never asked for. `size`: bytes that it stands for."""
        self.kinds = kinds
        apart = "StructureDefinition" in kinds
        self.size = size or (COMPILED if apart else 0)
        self.looked = set(looked)
        self._library, self._known = library, known
        self._found = dict(found or {})
        self._wanted: set[Wanted] = set()
        layer = _Apart if apart else Definitions
        self.definitions = layer(library, source=self._stored)
        self.codes = Codes(Layers(DefinitionCatalogue(self.definitions), known, r4_lists()), library)

    def wanted(self) -> set[Wanted]:
        """What was asked for, and nobody has looked for yet."""
        return self._wanted - self.looked

    def was_looked_for(self, wanted: set[Wanted]) -> None:
        """In vain, all of them."""
        self.looked |= wanted
        self._wanted -= wanted

    def fuller(self, found: Mapping[Wanted, Sequence[Resource]], looked: set[Wanted], size: int) -> Shelf:
        """A shelf with more on it. What was compiled stays behind: it may rest on what was not there."""
        return Shelf(
            self._library,
            self._known,
            self.kinds,
            {**self._found, **found},
            frozenset(self.looked | looked),
            self.size + size,
        )

    def _stored(self, kind: str, url: str) -> Sequence[Resource]:
        found = self._found.get((kind, url))
        if found is not None:
            return found
        if kind in self.kinds and not (kind == "StructureDefinition" and is_base(url)):
            key = (kind, url)
            if key not in self.looked and len(self._wanted) <= MOST_WANTED:
                self._wanted.add(key)
        return ()


class _Apart(Definitions):
    """Shares nothing that is compiled: what is made of a profile of the library may rest on a definition of this tenant."""

    def made(self, kind: object, resource: Resource, make: Callable[[Resource, Definitions], Made]) -> Made:
        self._own.add(id(resource))
        return super().made(kind, resource, make)
