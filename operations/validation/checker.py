"""One resource against R4, the profiles that it claims and those that are asked for, with a tenant's definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operations.ports import Context
from operations.validation.shelf import Shelf
from operations.validation.stored_definitions import Lane, StoredDefinitions
from profiles.conformance import Definitions, Finding, Options, Validator
from profiles.conformance.resources import claimed
from profiles.conformance.trees import is_base
from profiles.json import Json
from terminology.catalogue import Catalogue
from terminology.content.builtin import builtin_content

_UNKNOWN: Final = (
    "The profile that is asked for is not known here: store it as a StructureDefinition, or install its package."
)
_UNKNOWN_CLAIM: Final = (
    "A profile that meta.profile names is not known here, and resources of this type are stored by profile only: install it, or "
    "leave it out."
)


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be checked. `claims`: by the profiles of meta.profile as well; `strict`: those must be known."""

    resource: Json
    profiles: Sequence[str] = ()
    expected_type: str | None = None
    claims: bool = True
    strict: bool = False


class Checker:
    """Used by all requests. `library` are the profiles that the server starts with."""

    def __init__(self, library: Definitions, known: Catalogue | None = None) -> None:
        self._stored = StoredDefinitions(library, known or builtin_content())

    async def close(self) -> None:
        """No more questions are answered."""
        self._stored.close()

    async def findings(self, check: Check, context: Context, lane: Lane = "asked") -> list[Finding]:
        """What is wrong, with all definitions of the tenant. Raises FhirError where those are too many or too large."""
        return await self._stored.answer(lambda shelf: _findings(check, shelf), context, lane)

    async def findings_by_library(self, check: Check) -> list[Finding]:
        """What is wrong by R4 and the library alone: for those who may not know what else is defined."""
        return await self._stored.answer_by_library(lambda shelf: _findings(check, shelf))


def _findings(check: Check, shelf: Shelf) -> list[Finding]:
    definitions = shelf.definitions
    root = str(check.resource.get("resourceType")) if isinstance(check.resource, dict) else None
    unknown = [each for each in check.profiles if not _is_known(each, definitions)]
    found = [Finding("profile-unknown", _UNKNOWN, root, rule=each) for each in unknown]
    if check.strict and isinstance(check.resource, dict):
        missing = [each for each in claimed(check.resource) if not _is_known(each, definitions)]
        found += [Finding("profile-unknown", _UNKNOWN_CLAIM, f"{root}.meta.profile", rule=each) for each in missing]
    validator = Validator(definitions, shelf.codes, Options(claims=check.claims, best_practice=None))
    known = [each for each in check.profiles if each not in unknown]
    told = {(each.code, root, each.rule) for each in found}  # what is wanted is not told once more as claimed
    others = validator.validate(check.resource, profiles=known, expected_type=check.expected_type)
    found += [each for each in others if (each.code, each.expression, each.rule) not in told]
    once: dict[tuple[str | None, ...], Finding] = {}
    for each in found:
        once.setdefault(each.fault, each)
    return list(once.values())


def _is_known(canonical: str, definitions: Definitions) -> bool:
    return is_base(canonical) or definitions.structure(canonical) is not None
