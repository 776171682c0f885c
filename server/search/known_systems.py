"""Tokens whose code systems are all known, because this server alone writes them: those of an AuditEvent.

They are entered once, with their system, and a search for the bare code asks for it in each of the systems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from profiles.search_parameters import Value
from server.audit.event import SYSTEMS
from server.search.terms import token_terms

_KNOWN: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {"AuditEvent": SYSTEMS}


def systems_of(type_: str, code: str) -> tuple[str, ...]:
    """The only systems of a parameter's values; none when they may be of any."""
    return _KNOWN[type_].get(code, ()) if type_ in _KNOWN else ()


def known_token_terms(value: Value) -> Iterator[str]:
    """The terms with their system."""
    return (text for text in token_terms(value) if text.startswith("s"))
