"""Compartments that can be searched (R4 compartmentdefinition.html): what refers to one patient, encounter, practitioner, ...

They are those of R4, told by the same reference parameters. What a caller limited to a patient may see (server/reach.py) is another
matter, and is asked for beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from profiles.compartments import compartment_codes, member_types
from server.seal.blind_index import BlindIndex
from server.search.referring import referring
from server.store.algebra import AnyOf


@dataclass(frozen=True, slots=True)
class Compartment:
    """That of one resource, whether or not it exists: `Compartment("Patient", "1")`."""

    type: str
    id: str

    @property
    def members(self) -> frozenset[str]:
        """The types that can be in it."""
        return member_types(self.type)

    def clause(self, type_: str, index: BlindIndex) -> AnyOf:
        """Met by the resources of a member type that are in it."""
        refer = referring(type_, compartment_codes(self.type, type_), [(self.type, f"{self.type}/{self.id}")], index)
        if type_ != self.type:
            return refer
        return AnyOf(tuple(sorted({*refer.terms, index.term(type_, "_id", f"c{self.id}")})))

    def codes(self, type_: str) -> frozenset[str]:
        """The search parameters that the clause needs the index of."""
        return compartment_codes(self.type, type_) | ({"_id"} if type_ == self.type else set())
