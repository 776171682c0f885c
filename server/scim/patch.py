"""PATCH (RFC 7644 section 3.5.2): add, replace and remove, with paths and filters of values, done to a User in memory.

All of a request's operations are done, or none: nothing is stored before the last.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.scim.content import members, read_resource, read_value
from server.scim.errors import ScimError
from server.scim.filter import LONGEST, Compare, Filter, Joined, matches, parse_filter
from server.scim.schema import EXTENSION, Attribute, Content, Target, find_attribute

MESSAGE: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS: Final = 100
_PATH: Final = re.compile(r"(?P<attribute>[A-Za-z0-9$_:.-]+)(?:\[(?P<filter>.+)\](?:\.(?P<part>[A-Za-z$]+))?)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Path:
    """`condition` chooses among the values of an attribute with several."""

    target: Target
    condition: Filter | None = None

    @property
    def attribute(self) -> Attribute:
        return self.target.attribute


def patched(user: Content, body: Content) -> Content:
    """The User with the operations done, in the order in which they are. Raises ScimError."""
    sent = members(body)
    operations = sent.get("operations")
    if MESSAGE.lower() not in [str(schema).lower() for schema in _list(sent.get("schemas"))]:
        raise ScimError("The body's schemas name PatchOp.", "invalidSyntax")
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise ScimError(f"A PATCH has 1 to {MOST_OPERATIONS} Operations.", "invalidSyntax")
    after = copy.deepcopy(user)
    for operation in operations:
        _do(after, operation)
    return after


def _do(user: Content, operation: Any) -> None:
    sent = members(operation) if isinstance(operation, dict) else {}
    name, path, value = sent.get("op"), sent.get("path"), sent.get("value")
    kind = name.lower() if isinstance(name, str) else ""
    if kind not in {"add", "replace", "remove"}:
        raise ScimError("An operation's op is add, replace or remove.", "invalidSyntax")
    if path is not None and not isinstance(path, str):
        raise ScimError("A path is a text.", "invalidPath")
    if kind == "remove":
        if not path:
            raise ScimError("What is to be removed is named by a path.", "noTarget")
        _remove(user, parse_path(path))
    elif not path:
        if not isinstance(value, dict):
            raise ScimError("Without a path the value is an object with attributes.", "invalidValue")
        _check_writable(value)
        for attribute, content in _attributes(read_resource(value)):
            _set(user, Path(Target(attribute)), content, kind)
    else:
        _set(user, parse_path(path), value, kind)


def parse_path(text: str) -> Path:
    """Raises ScimError: invalidPath, or mutability for what nobody may change."""
    match = _PATH.fullmatch(text) if len(text) <= LONGEST else None
    target = find_attribute(match["attribute"]) if match else None
    if match is None or target is None:
        raise ScimError("A path names an attribute that there is not.", "invalidPath")
    condition = None
    if match["filter"] is not None:
        if not target.attribute.multi or not target.attribute.parts or target.part is not None:
            raise ScimError("Brackets stand behind an attribute with several values.", "invalidPath")
        condition = parse_filter(match["filter"], target.attribute)
        if match["part"] is not None:
            part = target.attribute.part(match["part"])
            if part is None:
                raise ScimError("A path names a part that there is not.", "invalidPath")
            target = Target(target.attribute, part)
    if target.attribute.mutability == "readOnly" or target.attribute.name == "schemas":
        raise ScimError(f"{target.attribute.name} is the server's to say.", "mutability")
    return Path(target, condition)


def _attributes(content: Content) -> Sequence[tuple[Attribute, Any]]:
    found = [(find_attribute(name), value) for name, value in content.items() if name not in {EXTENSION, "schemas"}]
    found += [(find_attribute(f"{EXTENSION}:{name}"), value) for name, value in content.get(EXTENSION, {}).items()]
    return [(target.attribute, value) for target, value in found if target is not None]


def _check_writable(value: Content) -> None:
    for name in value:
        target = find_attribute(name)
        if target is not None and target.attribute.mutability == "readOnly":
            raise ScimError(f"{target.attribute.name} is the server's to say.", "mutability")


def _place(user: Content, attribute: Attribute) -> Content:
    """Where the attribute stands, made when it is not there."""
    if attribute.schema != EXTENSION:
        return user
    found = user.setdefault(EXTENSION, {})
    return found if isinstance(found, dict) else {}


def _set(user: Content, path: Path, value: Any, kind: str) -> None:
    attribute, part, place = path.attribute, path.target.part, _place(user, path.attribute)
    if value is None:
        raise ScimError("The operation has no value.", "invalidValue")
    if attribute.multi and attribute.parts and (path.condition is not None or part is not None):
        _set_in_values(place, path, value, kind)
        return
    if part is not None:
        place[attribute.name] = {**place.get(attribute.name, {}), part.name: read_value(part, value)}
        return
    read = read_value(attribute, value)
    if attribute.multi and kind == "add":
        before = place.get(attribute.name, [])
        new = [item for item in read if item not in before]
        place[attribute.name] = [*(_not_primary(before) if _has_primary(new) else before), *new]
    elif attribute.type == "complex" and not attribute.multi:
        place[attribute.name] = {**place.get(attribute.name, {}), **read}
    else:
        place[attribute.name] = read


def _set_in_values(place: Content, path: Path, value: Any, kind: str) -> None:
    """Of an attribute with several values: those that are chosen, or all."""
    attribute, part = path.attribute, path.target.part
    items: list[Content] = place.get(attribute.name, [])
    chosen = [item for item in items if path.condition is None or matches(path.condition, item)]
    if part is not None:
        new = {part.name: read_value(part, value)}
    else:
        one = read_value(attribute, value)
        if len(one) != 1:
            raise ScimError("The value that is chosen becomes one other.", "invalidValue")
        new = one[0]
    if not chosen:
        if kind == "replace" or path.condition is None:
            raise ScimError("No value is chosen by the path.", "noTarget")
        chosen = [_told_by(path.condition)]
        items = [*items, *chosen]
    if new.get("primary") is True:
        for item in items:
            item.pop("primary", None)
    for item in chosen:
        if part is None and kind == "replace":
            item.clear()
        item.update(new)
    place[attribute.name] = items


def _told_by(condition: Filter) -> Content:
    """What a new value has so that the filter chooses it, where that is plain: `type eq "work"`."""
    terms = condition.terms if isinstance(condition, Joined) and condition.all else (condition,)
    if not all(isinstance(term, Compare) and term.operator == "eq" for term in terms):
        raise ScimError("No value is chosen by the path.", "noTarget")
    return {term.target.attribute.name: term.value for term in terms if isinstance(term, Compare)}


def _has_primary(items: Sequence[Any]) -> bool:
    return any(isinstance(item, dict) and item.get("primary") is True for item in items)


def _not_primary(items: Sequence[Content]) -> list[Content]:
    """There is one primary value at most: another one takes the word from it (RFC 7644 3.5.2)."""
    return [{name: value for name, value in item.items() if name != "primary"} for item in items]


def _remove(user: Content, path: Path) -> None:
    attribute, part, place = path.attribute, path.target.part, _place(user, path.attribute)
    if path.condition is None and part is None:
        if attribute.required:
            raise ScimError(f"{attribute.name} is needed: it cannot be removed.", "mutability")
        place.pop(attribute.name, None)
        return
    found = place.get(attribute.name, [] if attribute.multi else {})
    if isinstance(found, dict):
        found.pop(part.name if part else "", None)
        return
    chosen = [item for item in found if path.condition is None or matches(path.condition, item)]
    if not chosen:
        raise ScimError("No value is chosen by the path.", "noTarget")
    if part is not None:
        if part.required or part.name == "value":
            raise ScimError(f"A value of {attribute.name} lacks a part that is needed.", "mutability")
        for item in chosen:
            item.pop(part.name, None)
    else:
        place[attribute.name] = [item for item in found if not any(item is one for one in chosen)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
