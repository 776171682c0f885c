"""The policies that ship with Assent: invented payers, real criteria in our own words (docs/policies.md)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from operations.policy.library.convert import library_of, policy_of
from operations.policy.policy import Policy
from profiles.json import Resource, loads


def bundled_documents() -> tuple[Resource, ...]:
    """The policy documents of this folder, by file name."""
    folder = files("operations.policy.library")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(loads((folder / name).read_bytes()) for name in names)


def bundled_libraries() -> tuple[Resource, ...]:
    """A new Library resource for each bundled policy, ready to be stored under its id."""
    return tuple(library_of(document) for document in bundled_documents())


@cache
def bundled_policies() -> tuple[Policy, ...]:
    """The bundled policies, compiled."""
    return tuple(policy_of(library) for library in bundled_libraries())
