"""JSON Patch (RFC 6902) on documents as profiles.json reads them: decimals keep their digits, key order stays.

Everything that a patch can cost is bounded: operations, the length and depth of pointers, the depth of values, and what `copy` makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from profiles.json import ExactDecimal, Json
from profiles.outcome import FhirError, refuse

MEDIA_TYPE: Final = "application/json-patch+json"
MAX_OPERATIONS: Final = 2000
MAX_POINTER: Final = 1000
"""Characters of a pointer."""
MAX_DEPTH: Final = 64
MAX_COPIED: Final = 2**20
"""Values, and characters of strings, that all `copy` operations of a patch may make together."""

_INDEX: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_NEEDS_VALUE: Final = frozenset({"add", "replace", "test"})
_NEEDS_FROM: Final = frozenset({"move", "copy"})
_OPERATIONS: Final = _NEEDS_VALUE | _NEEDS_FROM | {"remove"}

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`at` is its FHIRPath in the patch."""

    at: str
    op: str
    path: Tokens
    origin: Tokens
    value: Json


def read_patch(content: Json, at: str = "http.body") -> list[Operation]:
    """The operations of a patch document. Raises FhirError (400, 422) for what is none, or is too much."""
    if not isinstance(content, list):
        raise refuse("patch-format", "A JSON Patch is an array of operations.", at)
    if len(content) > MAX_OPERATIONS:
        raise _too_much(f"A patch may have at most {MAX_OPERATIONS} operations.", at)
    return [_read_operation(item, f"{at}[{number}]") for number, item in enumerate(content)]


def _read_operation(item: Json, at: str) -> Operation:
    op = item.get("op") if isinstance(item, dict) else None
    if not isinstance(op, str) or op not in _OPERATIONS:
        raise refuse("patch-format", "An operation is an object whose op is add, remove, replace, move, copy or test.", at)
    if op in _NEEDS_VALUE and "value" not in item:
        raise refuse("patch-format", f"{op} needs a value.", f"{at}.value")
    value = item.get("value") if op in _NEEDS_VALUE else None
    if _weight(value) is None:
        raise _too_much(f"A value may be nested {MAX_DEPTH} levels deep.", f"{at}.value")
    origin = _pointer(item.get("from"), f"{at}.from") if op in _NEEDS_FROM else ()
    return Operation(at, op, _pointer(item.get("path"), f"{at}.path"), origin, value)


def _pointer(text: Json, at: str) -> Tokens:
    """The reference tokens of a JSON Pointer (RFC 6901)."""
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise refuse("patch-format", "A JSON Pointer is empty or begins with a slash, as in /name/0/family.", at)
    if len(text) > MAX_POINTER:
        raise _too_much(f"A JSON Pointer may be at most {MAX_POINTER} characters long.", at)
    tokens = text.split("/")[1:]
    if len(tokens) > MAX_DEPTH:
        raise _too_much(f"A JSON Pointer may be at most {MAX_DEPTH} levels deep.", at)
    if any("~" in token.replace("~0", "").replace("~1", "") for token in tokens):
        raise refuse("patch-format", "In a JSON Pointer, ~ stands before 0 or 1 only (~0 is ~ and ~1 is /).", at)
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def apply_patch(operations: list[Operation], document: Json) -> Json:
    """The document after all operations. It is the caller's own and is changed; the patch is not.

    Raises FhirError (422) at the first operation that cannot be done, or whose test does not hold.
    """
    return _Patching(document).run(operations)


