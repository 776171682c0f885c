"""The fast way through R4's structure: whether an object surely has no fault, told without places and messages.

The answer is "fine" or "look closer", never a finding: what is refused here is walked by the checks of objects.py, which tell
what is wrong, or that nothing is. So everything rare may be refused (lists of `_name` siblings, nested resources that contain others);
a test holds that whatever passes here passes there. A type's members become small shapes when a resource first has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from profiles.json import Json, Resource
from profiles.primitives import MAX_STRING, is_text, is_uri
from profiles.structure import (
    ElementDefinition,
    TypeDefinition,
    TypeRef,
    primitive_types,
    resource_types,
    type_definition,
    value_set,
)
from profiles.validation.object_members import check_literal, is_id, is_member
from profiles.validation.primitive_members import primitive_kind
from profiles.validation.run import MAX_DEPTH, Path, Run

Fragments = list[str]
"""The ids that references `#id` name, of the resource at hand."""
Rule = Callable[[Resource, int, Fragments], bool]
"""What is asked of an object beyond its members; the number has the bits of the choices that it has."""
Accept = Callable[[Resource, int, Fragments], bool]
"""Whether an object at a depth surely has no fault; fragments are noted."""
Member = tuple[int, int, Any]
"""(the bit of the choice that the member belongs to, or 0; how it is looked at, one of the numbers below; and with what)."""

_TEXT, _URI, _CODES, _PRIMITIVE, _OBJECT, _OBJECTS, _OTHER = range(7)
_TEXTS: Final = frozenset({"string", "markdown"})
_URIS: Final = frozenset({"uri", "url", "canonical"})
_SHORT: Final = 200
_MOST: Final = 8192
_NOWHERE: Final[Path] = (None, "", -1)
_REFUSED: Final[Member] = (0, _PRIMITIVE, lambda value: False)
_TAKEN: Final[Member] = (0, _PRIMITIVE, lambda value: True)


class _Uris(dict[str, bool]):
    """Which texts are URIs (or codes without spaces). Most come again and again, so that they are kept, some thousands at a time."""

    def __missing__(self, text: str) -> bool:
        found = is_uri(text)
        if found and len(text) <= _SHORT:
            if len(self) >= _MOST:
                self.clear()
            self[text] = True
        return found


class _Members(dict[str, Member]):
    """Property name to member, filled as properties are met; unknown ones are never kept."""

    def __init__(self, definition: TypeDefinition) -> None:
        super().__init__()
        self.definition = definition
        elements = definition.elements.values()
        self._bits = {name: 1 << place for place, name in enumerate(e.name for e in elements if e.choice)}
        self.required = frozenset(e.name for e in elements if e.min > 0 and not e.choice)
        self.wanted = sum(self._bits[e.name] for e in elements if e.min > 0 and e.choice)
        """The bits of the choices that must be there."""
        if definition.kind == "resource":
            self["resourceType"] = _TAKEN
        elif definition.name != "Element":
            self["id"] = (0, _OTHER, _id)

    def __missing__(self, key: str) -> Member:
        found = self.definition.element(key)
        if found is not None:
            self[key] = made = (self._bits.get(found[0].name, 0), *_asked(*found))
            return made
        found = self.definition.element(key[1:]) if key[:1] == "_" else None
        if found is None or found[0].max is None or found[0].choice or found[1].code not in primitive_types():
            return _REFUSED
        if found[1].code == "xhtml" or found[0].attribute:
            return _REFUSED
        self[key] = made = (0, _OTHER, _sibling(key[1:]))
        return made


def _accepting(members: _Members, rule: Rule | None = None) -> Accept:
    """The question for objects with these members, and with a rule beyond them."""
    required, wanted = members.required, members.wanted

    def accept(value: Resource, depth: int, fragments: Fragments) -> bool:
        if not value or depth > MAX_DEPTH:
            return False
        seen = 0
        for key, item in value.items():
            bit, kind, of = members[key]
            if seen & bit:
                return False
            seen |= bit
            if kind == _URI:
                fine = type(item) is str and _KNOWN_URIS[item]
            elif kind == _TEXT:
                fine = type(item) is str and item != "" and item.isprintable() and len(item) <= MAX_STRING
            elif kind == _OBJECT:
                fine = type(item) is dict and of(item, depth + 1, fragments)
            elif kind == _OBJECTS:
                fine = _each(item, of, depth + 1, fragments)
            elif kind == _CODES:
                fine = type(item) is str and item in of
            elif kind == _PRIMITIVE:
                fine = of(item)
            else:
                fine = of(item, value, depth, fragments)
            if not fine:
                return False
        fine = not wanted & ~seen and (not required or required <= value.keys())
        return fine and (rule is None or rule(value, seen, fragments))

    return accept


def _each(items: Json, accept: Accept, depth: int, fragments: Fragments) -> bool:
    """Whether a list of objects is not empty, and each surely has no fault."""
    if type(items) is not list or not items:
        return False
    for each in items:
        fine = type(each) is dict and accept(each, depth, fragments)
        if not fine:
            return False
    return True


_KNOWN_URIS: Final = _Uris()


def accepts(value: Resource, depth: int = 0) -> bool:
    """Whether a resource that stands on its own, at a depth of objects, surely has no fault."""
    name = value.get("resourceType")
    if type(name) is not str or name not in resource_types():
        return False
    fragments: Fragments = []
    if not _plain(name)(value, depth, fragments):
        return False
    if not fragments:
        return True
    contained = value.get("contained")
    if not isinstance(contained, list):
        return False
    ids = {each.get("id") for each in contained}
    return all(each in ids for each in fragments)


def _entered(item: Json, holder: Resource, depth: int, fragments: Fragments) -> bool:
    """A resource of an entry or a parameter."""
    return type(item) is dict and accepts(item, depth + 1)


def _contained(item: Json, holder: Resource, depth: int, fragments: Fragments) -> bool:
    if type(item) is not list or not item:
        return False
    for each in item:
        name = each.get("resourceType") if type(each) is dict else None
        if type(name) is not str or name not in resource_types() or "contained" in each:
            return False
        if not _plain(name)(each, depth + 1, fragments):
            return False
    return True


def _id(item: Json, holder: Resource, depth: int, fragments: Fragments) -> bool:
    """An element's id; with nothing beside it the element is empty."""
    return is_text(item) and len(holder) > 1


