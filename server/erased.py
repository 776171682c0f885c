"""What was erased of records that are still there: up to which version their history was taken away, for who checks that none is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from server.internal import Kind, OwnRecords
from server.store.internal import Drop, Keep


class Erased(msgspec.Struct, frozen=True):
    """Versions before `below` are gone for good."""

    below: int


_KIND: Final = Kind("erased", Erased)


async def first_version(own: OwnRecords, name: str) -> int:
    """The oldest version that a record (`Patient/1`) can have. Raises DamagedInternalError, StoreUnavailableError."""
    found = await _KIND.read(own, name)
    return 1 if found is None else found.value.below


async def marks(own: OwnRecords, erased: Sequence[tuple[str, int]]) -> AsyncIterator[Keep | Drop]:
    """What a commit carries that erases the versions below a number of each record; 0: the whole record, of which nothing is said."""
    for name, below in erased:
        found = await _KIND.read(own, name)
        if not below:
            if found is not None:
                yield _KIND.drop(found)
        elif found is None:
            yield _KIND.add(own, name, Erased(below))
        else:
            yield _KIND.change(own, found, Erased(below))