class _Patching:
    def __init__(self, document: Json) -> None:
        self._holder: dict[str, Json] = {"": document}
        self._copied = 0

    def run(self, operations: list[Operation]) -> Json:
        for operation in operations:
            _DOES[operation.op](self, operation)
        if "" not in self._holder:
            raise refuse("patch-target", "After the patch, nothing is left.", "http.body")
        if _weight(self._holder[""]) is None:  # values moved into each other
            raise _too_much(f"A resource may be nested {MAX_DEPTH} levels deep.", "http.body")
        return self._holder[""]

    def add(self, operation: Operation) -> None:
        self._put(operation, _copy(operation.value))

    def replace(self, operation: Operation) -> None:
        holder, key = self._existing(operation.path, f"{operation.at}.path")
        holder[key] = _copy(operation.value)

    def remove(self, operation: Operation) -> None:
        self._take(operation.path, f"{operation.at}.path")

    def move(self, operation: Operation) -> None:
        if operation.path != operation.origin and operation.path[: len(operation.origin)] == operation.origin:
            raise refuse("patch-target", "Nothing can be moved into itself.", f"{operation.at}.path")
        self._put(operation, self._take(operation.origin, f"{operation.at}.from"))

    def copy(self, operation: Operation) -> None:
        holder, key = self._existing(operation.origin, f"{operation.at}.from")
        value = holder[key]
        weight = _weight(value)
        self._copied += weight if weight is not None else MAX_COPIED + 1
        if self._copied > MAX_COPIED:
            raise _too_much("The patch copies too much, or too deep.", operation.at)
        self._put(operation, _copy(value))

    def test(self, operation: Operation) -> None:
        holder, key = self._existing(operation.path, f"{operation.at}.path")
        if not _equal(holder[key], operation.value):
            raise refuse("patch-test", "The test does not hold: the resource has another value there.", operation.at)

    def _put(self, operation: Operation, value: Json) -> None:
        """Into an object under a name, which replaces what is there; into an array before an index, or at its end (-)."""
        at = f"{operation.at}.path"
        holder, key = self._parent(operation.path, at)
        if isinstance(holder, dict):
            holder[key] = value
        elif isinstance(holder, list):
            holder.insert(len(holder) if key == "-" else _index(key, len(holder) + 1, at), value)
        else:
            raise _absent(at)

    def _take(self, path: Tokens, at: str) -> Json:
        holder, key = self._existing(path, at)
        return holder.pop(key)

    def _existing(self, path: Tokens, at: str) -> tuple[Json, Json]:
        """(container, key) of a value that is there."""
        holder, key = self._parent(path, at)
        if isinstance(holder, dict) and key in holder:
            return holder, key
        if isinstance(holder, list):
            return holder, _index(key, len(holder), at)
        raise _absent(at)

    def _parent(self, path: Tokens, at: str) -> tuple[Json, str]:
        """The container that the last token names something in; the document itself is in a container of ours."""
        value: Json = self._holder
        *tokens, last = ("", *path)
        for token in tokens:
            if isinstance(value, dict) and token in value:
                value = value[token]
            elif isinstance(value, list):
                value = value[_index(token, len(value), at)]
            else:
                raise _absent(at)
        return value, last


_DOES: Final[Mapping[str, Callable[[_Patching, Operation], None]]] = {
    "add": _Patching.add,
    "replace": _Patching.replace,
    "remove": _Patching.remove,
    "move": _Patching.move,
    "copy": _Patching.copy,
    "test": _Patching.test,
}


def _index(text: str, end: int, at: str) -> int:
    """An array index below `end`: digits only, without leading zeros (RFC 6901 section 4)."""
    if _INDEX.match(text) is None or int(text) >= end:
        raise _absent(at)
    return int(text)


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _equal(one: Json, other: Json) -> bool:
    """Numbers by their value, objects whatever the order of their members (RFC 6902 section 4.6)."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | Decimal | ExactDecimal) and not isinstance(value, bool)


def _weight(value: Json) -> int | None:
    """How many values and characters of strings; None when it is nested too deep."""
    weight, waiting = 0, [(value, MAX_DEPTH)]
    while waiting:
        item, left = waiting.pop()
        if left < 0:
            return None
        weight += 1 + (len(item) if isinstance(item, str) else 0)
        if isinstance(item, dict):
            weight += sum(map(len, item))
            waiting += [(member, left - 1) for member in item.values()]
        elif isinstance(item, list):
            waiting += [(member, left - 1) for member in item]
    return weight


def _absent(at: str) -> FhirError:
    return refuse("patch-target", "The resource has nothing there.", at)


def _too_much(text: str, at: str) -> FhirError:
    return refuse("patch-too-costly", text, at)
