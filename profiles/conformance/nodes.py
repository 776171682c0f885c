"""A profile's snapshot as a tree: one node an element, its slices beside its children (FHIR R4 elementdefinition.html).

Elements are placed by their ids; R4's rules are not repeated here, what a profile adds to them is found in plans.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from profiles.conformance.reading import extension_value, items_in
from profiles.definitions.element_ids import last_segment, parent_id, slice_of, with_ids
from profiles.json import Json, Resource

_MAX_DEPTH: Final = 40
_LONGEST_NAME: Final = 80
_MOST_NAMES: Final = 6


class TreeError(ValueError):
    """The snapshot makes no tree; the message says where, by an element's path."""


@dataclass(frozen=True, slots=True)
class NodeType:
    """One type of an element: profiles on it, and for references profiles of the targets and how they are held."""

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()
    versioning: str = "either"


@dataclass(frozen=True, slots=True)
class Binding:
    strength: str
    value_set: str
    maximum: str = ""


@dataclass(frozen=True, slots=True)
class Invariant:
    key: str
    severity: str
    expression: str
    source: str = ""
    human: str = ""
    """What the rule asks for, in its definition's words."""


@dataclass(slots=True, eq=False)
class Node:
    """One element. `max` None is `*`. `fixed` and `pattern` are (type suffix, value) or None."""

    id: str
    name: str
    path: str
    min: int
    max: int | None
    choice: bool
    slice_name: str = ""
    profile: str = ""
    """The last part of the canonical of the profile that says it: short enough for a sentence."""
    types: tuple[NodeType, ...] = ()
    fixed: tuple[Json, ...] | None = None
    pattern: tuple[Json, ...] | None = None
    minimum: Json = None
    maximum: Json = None
    max_length: int | None = None
    min_length: int | None = None
    needs_value: bool = False
    """A primitive must have a value, not only extensions."""
    binding: Binding | None = None
    more_bindings: tuple[Binding, ...] = ()
    """Bindings that hold beside the first (additional bindings without a usage context)."""
    invariants: tuple[Invariant, ...] = ()
    slicing: Resource | None = None
    reference: str = ""
    """The id that a content reference names."""
    slices: list[Node] = field(default_factory=list)
    children: dict[str, Node] = field(default_factory=dict)
    plans: dict[str, Any] = field(default_factory=dict)
    """What is compiled for the types that the element had so far (plans.py)."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A profile ready to be compiled: its root, the type that it constrains, its canonical."""

    root: Node
    type_name: str
    url: str
    definition: Resource


def tree_of(definition: Resource, elements: Sequence[Resource]) -> Tree:
    """The tree of a definition's snapshot. Raises TreeError."""
    rows = with_ids([each for each in elements if isinstance(each, dict)])
    if not rows:
        raise TreeError("The definition has no elements.")
    profile = short_name(str(definition.get("url", "")))
    root = _node(rows[0], profile)
    nodes = {root.id: root}
    for row in rows[1:]:
        node = _node(row, profile)
        if node.id.count(".") > _MAX_DEPTH:
            raise TreeError("The definition is nested too deeply.")
        if node.id in nodes:
            continue
        nodes[node.id] = node
        _hang(node, nodes)
    return Tree(root, str(definition.get("type") or root.path), str(definition.get("url", "")), definition)


def _hang(node: Node, nodes: dict[str, Node]) -> None:
    if ":" in last_segment(node.id):
        holder = nodes.get(slice_of(node.id)) or nodes.get(node.id.rpartition(":")[0])
        if holder is not None:
            holder.slices.append(node)
            return
    parent = nodes.get(parent_id(node.id))
    if parent is None:
        raise TreeError(f"The element {node.path} has no place in the snapshot.")
    parent.children[node.name] = node


def short_name(canonical: str) -> str:
    """The last part of a canonical's address, for sentences; its whole stands in the finding's rule, or is asked for."""
    address, _, name = canonical.partition("|")[0].rpartition("/")
    if name.isdigit():  # X12's value sets have bare numbers
        name = f"{address.rpartition('//')[2].partition('/')[0]} {name}"
    return name[:_LONGEST_NAME]


def short_names(canonicals: Sequence[str]) -> str:
    """Several of them, each once, as far as they fit into a sentence."""
    names = list(dict.fromkeys(map(short_name, canonicals)))
    return ", ".join(names[:_MOST_NAMES]) + (" and more" if len(names) > _MOST_NAMES else "")


