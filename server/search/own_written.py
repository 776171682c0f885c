"""SearchParameters that callers of REST store: refused where they could not be applied (FHIR R4 searchparameter.html).

What a package brings is stored in any case, and only applied where it can be (operations/packages).
"""

from __future__ import annotations

from collections.abc import Iterable

from profiles.outcome import refuse
from profiles.posted_search_parameters import TYPE, parameters_of
from profiles.search_parameters import SearchParameter
from server.repository import Prepared
from server.search.catalogue import Catalogue, present
from server.search.own_parameters import MOST_OF_TYPE


def check_search_parameters(prepared: Iterable[Prepared]) -> None:
    """Raises FhirError (422, search-parameter)."""
    for item in prepared:
        if item.version.type == TYPE and not item.version.deleted:
            catalogue = present()
            made = parameters_of(item.version.resource(), catalogue.like)
            for type_, parameter in made.items():
                _check(catalogue, item.version.id, type_, parameter)


def _check(catalogue: Catalogue, id_: str, type_: str, parameter: SearchParameter) -> None:
    own = catalogue.by_type.get(type_, {})
    there = own.get(parameter.code)
    if there is None:
        if len(own) >= MOST_OF_TYPE:
            text = f"{type_} has {MOST_OF_TYPE} search parameters of your own already."
            raise refuse("search-parameter", text, f"{TYPE}.base")
    elif catalogue.owners[type_, parameter.code] != id_ and (there.type, there.paths) != (parameter.type, parameter.paths):
        text = f"{type_} has another search parameter of that code already; take another code, or change that one."
        raise refuse("search-parameter", text, f"{TYPE}.code")
