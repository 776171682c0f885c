"""What the conditional entries and references of a transaction mean (R4 http.html#trules).

Entries' conditions are answered by what is stored before the transaction. Two entries that come to the same resource are
refused, also when one of them would only write what the other's condition looks for: done in either order, one of the two
would be lost. References by condition are answered by what is there after it: its own resources count, and those which it
deletes, or changes so that they no longer match, do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from server.reach import patients_of
from server.repository import Version, stamp
from server.rest.exchange import Exchange, check_type
from server.rest.interactions.conditional import if_none_exist
from server.rest.interactions.entries import Entry, inside
from server.rest.matching import Lookup, ambiguous, look_up, read_criteria
from server.rest.request import FORMAT_PARAMETERS, parse_pairs
from server.search.criteria import Criteria, percent_encoded, placed
from server.search.hits import matches
from server.search.index_entries import index_resource
from server.store.algebra import AnyOf
from server.store.store import Index

MAX_REFERENCES: Final = 2000
"""Different conditional references in one transaction: each costs a search."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A writing entry, allowed and checked: what it will store, or (without resource) delete, under `type` and `id`.

    `part` is the exchange as if the entry were a request of its own; `references` are (conditional reference, expression).
    """

    entry: Entry
    part: Exchange
    type: str
    id: str
    resource: Resource | None
    references: tuple[tuple[str, str], ...]
    lookup: Lookup | None
    base: Version | None = None
    """What a patch was applied to."""

    @property
    def present(self) -> Version | None:
        """What a conditional create found, and therefore does not create."""
        return self.lookup.found if self.lookup is not None and self.entry.method == "POST" else None


@dataclass(slots=True)
class Written:
    """The resources that a transaction writes, found by criteria before they are stored."""

    by_term: dict[int, list[Draft]] = field(default_factory=dict)
    indexed: dict[str, tuple[Index, Resource]] = field(default_factory=dict)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    """All that it writes or deletes."""

    def matching(self, criteria: Criteria) -> list[Draft]:
        first, *others = [clause for clause in criteria.wide.clauses if isinstance(clause, AnyOf)]
        terms = (others[0] if others else first).terms
        candidates = {draft.entry.at: draft for term in terms for draft in self.by_term.get(term, ())}
        return [draft for at, draft in candidates.items() if criteria.met_by(*self.indexed[at])]


def entry_criteria(exchange: Exchange, entries: Iterable[Entry]) -> dict[str, Criteria]:
    """entry -> its criteria, for conditional creates, updates, patches and deletes. Raises FhirError: 400, 403."""
    found: dict[str, Criteria] = {}
    seen: dict[tuple[str, ...], str] = {}
    for entry in entries:
        criteria = _criteria(exchange, entry)
        if criteria is None:
            continue
        if criteria.key in seen:
            text = f"{seen[criteria.key]} and {entry.at} have the same condition, and so stand for the same resource."
            raise refuse("bundle-duplicate", text, entry.at)
        seen[criteria.key] = entry.at
        found[entry.at] = criteria
    exchange.trail.query = "\n".join(criteria.text for criteria in found.values())[:4000]
    return found


def _criteria(exchange: Exchange, entry: Entry) -> Criteria | None:
    if len(entry.segments) != 1:
        return None
    type_ = entry.segments[0]
    if entry.if_none_exist is not None and not entry.query:
        check_type(type_)
        return if_none_exist(exchange, type_, entry.if_none_exist, f"{entry.at}.request.ifNoneExist")
    if entry.method in {"PUT", "PATCH", "DELETE"} and entry.query:
        check_type(type_)
        pairs = tuple(pair for pair in entry.query if pair[0] not in FORMAT_PARAMETERS)
        return read_criteria(exchange, type_, pairs, f"{entry.at}.request.url")
    return None


async def entry_lookups(exchange: Exchange, criteria: Mapping[str, Criteria]) -> dict[str, Lookup]:
    """Raises FhirError (412) for an entry whose condition more than one resource meets."""
    found: dict[str, Lookup] = {}
    for at, one in criteria.items():
        found[at] = await look_up(exchange, one, at)
        await asyncio.sleep(0)  # many look-ups are many short ones: others come in between
    return found


def written_by(exchange: Exchange, drafts: Sequence[Draft]) -> Written:
    """Indexed are only those types that a condition asks for: most transactions have none."""
    asked = {text.partition("?")[0] for draft in drafts for text, _ in draft.references}
    asked |= {draft.lookup.criteria.type for draft in drafts if draft.lookup is not None}
    written = Written()
    for draft in drafts:
        if draft.present is not None:
            continue
        written.addresses.add((draft.type, draft.id))
        if draft.resource is None or draft.type not in asked:
            continue
        index, resource = _index(exchange, draft, draft.resource)
        written.indexed[draft.entry.at] = (index, resource)
        for term in index.terms:
            written.by_term.setdefault(term, []).append(draft)
    return written


def _index(exchange: Exchange, draft: Draft, resource: Resource) -> tuple[Index, Resource]:
    now = exchange.repository.now()
    stamped = stamp(resource, draft.id, 1, now)
    index = index_resource(stamped, patients_of(stamped), exchange.tenant.index, now, exchange.repository.base_url)
    return index, stamped


def refuse_clashes(drafts: Iterable[Draft], written: Written) -> None:
    """Raises FhirError (400) naming both entries when one writes what the other's condition looks for."""
    for draft in drafts:
        if draft.lookup is None or draft.resource is None:
            continue
        for other in written.matching(draft.lookup.criteria):
            if other.entry.at != draft.entry.at:
                text = f"{other.entry.at} writes a resource that the condition of {draft.entry.at} is about."
                raise refuse("bundle-duplicate", text, draft.entry.at)


