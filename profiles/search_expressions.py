"""The expressions of search parameters, made into walks where they are simple enough (FHIR R4 SearchParameter.expression, FHIRPath 2.0).

The text is parsed by profiles/fhirpath. A tree within the subset of profiles/search_steps.py becomes closures that find the same as the
expression would (profiles/search_walks.py), at a quarter of the cost of FHIRPath in general. In the subset are: names and type
names, `$this`, `%resource`, `|`, `as`, as(), ofType(), `[n]` and first() where nothing before them repeats, extension('url'),
where() of texts and of `resolve() is Type` joined by `and`, and `x.exists() and x != false`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from profiles.fhirpath.model import is_abstract, is_cast_to, is_fhir_type, is_kind_of, is_primitive, specified_types
from profiles.fhirpath.parser import parse
from profiles.fhirpath.syntax import Call, Chain, Indexer, Literal, Member, Node, TypeTest, Variable
from profiles.fhirpath.values import STRING_TYPES
from profiles.search_steps import Condition, Equals, Path, PointsAt, Step, fields, start_type
from profiles.search_walks import Walk, compile_path
from profiles.structure import resource_types, type_definition

MAX_LENGTH: Final = 8_192
"""Characters of an expression. Longer ones, and those of more or longer paths, are left to FHIRPath in general."""
MAX_PATHS: Final = 32
MAX_STEPS: Final = 16
MAX_CONDITIONS: Final = 8
"""Of one step: each is a call within the other."""


def walks(expression: str, type_name: str) -> tuple[Walk, ...] | None:
    """The walks that find, from objects of a type, what the expression does; None where they cannot.

    A value that several alternatives find is found by each, where FHIRPath's `|` has it once. Raises FhirPathError
    (fhirpath-syntax, fhirpath-limit) for what is no FHIRPath.
    """
    found = search_paths(expression, type_name)
    return None if found is None else tuple(compile_path(path, type_name) for path in found)


def search_paths(expression: str, type_name: str) -> tuple[Path, ...] | None:
    """The alternatives of an expression that apply to a type, none if all are for others; None where it is not of the subset.

    Raises FhirPathError (fhirpath-syntax, fhirpath-limit) for what is no FHIRPath.
    """
    if len(expression) > MAX_LENGTH or not is_fhir_type(type_name) or is_primitive(type_name):
        return None
    try:
        return tuple(way.path for way in _Reader(type_name).ways(parse(expression)))
    except (_OutsideError, RecursionError):
        return None


class _OutsideError(Exception):
    """The expression is not of the subset."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A path under way. `types`: of what it has come to; `is_one`, `holder_is_one`: that, or what holds it, is at most one item."""

    path: Path
    types: frozenset[str]
    is_one: bool = True
    holder_is_one: bool = True

    def step(self) -> Step:
        """The last step. Raises _OutsideError where there is none to say more of."""
        if not self.path.steps or self.path.steps[-1].is_true:
            raise _OutsideError
        return self.path.steps[-1]

    def with_step(self, step: Step) -> _Way:
        """The same with its last step said anew."""
        return replace(self, path=replace(self.path, steps=(*self.path.steps[:-1], step)))


class _Reader:
    """From the tree of an expression to paths. Its methods raise _OutsideError."""

    def __init__(self, type_name: str) -> None:
        self._type = type_name

    def ways(self, node: Node) -> list[_Way]:
        match node:
            case Member():
                return self._member(node)
            case TypeTest(operator="as", operand=operand, type=name):
                return _of_type(self.ways(operand), name)
            case Indexer(target=target, index=Literal(value=int(index))) if index is not True and index is not False:
                return _item(self.ways(target), index)
            case Call():
                return self._call(node)
            case Chain():
                return self._chain(node)
            case Variable(name="$this"):
                return [self._focus()]
            case Variable(name="%resource") if self._type.partition(".")[0] in resource_types():
                path = Path(from_resource=True)
                return [_Way(path, frozenset({start_type(path, self._type)}))]
        raise _OutsideError

    def _focus(self) -> _Way:
        return _Way(Path(), frozenset({self._type}))

    def _member(self, node: Member) -> list[_Way]:
        if node.target is not None:
            return _onward(self.ways(node.target), Step(node.name))
        named = specified_types(node.name) if node.name[:1].isupper() else None
        if named is None:
            return _onward([self._focus()], Step(node.name))
        if is_kind_of(self._type, named):
            return [self._focus()]
        if is_abstract(self._type):  # whether an object is of the named type, only the object tells
            raise _OutsideError
        return []

    def _call(self, node: Call) -> list[_Way]:
        ways = [self._focus()] if node.target is None else self.ways(node.target)
        match node.name, node.arguments:
            case "as" | "ofType", (Member(target=None | Member(target=None, name="FHIR"), name=name),):
                return _of_type(ways, name)
            case "first", ():
                return _item(ways, 0)
            case "where", (criterion,):
                for condition in _conditions(criterion):
                    ways = _only(ways, condition)
                return ways
            case "extension", (Literal(value=str(url)),):
                return _only(_onward(ways, Step("extension")), Equals("url", url))
        raise _OutsideError

    def _chain(self, node: Chain) -> list[_Way]:
        if {operator for operator, _, _ in node.rest} == {"|"}:
            found: dict[Path, _Way] = {}
            for term in (node.first, *(operand for _, operand, _ in node.rest)):
                found.update((way.path, way) for way in self.ways(term))
            if len(found) > MAX_PATHS:
                raise _OutsideError
            return list(found.values())
        match node:
            case Chain(
                first=Call(target=there, name="exists", arguments=()),
                rest=(("and", Chain(first=value, rest=(("!=", Literal(value=False), _),)), _),),
            ) if there is not None:
                return self._truth(there, value)
        raise _OutsideError

    def _truth(self, there: Node, value: Node) -> list[_Way]:
        """`there.exists() and value != false` where both are the same element of the focus."""
        ways = self.ways(there)
        if ways != self.ways(value) or len(ways) != 1:
            raise _OutsideError
        way = ways[0]
        step = way.step()
        if way.path != Path((Step(step.name),)) or not way.is_one or not way.types <= {"boolean", "dateTime"}:
            raise _OutsideError
        return [replace(way.with_step(replace(step, is_true=True)), types=frozenset({"boolean"}))]


