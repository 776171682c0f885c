"""Which resource a condition means, and how exactly one of many callers with the same condition makes it.

Before it searches, a caller reads who holds the uniqueness key of the criteria. If it finds nothing and creates, its commit
hands the key from that holder to the new version; when somebody else was given the key meanwhile, the commit is refused, and
the caller looks again. The key says who made something under these criteria last, and never by itself that something is
there: whether something matches is always found out by the search. So a key never outlives its use, whatever becomes of the
resource, and tells a caller nothing about what it may not see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from profiles.outcome import FhirError, refuse
from server.repository import Prepared, Version
from server.rest.exchange import Exchange
from server.search.criteria import Criteria, Pairs, compile_criteria, placed
from server.search.hits import matches
from server.search.index_entries import index_resource
from server.store.store import KeyClaim, KeyHeldError, StaleVersionError

MAX_ATTEMPTS: Final = 12
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found for the criteria, and who held their key just before."""

    criteria: Criteria
    found: Version | None
    holder: str | None


def read_criteria(exchange: Exchange, type_: str, pairs: Pairs, place: str) -> Criteria:
    """Criteria limited to what the caller may search. Raises FhirError: 400 at `place`, 403 without the right to search."""
    try:
        access = exchange.authorize("s", type_)
        return compile_criteria(type_, pairs, exchange.tenant.index, exchange.repository.base_url, access)
    except FhirError as error:
        raise placed(error, place) from error


async def look_up(exchange: Exchange, criteria: Criteria, place: str) -> Lookup:
    """Raises FhirError (412) when more than one resource matches."""
    holder = await exchange.repository.holder(criteria.key)
    found = await find(exchange, criteria, 2)
    if len(found) > 1:
        raise ambiguous(place)
    return Lookup(criteria, found[0] if found else None, holder)


async def find(exchange: Exchange, criteria: Criteria, limit: int) -> list[Version]:
    """Up to `limit` resources that match as they are now, whatever the index said a moment ago."""
    found = [version async for _, version in matches(exchange, criteria.type, criteria.narrow, None, limit)]
    return [version for version in found if still_matches(exchange, criteria, version)]


def still_matches(exchange: Exchange, criteria: Criteria, version: Version) -> bool:
    """Whether a version meets the criteria, whatever the index says of its record."""
    repository, resource = exchange.repository, version.resource()
    index = index_resource(resource, version.patients, exchange.tenant.index, version.record.order, repository.base_url)
    return criteria.met_by(index, resource)


def ambiguous(
    place: str, text: str = "More than one resource matches; the criteria are not selective enough."
) -> FhirError:
    return refuse("multiple-matches", text, place)


def claims(exchange: Exchange, lookup: Lookup, prepared: Prepared) -> list[KeyClaim]:
    """The claim that lets only one of those through who found nothing.

    None for a resource that does not meet the criteria: it is in nobody's way, and each caller may create its own.
    """
    version = prepared.version
    if not lookup.criteria.met_by(prepared.put.index, version.resource()):
        return []
    holder = f"{version.reference}/_history/{version.version}"
    return [exchange.repository.claim(lookup.criteria.key, holder, lookup.holder)]


async def in_turn(
    exchange: Exchange, keys: Iterable[tuple[str, ...]], attempt: Callable[[], Awaitable[_Result]]
) -> _Result:
    """The result of an attempt that lost no race; each looks again from the start. Raises FhirError (409) when all lost.

    Callers with a key in common go one after the other.
    """
    names = [(exchange.tenant.number, *key) for key in keys]
    async with exchange.services.turns.of(names):
        trail = exchange.trail
        for _ in range(MAX_ATTEMPTS):
            noted, patients = len(trail.entities), set(trail.patients)
            try:
                return await attempt()
            except (KeyHeldError, StaleVersionError):  # what a lost attempt touched is not what was done
                del trail.entities[noted:]
                trail.patients = patients
    raise refuse("edit-conflict", "Others change the same resource all the time; try again.")
