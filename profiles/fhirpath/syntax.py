"""The tree that an expression is parsed into (FHIRPath 2.0, grammar in appendix B).

Left-associative operators of one precedence are one `Chain`, so that a thousand terms joined by `or` are no deeper than
two. `position` counts characters from the start of the text; `height` is the depth of the tree below a node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal; `value` is a system value as in profiles/fhirpath/values.py, None for `{}`."""

    position: int
    value: Any
    height: int = 1


@dataclass(frozen=True, slots=True)
class Variable:
    """`$this`, `$index` or `$total` (with the sign), or an external constant such as `%resource` (with the sign)."""

    position: int
    name: str
    height: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """`target.name`; without a target the name is sought in the focus."""

    position: int
    target: Node | None
    name: str
    height: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """`target.name(arguments)`; without a target the function is applied to the focus."""

    position: int
    target: Node | None
    name: str
    arguments: tuple[Node, ...]
    height: int = 1


@dataclass(frozen=True, slots=True)
class Indexer:
    """`target[index]`."""

    position: int
    target: Node
    index: Node
    height: int = 1


@dataclass(frozen=True, slots=True)
class Polarity:
    """`+operand` or `-operand`."""

    position: int
    sign: str
    operand: Node
    height: int = 1


@dataclass(frozen=True, slots=True)
class Chain:
    """`first op operand op operand ...`, evaluated from the left; all operators are of one precedence."""

    position: int
    first: Node
    rest: tuple[tuple[str, Node, int], ...]
    """(operator, operand, position of the operator)."""
    height: int = 1


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`; the type as it was written (`FHIR.Patient`, `Quantity`)."""

    position: int
    operator: str
    operand: Node
    type: str
    height: int = 1


@dataclass(frozen=True, slots=True)
class Descending:
    """`key desc`, an argument of sort()."""

    position: int
    key: Node
    height: int = 1


Node = Literal | Variable | Member | Call | Indexer | Polarity | Chain | TypeTest | Descending
