"""A page of the history of many records, of which the caller may see only some: filled, and continued, as if the others were not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from server.store.timeline import Listed, Moment, Timeline, TimelinePage

MAX_EXAMINED: Final = 10_000
"""Versions that one page may look at, as in a store: a page that would need more ends early, and says where to go on."""

_Found = TypeVar("_Found")


async def visible_page(
    ask: Callable[[Timeline], Awaitable[TimelinePage]], look: Callable[[Listed], Awaitable[_Found | None]], plan: Timeline
) -> tuple[list[_Found], Moment | None]:
    """(what `look` makes of at most `plan.limit` versions, None of it None; where to go on, where there is more to be seen)."""
    found: list[_Found] = []
    last, after, examined = plan.after, plan.after, 0
    while True:
        page = await ask(replace(plan, after=after))
        for entry in page.listed:
            seen = await look(entry)
            if seen is not None:
                if len(found) == plan.limit:
                    return found, last
                found.append(seen)
            after = Moment(entry.record.updated, entry.record.rid, entry.record.version)
            if len(found) < plan.limit or seen is not None:
                last = after
        examined += len(page.listed)
        after = page.rest
        if after is None:
            return found, None
        if examined >= MAX_EXAMINED or not page.listed:
            return found, after if len(found) < plan.limit else last