def _onward(ways: list[_Way], step: Step) -> list[_Way]:
    """Each way one step further; without those that have no such element, but one of them must."""
    found = []
    for way in ways:
        if (way.path.steps and way.path.steps[-1].is_true) or len(way.path.steps) == MAX_STEPS:
            raise _OutsideError
        types = frozenset(code for holder in way.types for _, code in fields(step, holder))
        if types:
            is_one = way.is_one and not any(_repeats(holder, step.name) for holder in way.types)
            found.append(_Way(replace(way.path, steps=(*way.path.steps, step)), types, is_one, way.is_one))
    if ways and not found:
        raise _OutsideError
    return found


def _repeats(holder: str, name: str) -> bool:
    definition = type_definition("Element" if is_primitive(holder) else holder)
    element = definition.elements.get(name) if definition is not None else None
    return element is not None and element.max != 1


def _of_type(ways: list[_Way], name: str) -> list[_Way]:
    """Those of a type; without the ways that lead to no such item, but one of them must."""
    wanted = name.removeprefix("FHIR.")
    found = []
    for way in ways:
        step = way.step()
        types = frozenset(code for code in way.types if is_cast_to(code, frozenset({wanted})))
        if types == way.types:
            found.append(way)
        elif step.type is not None:
            raise _OutsideError
        elif types:
            found.append(replace(way.with_step(replace(step, type=wanted)), types=types))
    if ways and not found:
        raise _OutsideError
    return found


def _item(ways: list[_Way], index: int) -> list[_Way]:
    """`[index]`, which counts over all that a path has come to: told where that is one list of objects of one type."""
    for way in ways:
        plain = way.step() == Step(way.step().name) and way.holder_is_one
        if len(ways) != 1 or not plain or len(way.types) != 1 or any(map(is_primitive, way.types)):
            raise _OutsideError
    return [replace(way.with_step(replace(way.step(), index=index)), is_one=True) for way in ways]


def _only(ways: list[_Way], condition: Condition) -> list[_Way]:
    for way in ways:
        if len(way.step().conditions) == MAX_CONDITIONS or not all(_can_be_asked(code, condition) for code in way.types):
            raise _OutsideError
    return [way.with_step(replace(way.step(), conditions=(*way.step().conditions, condition))) for way in ways]


def _can_be_asked(code: str, condition: Condition) -> bool:
    """Whether a condition means for items of a type what FHIRPath means by it."""
    if isinstance(condition, PointsAt):
        return code == "Reference"
    definition = type_definition(code)
    element = definition.elements.get(condition.key) if definition is not None and not definition.abstract else None
    if element is None or element.max != 1 or element.choice:
        return False
    return element.types[0].code in STRING_TYPES


def _conditions(criterion: Node) -> list[Condition]:
    """What where() asks: texts of elements and types of references, joined by `and`."""
    match criterion:
        case Chain(first=Member(target=None, name=key), rest=(("=", Literal(value=str(text)), _),)):
            return [Equals(key, text)]
        case TypeTest(operator="is", operand=Call(target=None, name="resolve", arguments=()), type=name):
            named = specified_types(name) or frozenset()
            if len(named) == 1 and named <= resource_types():
                return [PointsAt(*named)]
        case Chain(first=first, rest=rest) if all(operator == "and" for operator, _, _ in rest):
            return [condition for term in (first, *(operand for _, operand, _ in rest)) for condition in _conditions(term)]
    raise _OutsideError