def _sibling(key: str) -> Callable[[Json, Resource, int, Fragments], bool]:
    accept = _plain("Element")

    def member(item: Json, holder: Resource, depth: int, fragments: Fragments) -> bool:
        return type(item) is dict and (key in holder or "extension" in item) and accept(item, depth + 1, fragments)

    return member


def _asked(element: ElementDefinition, type_: TypeRef) -> tuple[int, Any]:
    code, many = type_.code, element.max is None
    if code in primitive_types():
        return _primitive(code, element.binding, many=many)
    if code == "Resource":
        return (_OTHER, _contained if element.name == "contained" else _entered)
    return (_OBJECTS if many else _OBJECT, _object(code, element, type_))


def _object(code: str, element: ElementDefinition, type_: TypeRef) -> Accept:
    if code == "Reference":
        return _reference(type_.targets)
    codes = value_set(element.binding) if code == "CodeableConcept" and element.binding is not None else None
    return _plain(code) if codes is None else _accepting(_members(code), _concept_rule(codes))


def _every(valid: Callable[[Json], bool]) -> Callable[[Json, Resource, int, Fragments], bool]:
    return lambda item, holder, depth, fragments: type(item) is list and bool(item) and all(map(valid, item))


def _primitive(code: str, binding: str | None, *, many: bool) -> tuple[int, Any]:
    kind = primitive_kind(code, binding)
    if many:
        return (_OTHER, _every(kind.valid))
    if kind.codes is not None:
        return (_CODES, kind.codes)
    if code in _TEXTS:
        return (_TEXT, None)
    return (_URI, None) if code in _URIS or (code == "code" and binding is None) else (_PRIMITIVE, kind.valid)


