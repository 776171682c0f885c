"""What a record of a type is to others: whatever is kept ready of a tenant goes by it (`server.store.store.Put`)."""

from __future__ import annotations

from functools import cache

from profiles.definition_types import is_definition
from profiles.posted_search_parameters import TYPE as SEARCHED_BY


@cache
def put_kinds(type_: str) -> tuple[bool, bool, bool, bool]:
    """In the order of Put: definition, consent, subscription, search."""
    return is_definition(type_), type_ == "Consent", type_ == "Subscription", type_ == SEARCHED_BY
