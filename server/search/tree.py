"""What is searched for, as a tree: criteria, joined by all-of, any-of and not, and links to other resources (R4 search 3.1.1).

Text becomes a tree in `parse.py`; everything after that (compiling, explaining, an evaluation in memory) works on the tree.
A tree is about one type, which its holder names; the nodes inside a link name the type that they are about.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Criterion:
    """One `code:modifier=value,value`. Values are alternatives, still with their backslash escapes.

    `type` is that of the parameter, `targets` what a reference may point at.
    """

    code: str
    type: str
    modifier: str | None
    values: tuple[str, ...]
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, always."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds; without parts, never."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """`code:Target.inner`: the reference `code` points at a resource of one of the types for which its node holds."""

    code: str
    inner: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`_has:type:code:inner`: some resource of `type` for which `inner` holds points here by its reference `code`."""

    type: str
    code: str
    inner: Node


@dataclass(frozen=True, slots=True)
class Listed:
    """`_list`: the resource is an entry of the List with one of these ids."""

    lists: tuple[str, ...]


Node = Criterion | All | Some | Not | Chain | Has | Listed


def asks_others(criterion: Criterion) -> bool:
    """Whether what a criterion means is not in itself: a terminology must be asked, or a hierarchy gone through."""
    return needs_codes(criterion) or needs_lineage(criterion)


def needs_lineage(criterion: Criterion) -> bool:
    """Whether a criterion means what is above or below a resource as well."""
    return criterion.type == "reference" and criterion.modifier in {"above", "below"}


def needs_codes(criterion: Criterion) -> bool:
    """Whether a terminology must be asked what a criterion means."""
    return criterion.type == "token" and criterion.modifier in {"above", "below", "in", "not-in"}
