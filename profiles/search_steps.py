"""Search paths as data: the subset of FHIRPath that R4's search parameters need, step by step (FHIR R4 SearchParameter.expression).

A path begins at an object of a known type, or at the resource around it (`%resource`), and goes from element to element. It is read
from FHIRPath by profiles/search_expressions.py, and walked by profiles/search_walks.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from profiles.fhirpath.model import is_cast_to
from profiles.structure import primitive_types, type_definition


@dataclass(frozen=True, slots=True)
class Equals:
    """`where(key = 'text')`: an element that does not repeat, with this very text."""

    key: str
    text: str

    def __str__(self) -> str:
        escaped = self.text.replace("\\", "\\\\").replace("'", "\\'")
        return f"where({self.key}='{escaped}')"


@dataclass(frozen=True, slots=True)
class PointsAt:
    """`where(resolve() is type)`, as far as the reference itself tells."""

    type: str

    def __str__(self) -> str:
        return f"where(resolve() is {self.type})"


Condition = Equals | PointsAt


@dataclass(frozen=True, slots=True)
class Step:
    """To an element of the name; of its items the one at `index`, those of `type` (as ofType() has it), those that `conditions` hold of.

    `is_true`: no item, but whether there is one that is not false.
    """

    name: str
    index: int | None = None
    type: str | None = None
    conditions: tuple[Condition, ...] = ()
    is_true: bool = False

    def __str__(self) -> str:
        if self.is_true:
            return f"{self.name}.exists() and {self.name} != false"
        at = "" if self.index is None else f"[{self.index}]"
        of_type = "" if self.type is None else f".ofType({self.type})"
        return f"{self.name}{at}{of_type}" + "".join(f".{condition}" for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Path:
    """One alternative of an expression. Without steps it is the focus itself. As text: FHIRPath, each path in one way only."""

    steps: tuple[Step, ...] = ()
    from_resource: bool = False

    def __str__(self) -> str:
        parts = [*(["%resource"] if self.from_resource else []), *map(str, self.steps)]
        return ".".join(parts) or "$this"


def start_type(path: Path, type_name: str) -> str:
    """The type of what a path begins at, for objects of `type_name`. The resource around a `Claim.item` is a Claim."""
    return type_name.partition(".")[0] if path.from_resource else type_name


@lru_cache(maxsize=4096)
def fields(step: Step, holder: str) -> tuple[tuple[str, str], ...]:
    """(property, type) of each form that the step's element may have in a holder of a type; none where it has no such element.

    The elements of a primitive are those that stand beside it.
    """
    definition = type_definition("Element" if holder in primitive_types() else holder)
    element = definition.elements.get(step.name) if definition is not None else None
    if element is None:
        return ()
    wanted = None if step.type is None else frozenset({step.type})
    return tuple(
        (name, type_.code) for name, type_ in element.json_names() if wanted is None or is_cast_to(type_.code, wanted)
    )


def path_kinds(path: Path, type_name: str) -> frozenset[str]:
    """The FHIR types of what a path finds; none where it leads nowhere."""
    found = {start_type(path, type_name)}
    for step in path.steps:
        found = {code for holder in found for _, code in fields(step, holder)}
        if step.is_true:
            found = {"boolean"}
    return frozenset(found)


def path_heads(path: Path, type_name: str) -> frozenset[str] | None:
    """The properties without any of which a path finds nothing; None where something may be found in any case."""
    if not path.steps or path.from_resource or path.steps[0].is_true:
        return None
    deeper = len(path.steps) > 1
    return frozenset(beside(name, code, deeper=deeper) for name, code in fields(path.steps[0], type_name))


def beside(name: str, code: str, *, deeper: bool) -> str:
    """The property where a path goes on: what a primitive holds stands beside it, under `_name`."""
    return f"_{name}" if deeper and code in primitive_types() else name
