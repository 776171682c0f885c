"""The criteria of a conditional interaction: a search that says which resource is meant (R4 http.html#cond-update).

They are read as a search is, only stricter: no criterion is ever passed over, since a condition with one criterion less
means another resource. So lenient handling does not apply, and what says how results are shown is refused.

Criteria that ask for the same thing have the same `key`: it is made from what they compile to, so that the order of criteria
and values, percent-encodings, backslashes, letter case of strings and the ways to write a reference make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from profiles.json import Resource
from profiles.outcome import FhirError, Issue, refuse
from profiles.structure import resource_types
from server.access.access import Access, everything
from server.seal.blind_index import BlindIndex
from server.search.compile import Compiled, compile_query
from server.search.compile_dates import within
from server.search.query import parse_query
from server.search.results import RESULT_PARAMETERS
from server.store.algebra import AnyInterval, AnyOf, Between, Clause, Either
from server.store.store import Index

SERVER_ONLY_TYPE: Final = "AuditEvent"
_PRINTABLE: Final = "".join(map(chr, range(33, 127)))

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Criteria:
    """`wide` compiled without, `narrow` with the limits of what the caller may see; `text` is what was asked."""

    type: str
    text: str
    key: tuple[str, ...]
    wide: Compiled
    narrow: Compiled

    def met_by(self, index: Index, resource: Resource) -> bool:
        """Whether a resource, indexed as it is or will be stored, is one that a search without limits would find."""
        return all(holds(clause, index) for clause in self.wide.clauses) and all(
            check(resource) for check in self.wide.checks
        )


def compile_criteria(type_: str, pairs: Pairs, index: BlindIndex, base_url: str, access: Access) -> Criteria:
    """Raises FhirError (400) for no criteria, unknown or result parameters, and values of the wrong form."""
    if type_ == SERVER_ONLY_TYPE or type_ not in resource_types():
        raise refuse("condition-criteria", "No resource of that type can be found by a condition.")
    for name, _ in pairs:
        code = name.partition(":")[0]
        if code in RESULT_PARAMETERS:
            raise refuse("condition-criteria", f"A condition has search criteria only; {code} is none.")
    query = parse_query(type_, pairs)
    if not query.where.parts:
        raise refuse(
            "condition-criteria", "A condition needs at least one search criterion, such as identifier=system|value."
        )
    wide = compile_query(query, index, base_url, everything(type_))
    narrow = wide if access.is_whole else compile_query(query, index, base_url, access)
    text = f"{type_}?" + "&".join(f"{name}={value}" for name, value in pairs)
    return Criteria(
        type_, text, ("conditional", type_, *sorted({_normal(clause) for clause in wide.clauses})), wide, narrow
    )


def _normal(clause: Clause) -> str:
    """Checks are left out: criteria that differ only in them share a key, which costs a second look and never a match."""
    kind = type(clause).__name__
    if isinstance(clause, AnyInterval):
        return f"{kind} {sorted({repr(interval) for interval in clause.intervals})}"
    if isinstance(clause, Between | Either):
        return repr(clause)
    return f"{kind} {sorted(set(clause.terms))}"


def holds(clause: Clause, index: Index) -> bool:
    """Whether a record with these index entries satisfies a clause, as every store has it."""
    if isinstance(clause, AnyInterval):
        return any(
            column == interval.column and within(interval, low, high)
            for column, low, high in index.intervals
            for interval in clause.intervals
        )
    if isinstance(clause, Either):
        return any(all(holds(part, index) for part in way) for way in clause.ways)
    if isinstance(clause, Between):
        return (clause.low is None or index.order >= clause.low) and (clause.high is None or index.order <= clause.high)
    met = not set(clause.terms).isdisjoint(index.terms)
    return met if isinstance(clause, AnyOf) else not met


def percent_encoded(text: str) -> str:
    """A query with all that is not printable ASCII percent-encoded as UTF-8; what is encoded already stays."""
    return quote(text, safe=_PRINTABLE, errors="surrogatepass")


def query_part(text: str, type_: str, base_url: str) -> str:
    """The criteria in an If-None-Exist: they alone, or behind `?`, `Type?` or our own `base/Type?` as some callers write it.

    Raises FhirError (400) when what stands before the question mark is another address.
    """
    before, mark, after = text.strip().partition("?")
    if not mark or "=" in before:
        return text.strip()
    if before.removeprefix(base_url).removeprefix("/") not in {"", type_}:
        raise refuse("condition-criteria", "The criteria are those of another type than the one that is to be created.")
    return after


def placed(error: FhirError, expression: str) -> FhirError:
    """The same refusal, said of the place where the criteria stand."""
    issues: Iterable[Issue] = error.issues
    return FhirError([Issue(i.code, i.text, expression, i.severity) for i in issues], error.status, error.headers)
