"""The library: the profiles that the server starts with, as definitions of its own (Da Vinci PAS 2.2.1 and 2.0.1, US Core, HRex,
CRD, CDex, Subscriptions R5 Backport), and the value sets and codes that they are bound to, as far as these may ship.

    from profiles.conformance import Definitions, Validator
    from profiles.library import library
    validator = Validator(library())                    # or Validator(Definitions(above=library()))

What is in it is facts that HL7 publishes (names, cardinalities, types, bindings), told in tables of ours (facts/) and made into
resources when they are asked for. docs/profiles.md says what is there, and how it is held against the official packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

from profiles.conformance.definitions import Definitions
from profiles.json import Resource
from profiles.library.canonicals import guide_of
from profiles.library.facts import table
from profiles.library.rendering import rendered

__all__ = ["PasVersion", "library"]

PasVersion = Literal["2.2.1", "2.0.1"]

_ONE: Final = {
    "cdex": ("2.1.0",),
    "backport": ("1.1.0",),
    "sdc": ("4.0.0",),
    "r5": ("0.1.0",),
    "assent": ("0.1.0",),
    "fhir": ("4.0.1",),
}
_PREFERRED: Final[dict[PasVersion, dict[str, tuple[str, ...]]]] = {
    "2.2.1": {
        "pas": ("2.2.1", "2.0.1"),
        "us-core": ("6.1.0", "7.0.0", "3.1.1"),
        "hrex": ("1.2.0", "1.0.0"),
        "crd": ("2.2.1", "2.0.1"),
        **_ONE,
    },
    "2.0.1": {
        "pas": ("2.0.1", "2.2.1"),
        "us-core": ("3.1.1", "6.1.0", "7.0.0"),
        "hrex": ("1.0.0", "1.2.0"),
        "crd": ("2.0.1", "2.2.1"),
        **_ONE,
    },
}
"""The versions of each guide; the first is meant where a canonical names none."""


@cache
def library(pas: PasVersion = "2.2.1") -> Definitions:
    """The definitions of the library, read as they are asked for. `pas`: whose versions a canonical without one means.

    The same layer for every caller of a process: put layers of your own over it (`Definitions(above=library())`).
    """
    preferred = _PREFERRED[pas]

    def find(kind: str, url: str) -> Sequence[Resource]:
        guide = guide_of(url)
        tables = (table(f"{guide}-{version}") for version in preferred[guide])
        return [_made(each.guide, each.version, kind, url) for each in tables if url in each.definitions.get(kind, ())]

    return Definitions(source=find)


@cache
def _made(guide: str, version: str, kind: str, url: str) -> Resource:
    """Kept for what the tables have, so that nobody fills the memory with what they have not."""
    return rendered(kind, url, table(f"{guide}-{version}"))
