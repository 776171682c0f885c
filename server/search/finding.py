"""What a search needs of the records of other types: the port behind which the caller's own right to search them stands.

Fulfilled by server/search/finder.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from server.access.access import Access, Seen
from server.seal.blind_index import BlindIndex
from server.search.compile import Compiled
from server.search.terminology_codes import Codes
from server.store.algebra import Clause


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