async def resolve_references(
    exchange: Exchange, drafts: Iterable[Draft], written: Written
) -> tuple[dict[str, str], list[Version]]:
    """(conditional reference -> `Type/id`, the stored resources among them).

    Raises FhirError: 412 naming the entry when not exactly one matches, 400 for criteria that are none.
    """
    wanted: dict[str, tuple[str, str]] = {}
    for draft in drafts:
        if draft.present is None:
            for text, expression in draft.references:
                wanted.setdefault(text, (draft.entry.at, expression))
    if len(wanted) > MAX_REFERENCES:
        raise refuse("search-too-costly", f"A transaction may have at most {MAX_REFERENCES} conditional references.")
    resolved: dict[str, str] = {}
    stored: list[Version] = []
    for text, (at, expression) in wanted.items():
        place = inside(refuse("multiple-matches", "", expression), at).issues[0].expression or at
        found = await _referred(exchange, text, at, place, written)
        if isinstance(found, Version):
            stored.append(found)
            resolved[text] = found.reference
        else:
            resolved[text] = f"{found.type}/{found.id}"
        await asyncio.sleep(0)
    return resolved, stored


async def _referred(exchange: Exchange, text: str, at: str, place: str, written: Written) -> Version | Draft:
    """The one resource that a conditional reference means, once the transaction is stored."""
    type_, _, query = text.partition("?")
    try:
        pairs = parse_pairs(percent_encoded(query).encode("ascii"))
    except FhirError as error:
        raise placed(error, place) from error
    criteria = read_criteria(exchange, type_, pairs, place)
    found: list[Version | Draft] = [*written.matching(criteria)]
    most = 2 + sum(1 for name, _ in written.addresses if name == type_)
    async for _, version in matches(exchange, type_, criteria.narrow, None, most):
        if (type_, version.id) not in written.addresses:
            found.append(version)
        if len(found) > 1:
            break
    if len(found) > 1:
        raise ambiguous(place, f"More than one resource matches a conditional reference of {at}.")
    if not found:
        raise refuse("no-match", f"No resource matches a conditional reference of {at}.", place)
    return found[0]
