"""A search without a server: does this resource match this query, by its own index entries and the compiled clauses?"""

from __future__ import annotations

from typing import Any

from store_oracle import holds

from server.access.access import everything
from server.reach import patients_of
from server.seal.blind_index import BlindIndex
from server.search.compile import compile_query
from server.search.index_entries import index_resource
from server.search.query import parse_query

BASE = "https://fhir.example/fhir"
INDEX = BlindIndex(bytes(range(32)))


def matches(resource: dict[str, Any], *pairs: tuple[str, str]) -> bool:
    """What the store would find, and the checks of the decrypted resource would let pass."""
    query = parse_query(resource["resourceType"], pairs)
    compiled = compile_query(query, INDEX, BASE, everything(query.type))
    content = {"id": "x", **resource}
    entries = index_resource(content, patients_of(content), INDEX, 0, BASE)
    return all(holds(clause, entries) for clause in compiled.clauses) and all(check(content) for check in compiled.checks)