@cache
def _members(type_name: str) -> _Members:
    """The members of a type. Raises KeyError for one that R4 does not have."""
    definition = type_definition(type_name)
    if definition is None:
        raise KeyError(type_name)
    return _Members(definition)


@cache
def _plain(type_name: str) -> Accept:
    """The question for a type by itself."""
    whole = _accepting(_members(type_name), _extension_rule if type_name == "Extension" else None)
    return _COMMON[type_name](whole) if type_name in _COMMON else whole


def _coding(whole: Accept) -> Accept:
    """Half of all objects are Codings: those with system, code and display are settled without a table."""

    def accept(value: Resource, depth: int, fragments: Fragments) -> bool:
        left = len(value)
        for name in ("system", "code"):
            if name in value:
                item = value[name]
                if type(item) is not str or not _KNOWN_URIS[item]:
                    return False
                left -= 1
        if "display" in value:
            if not is_text(value["display"]):
                return False
            left -= 1
        return (not left and depth <= MAX_DEPTH and bool(value)) or whole(value, depth, fragments)

    return accept


def _concept(whole: Accept) -> Accept:
    """A CodeableConcept that has Codings only."""
    coding = _plain("Coding")

    def accept(value: Resource, depth: int, fragments: Fragments) -> bool:
        if len(value) != 1 or "coding" not in value:
            return whole(value, depth, fragments)
        return _each(value["coding"], coding, depth + 1, fragments)

    return accept


def _extension(whole: Accept) -> Accept:
    """An extension that has its address and a value, where that is an object or a text."""
    members = _members("Extension")

    def accept(value: Resource, depth: int, fragments: Fragments) -> bool:
        if len(value) != 2 or "url" not in value or depth > MAX_DEPTH:
            return whole(value, depth, fragments)
        fine = True
        for key, item in value.items():
            bit, kind, of = members[key]
            if not bit and key != "url":
                return whole(value, depth, fragments)
            if kind == _URI or key == "url":
                fine = type(item) is str and _KNOWN_URIS[item]
            elif kind == _OBJECT:
                fine = type(item) is dict and of(item, depth + 1, fragments)
            else:
                fine = is_text(item) if kind == _TEXT else kind == _PRIMITIVE and of(item)
            if not fine:
                return False
        return True

    return accept


_COMMON: Final[Mapping[str, Callable[[Accept], Accept]]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Extension": _extension,
}


def _extension_rule(value: Resource, seen: int, fragments: Fragments) -> bool:
    """ext-1: exactly one of extensions and value."""
    return (seen != 0) != ("extension" in value)


def _reference(targets: frozenset[str]) -> Accept:
    """References, of which most have the member `reference` alone."""
    rule = _reference_rule(targets)
    whole = _accepting(_members("Reference"), rule)

    def accept(value: Resource, depth: int, fragments: Fragments) -> bool:
        if len(value) == 1 and "reference" in value and depth <= MAX_DEPTH:
            return is_text(value["reference"]) and rule(value, 0, fragments)
        return whole(value, depth, fragments)

    return accept


def _reference_rule(targets: frozenset[str]) -> Rule:
    allowed = frozenset() if "Resource" in targets else targets
    heads = allowed or resource_types()

    def rule(value: Resource, seen: int, fragments: Fragments) -> bool:
        named = value.get("type")
        if "reference" not in value:
            return named is None or not allowed or named in allowed
        text: str = value["reference"]
        head, _, tail = text.partition("/")
        if named is None and head in heads and is_id(tail):
            return True
        run = Run()
        check_literal(text, named, allowed, _NOWHERE, run)
        fragments += [fragment for fragment, _ in run.fragments]
        return not run.issues

    return rule


def _concept_rule(codes: Mapping[str, frozenset[str]]) -> Rule:
    def rule(value: Resource, seen: int, fragments: Fragments) -> bool:
        return "coding" in value and any(is_member(each, codes) for each in value["coding"])

    return rule
