"""What is searched for, as a tree: criteria, joined by all-of, any-of and not, and links to other resources (R4 search 3.1.1).

Text becomes a tree in `parse.py`; everything after that (compiling, explaining, an evaluation in memory) works on the tree.
A tree is about one type, which its holder names; the nodes inside a link name the type that they are about.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def criteria_of(node: Node) -> Iterator[Criterion]:
    """The criteria about the type itself: those inside links to other resources are not among them."""
    if isinstance(node, Criterion):
        yield node
    elif isinstance(node, All | Some):
        for part in node.parts:
            yield from criteria_of(part)
    elif isinstance(node, Not):
        yield from criteria_of(node.part)


def codes_of(node: Node) -> frozenset[str]:
    """The parameters of the type itself whose index an answer needs."""
    if isinstance(node, All | Some):
        return frozenset[str]().union(*map(codes_of, node.parts))
    if isinstance(node, Not):
        return codes_of(node.part)
    if isinstance(node, Criterion | Chain):
        return frozenset({node.code})
    return frozenset({"_id"})
