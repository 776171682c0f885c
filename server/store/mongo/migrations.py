"""How a database of an earlier schema becomes one of the present schema.

New collections and indexes need no step: `prepare` makes what is missing (schema.py). To change documents that are there, append a
function of the database to `STEPS`. Servers of the version before may be at work meanwhile, another server may take the same step
at the same time, and either may be killed in it: a step must be harmless to repeat, and leave old documents readable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

Step = Callable[[AsyncDatabase[dict[str, Any]]], Awaitable[None]]

FIRST_VERSION: Final = 1
"""The schema of the first release; the step at position 0 leads to the version after it."""

STEPS: Final[tuple[Step, ...]] = ()


def newest_version(steps: Sequence[Step] = STEPS) -> int:
    return FIRST_VERSION + len(steps)


async def migrate(database: AsyncDatabase[dict[str, Any]], version: int, steps: Sequence[Step] = STEPS) -> int:
    """Take the steps behind `version`; the version that the database has then. Raises PyMongoError."""
    for step in steps[version - FIRST_VERSION :]:
        await step(database)
    return max(version, newest_version(steps))