def _node(row: Resource, profile: str) -> Node:
    path = str(row["path"])
    name = path.rpartition(".")[2]
    low, high = row.get("min"), row.get("max")
    return Node(
        id=str(row["id"]),
        name=name.removesuffix("[x]"),
        path=path,
        min=low if isinstance(low, int) else 0,
        max=int(high) if isinstance(high, str) and high.isdigit() else None,
        choice=name.endswith("[x]"),
        slice_name=str(row.get("sliceName", "")),
        profile=profile,
        types=tuple(_type(each) for each in _objects(row.get("type"))),
        fixed=_of_type(row, "fixed"),
        pattern=_of_type(row, "pattern"),
        minimum=(_of_type(row, "minValue") or (None,))[0],
        maximum=(_of_type(row, "maxValue") or (None,))[0],
        max_length=row["maxLength"] if isinstance(row.get("maxLength"), int) else None,
        min_length=length if isinstance(length := extension_value(row, _MIN_LENGTH), int) else None,
        needs_value=extension_value(row, _MUST_HAVE_VALUE) is True,
        binding=_binding(row.get("binding")),
        more_bindings=tuple(_more_bindings(row.get("binding"))),
        invariants=tuple(_invariant(each) for each in _objects(row.get("constraint")) if "expression" in each),
        slicing=row["slicing"] if isinstance(row.get("slicing"), dict) else None,
        reference=str(row.get("contentReference", "")).rpartition("#")[2],
    )


def _of_type(row: Resource, stem: str) -> tuple[Json, ...] | None:
    found = [value for key, value in row.items() if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()]
    return (found[0],) if found else None


_SYSTEM: Final = "http://hl7.org/fhirpath/System."
_FHIR_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_TYPES: Final = "http://hl7.org/fhir/StructureDefinition/"


def _type(row: Resource) -> NodeType:
    code = str(row.get("code", ""))
    if code.startswith(_SYSTEM):
        told = [each for each in _objects(row.get("extension")) if each.get("url") == _FHIR_TYPE]
        code = str(told[0].get("valueUrl") or told[0].get("valueUri")) if told else code[len(_SYSTEM) :].lower()
    return NodeType(
        code.removeprefix(_TYPES),
        _texts(row.get("profile")),
        _texts(row.get("targetProfile")),
        _texts(row.get("aggregation")),
        str(row.get("versioning", "either")),
    )


_MAX_VALUE_SET: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"


def _binding(row: Json) -> Binding | None:
    if not isinstance(row, dict) or not isinstance(row.get("valueSet"), str):
        return None
    found = [each for each in _objects(row.get("extension")) if each.get("url") == _MAX_VALUE_SET]
    maximum = str(found[0].get("valueCanonical") or found[0].get("valueUri") or "") if found else ""
    return Binding(
        str(row.get("strength", "example")), row["valueSet"].removesuffix("|4.0.1"), maximum.removesuffix("|4.0.1")
    )


_MIN_LENGTH: Final = "http://hl7.org/fhir/StructureDefinition/minLength"
_MUST_HAVE_VALUE: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.mustHaveValue"
_ADDITIONAL: Final = (
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional",
)
_PURPOSES: Final = {"required": "required", "maximum": "required", "minimum": "example", "extensible": "extensible"}


def _more_bindings(row: Json) -> Iterator[Binding]:
    for each in items_in(row, "extension") if isinstance(row, dict) else []:
        value_set, purpose = extension_value(each, "valueSet"), extension_value(each, "purpose")
        unconditional = extension_value(each, "usage") is None
        if each.get("url") in _ADDITIONAL and isinstance(value_set, str) and unconditional:
            yield Binding(_PURPOSES.get(str(purpose), "example"), value_set)


_LONGEST_RULE: Final = 300
"""What a definition says of a rule at greater length is not repeated in a finding."""


def _invariant(row: Resource) -> Invariant:
    human = row.get("human")
    return Invariant(
        str(row.get("key", "")),
        str(row.get("severity", "error")),
        str(row["expression"]),
        str(row.get("source", "")),
        human if isinstance(human, str) and len(human) <= _LONGEST_RULE else "",
    )


def _objects(value: Json) -> list[Resource]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
