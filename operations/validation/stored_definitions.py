"""Brings a tenant's stored definitions to the validator, as it asks for them, and keeps them for as long as none has changed.

A question is asked; what it wanted and nobody had looked for is fetched from the records; and it is asked again, until nothing more
turns up. Under the same edition (`Context.edition`) a question that was asked before reads nothing from the store. Questions are
answered in threads of their own, so that neither other requests nor the store wait for a long one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, TypeVar

from operations.pas.known_resources import escaped
from operations.ports import Context, Found
from operations.validation.shelf import KINDS, MOST_WANTED, Shelf, Wanted
from profiles import json
from profiles.conformance import Definitions
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from terminology.catalogue import Catalogue
from terminology.versions import version_key

Answer = TypeVar("Answer")
Question = Callable[[Shelf], Answer]

Lane = Literal["asked", "written"]
"""Who waits: whoever asks what is valid does not keep those waiting who store something."""

LANES: Final[tuple[Lane, ...]] = ("asked", "written")
THREADS: Final = 2
"""For each of them."""
MOST_TENANTS: Final = 200
MOST_ROUNDS: Final = 100
MOST_BYTES: Final = 96 * 2**20
"""JSON of the definitions that are kept, of all tenants; in memory it takes a few times as much."""
MOST_LOOKED: Final = 20_000
"""URLs of which is remembered that nothing is stored under them."""
MOST_VERSIONS: Final = 100
_AT_ONCE: Final = 100
_LONGEST_URL: Final = 1000


class _TooManyWantedError(Exception):
    """More is wanted than is looked for."""


class StoredDefinitions:
    """The shelves of the tenants. `library` is before R4 on each; `known` are the codes that every server knows."""

    def __init__(self, library: Definitions, known: Catalogue) -> None:
        self._library, self._known = library, known
        self._bare = Shelf(library, known)
        self._shelves: OrderedDict[str, tuple[bytes, Shelf]] = OrderedDict()
        self._threads = {lane: ThreadPoolExecutor(THREADS, f"validate-{lane}") for lane in LANES}

    def close(self) -> None:
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def answer_by_library(self, question: Question[Answer]) -> Answer:
        """The answer by the library and R4 alone, whatever is stored."""
        return await self._ask(question, self._bare, "asked")

    async def answer(self, question: Question[Answer], context: Context, lane: Lane = "asked") -> Answer:
        """The answer with all that it needs of the tenant's definitions at hand. Raises FhirError where that is too much."""
        edition = await context.edition()
        try:
            return await self._answer(question, await self._shelf(edition, context), edition, context, lane)
        except _TooManyWantedError:  # perhaps by others who ask at the same time: this one is asked by itself
            self._shelves.pop(context.tenant, None)
        try:
            return await self._answer(question, await self._fresh(context), edition, context, lane)
        except _TooManyWantedError as error:
            text = f"More than {MOST_WANTED} definitions would have to be looked for."
            raise refuse("validation-limit", text) from error

    async def _answer(
        self, question: Question[Answer], shelf: Shelf, edition: bytes, context: Context, lane: Lane
    ) -> Answer:
        for _ in range(MOST_ROUNDS):
            answer = await self._ask(question, shelf, lane)
            wanted = shelf.wanted()
            if not wanted:
                return answer
            if len(wanted) > MOST_WANTED:
                raise _TooManyWantedError
            found, size = await _fetch(wanted, context, MOST_BYTES - shelf.size)
            if not found:
                shelf.was_looked_for(wanted)
                if len(shelf.looked) > MOST_LOOKED:
                    self._shelves.pop(context.tenant, None)
                return answer
            shelf = shelf.fuller(found, wanted, size)
            self._keep(context.tenant, edition, shelf)
        raise refuse("validation-limit", "The definitions lead to more definitions than the server will look for.")

    async def _ask(self, question: Question[Answer], shelf: Shelf, lane: Lane) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads[lane], question, shelf)

    async def _shelf(self, edition: bytes, context: Context) -> Shelf:
        kept = self._shelves.get(context.tenant)
        if kept is not None and kept[0] == edition:
            self._shelves.move_to_end(context.tenant)
            return kept[1]
        shelf = await self._fresh(context)
        self._keep(context.tenant, edition, shelf)
        return shelf

    async def _fresh(self, context: Context) -> Shelf:
        """Without anything on it; tenants that have stored no definition share one, and all that is compiled for it."""
        kinds = frozenset([kind for kind in KINDS if await _has_any(kind, context)])
        return Shelf(self._library, self._known, kinds) if kinds else self._bare

    def _keep(self, tenant: str, edition: bytes, shelf: Shelf) -> None:
        self._shelves[tenant] = edition, shelf
        self._shelves.move_to_end(tenant)
        while len(self._shelves) > MOST_TENANTS or sum(each.size for _, each in self._shelves.values()) > MOST_BYTES:
            self._shelves.popitem(last=False)


async def _has_any(kind: str, context: Context) -> bool:
    try:
        return bool(await context.records.search(kind, {}, 1))
    except FhirError as error:
        if error.issues[0].code != "search-too-costly":
            raise
        return True  # more than one


async def _fetch(wanted: Iterable[Wanted], context: Context, room: int) -> tuple[dict[Wanted, Sequence[Resource]], int]:
    """What is stored under each URL, the preferred version first; and how many bytes of JSON that is. Raises FhirError."""
    versions: dict[Wanted, list[tuple[Found, Resource]]] = {}
    size = 0
    for kind, urls in _in_parts(wanted):
        async for each in context.records.find(kind, {"url": ",".join(map(escaped, urls))}):
            await asyncio.sleep(0)  # a definition takes milliseconds to read, and there may be many
            size += len(each.body)
            if size > room:
                raise refuse("validation-limit", "The definitions that are needed are larger than the server will hold.")
            resource: Resource = json.loads(each.body)
            held = versions.setdefault((kind, str(resource.get("url"))), [])
            held.append((each, resource))
            if len(held) > MOST_VERSIONS:
                raise refuse("validation-limit", f"More than {MOST_VERSIONS} versions of a definition are stored.")
    return {
        key: [resource for _, resource in sorted(held, key=_rank, reverse=True)] for key, held in versions.items()
    }, size


def _in_parts(wanted: Iterable[Wanted]) -> Iterable[tuple[str, list[str]]]:
    """By type, as many URLs as one search takes. What can be no URL is stored nowhere."""
    by_kind: dict[str, list[str]] = {}
    for kind, url in sorted(wanted):
        if 0 < len(url) <= _LONGEST_URL and url.isprintable() and url == url.strip():
            by_kind.setdefault(kind, []).append(url)
    for kind, urls in by_kind.items():
        for first in range(0, len(urls), _AT_ONCE):
            yield kind, urls[first : first + _AT_ONCE]


def _rank(held: tuple[Found, Resource]) -> tuple[bool, tuple[tuple[int, int, str], ...], int]:
    """Where no version is asked for: the newest that is not retired; of several with the same version, the one stored last."""
    found, resource = held
    version = resource.get("version")
    return resource.get("status") != "retired", version_key(version if isinstance(version, str) else None), found.updated
