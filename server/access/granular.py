"""The search parameters of a granular scope (SMART App Launch 2.2: `user/Observation.rs?category=...`), as a restriction.

They mean what they mean in a search of the type: the same compiler reads them. What cannot be a criterion of the type opens nothing.
"""

from __future__ import annotations

from profiles.outcome import FhirError
from server.access.access import Restriction
from server.auth.scopes import Filter
from server.seal.blind_index import BlindIndex
from server.search.compile import compile_wanted
from server.search.query import parse_query
from server.search.results import RESULT_PARAMETERS


def restriction_of(type_: str, filter_: Filter, index: BlindIndex, base_url: str) -> Restriction | None:
    """None where the type has no such search parameter, or a value has the wrong form: then the scope opens nothing of it."""
    if any(name.partition(":")[0] in RESULT_PARAMETERS for name, _ in filter_):
        return None
    try:
        query = parse_query(type_, filter_)
        found = compile_wanted(type_, query.where, index, base_url)
    except FhirError:
        return None
    test = found.test
    return Restriction(found.clauses, not found.checks, found.codes, lambda version: test(version.resource()))
