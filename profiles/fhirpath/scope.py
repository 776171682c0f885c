"""What an expression may refer to at the place where it stands: the type of `$this`, `$total`, defined variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from profiles.fhirpath.compiled import Static
from profiles.fhirpath.syntax import Call, Chain, Descending, Indexer, Member, Node, Polarity, TypeTest, Variable


@dataclass(frozen=True, slots=True)
class Scope:
    """`root`: the static type of the expression's input; `this`: of the focus here."""

    root: Static
    this: Static
    index: bool = False
    total: bool = False
    variables: Mapping[str, tuple[int, Static]] = field(default_factory=dict)
    """Of defineVariable(): by name, where the value is kept during a run, and its static type."""

    def within(self, item: Static, *, index: bool = True) -> Scope:
        """The scope of an argument that is evaluated for each item."""
        return replace(self, this=item, index=index or self.index)


def mentions(node: Node | None, variable: str) -> bool:
    """Whether a variable such as `$index` occurs anywhere in a tree."""
    return node is not None and (
        (isinstance(node, Variable) and node.name == variable) or any(mentions(part, variable) for part in _parts(node))
    )


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Member(target=target):
            return () if target is None else (target,)
        case Call(target=target, arguments=arguments):
            return arguments if target is None else (target, *arguments)
        case Indexer(target=target, index=index):
            return (target, index)
        case Polarity(operand=operand) | TypeTest(operand=operand):
            return (operand,)
        case Chain(first=first, rest=rest):
            return (first, *(operand for _, operand, _ in rest))
        case Descending(key=key):
            return (key,)
    return ()


def size(node: Node) -> int:
    """How many nodes a tree has."""
    return 1 + sum(map(size, _parts(node)))
