"""Opens records whose type is not known: the store does not keep it in the clear, and a seal is bound to it."""

from __future__ import annotations

from collections.abc import Iterator

from profiles.structure import resource_types
from server.bindings import record_binding
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant
from server.search.index_entries import TYPE_TERM
from server.store.store import Index, Record


class RecordOpener:
    """For the records of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._types = sorted(resource_types())
        self._by_term = {tenant.index.term(type_, TYPE_TERM, ""): type_ for type_ in self._types}

    def open(self, record: Record, index: Index, type_: str | None = None) -> tuple[str, bytes]:
        """Type and content. Raises SealBrokenError when it opens as no type.

        The type's own term names it; deletions have no terms, and of a damaged record they may be lost: then every type is tried.
        """
        for candidate in (type_,) if type_ is not None else self._candidates(index):
            try:
                return candidate, self._tenant.cipher.open(record.body, self._binding(candidate, record))
            except SealBrokenError as error:
                broken = error
        raise broken

    def _candidates(self, index: Index) -> Iterator[str]:
        named = [self._by_term[term] for term in index.terms if term in self._by_term]
        yield from named
        yield from (type_ for type_ in self._types if type_ not in named)

    def seal(self, type_: str, record: Record, plain: bytes) -> bytes:
        """The same content for the same place, under the tenant's current key."""
        return self._tenant.cipher.seal(plain, self._binding(type_, record))

    def _binding(self, type_: str, record: Record) -> bytes:
        return record_binding(self._tenant.number, type_, record.key, record.version)
