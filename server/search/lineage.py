"""`:above` and `:below` of references: the criterion with all that is above or below what it names (R4 search 3.1.1.4.14).

A hierarchy is gone through level by level, each one search with the caller's own right: what the caller may not see opens no way, up or
down. What a visible resource names as its parent counts, seen or not, as it does in a search for that reference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from profiles.outcome import refuse
from server.access.access import Seen
from server.search.hierarchies import PARENTS, hierarchical, parent_code
from server.search.inside import by_ids, local_target
from server.search.registry import offered_parameters
from server.search.terms import local_reference
from server.search.tree import Criterion, Node
from server.search.values import escape, unescape

Search = Callable[[str, Node], Awaitable[Sequence[Seen]]]
"""The resources of a type that the caller may see and that meet a node. Raises FhirError (400) for too many."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Goes through hierarchies for one search."""

    base_url: str
    search: Search

    async def around(self, type_: str, criterion: Criterion) -> Criterion:
        """The criterion as a plain one. Raises FhirError (400) for a value of a type without a hierarchy."""
        found = set(criterion.values)
        for target in sorted(hierarchical(criterion.targets)):
            names = {name for value in criterion.values for name in self._starts(criterion, unescape(value), target)}
            code = parent_code(type_, criterion.code, target)
            relatives = self._above if criterion.modifier == "above" else self._below
            found |= set(map(escape, await relatives(target, code, names)))
        return Criterion(criterion.code, "reference", None, tuple(sorted(found)), criterion.targets)

    def _starts(self, criterion: Criterion, value: str, target: str) -> Iterable[str]:
        """What a value may mean as a resource of the type."""
        if "/" not in value and ":" not in value:
            return (f"{target}/{value}",)
        named = local_target(value, self.base_url)
        if named is None:  # something elsewhere can be a parent as well
            return (value,)
        if named[0] not in hierarchical(criterion.targets):
            text = f"{criterion.code}:{criterion.modifier} takes what R4 has a hierarchy of: {', '.join(PARENTS)}."
            raise refuse("parameter-value", text, f"http.{criterion.code}")
        return ("/".join(named),) if named[0] == target else ()

    async def _below(self, type_: str, code: str, names: set[str]) -> set[str]:
        seen, level = set(names), names
        while level:
            values = tuple(sorted(map(escape, level)))
            found = await self.search(type_, Criterion(code, "reference", None, values, frozenset({type_})))
            level = {f"{type_}/{version.id}" for version in found} - seen
            seen |= level
        return seen

    async def _above(self, type_: str, code: str, names: set[str]) -> set[str]:
        seen, level = set(names), names
        while ids := {target[1] for name in level if (target := local_target(name, self.base_url)) is not None}:
            found = await self.search(type_, by_ids(ids))
            level = {name for version in found for name in self._parents(type_, code, version)} - seen
            seen |= level
        return seen

    def _parents(self, type_: str, code: str, version: Seen) -> Iterable[str]:
        for value in offered_parameters(type_)[code].extract(version.resource()):
            text = value.value.get("reference") if isinstance(value.value, dict) else None
            name = local_reference(text, self.base_url) if isinstance(text, str) else ""
            target = local_target(name, self.base_url)
            is_elsewhere = target is None and ("/" in name or ":" in name)
            if is_elsewhere or (target is not None and target[0] == type_):
                yield name
