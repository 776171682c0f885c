"""The criteria of a search as text become a tree (server/search/tree.py), each checked (R4 search 3.1.1).

Strict: an unknown parameter, modifier or form of a value is refused, with the nearest known one. What a value means is read when the
tree is compiled; here it is split, counted and, where it names others (`_has`, chains, `_list`, `_filter`), read.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.outcome import refuse
from profiles.search_parameters import SearchParameter
from profiles.structure import resource_types
from server.search.chains import chained, check_links, need_reference, targets_of
from server.search.filter_tree import parse_filter
from server.search.hierarchies import PARENTS, VERSION, leads_up
from server.search.registry import PHONETIC, WORDS, offered_parameters
from server.search.results import RESULT_PARAMETERS
from server.search.suggest import is_plain_word, unknown_parameter
from server.search.tree import Chain, Criterion, Has, Listed, Node
from server.search.values import split_escaped

MAX_VALUES: Final = 200

MODIFIERS: Final = {
    "string": frozenset({"contains", "exact", "missing", "text"}),
    "token": frozenset({"above", "below", "in", "missing", "not", "not-in", "of-type", "text"}),
    "reference": frozenset({"identifier", "missing"}),
    "date": frozenset({"missing"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
    "uri": frozenset({"above", "below", "missing"}),
    "composite": frozenset[str](),
    "special": frozenset({"missing"}),
}
"""Modifiers by parameter type; a reference parameter also takes a type name, and some :above and :below."""

_FIRST: Final = re.compile(r"[.:]")
_LIST: Final = re.compile(r"(?:List/)?([A-Za-z0-9\-.]{1,64})\Z")


def parse(type_: str, name: str, value: str, links: int = 0) -> Node:
    """One parameter of a search of a type, inside so many links. Raises FhirError (400)."""
    check_links(links)
    if name.startswith("_has:"):
        return _has(type_, name, value, links)
    first, dot, rest = name.partition(".")
    if dot:
        return _chain(type_, first, rest, value, links)
    code, colon, modifier = name.partition(":")
    if code in {"_filter", "_list", "_query", *WORDS}:
        return _common(type_, code, modifier if colon else None, value, links)
    parameter = offered_parameters(type_).get(code)
    if parameter is None:
        raise unknown_parameter(type_, code, RESULT_PARAMETERS)
    if colon:
        _check_modifier(parameter, modifier)
    values = _values(code, value)
    if colon and modifier == "missing" and values not in {("true",), ("false",)}:
        raise refuse("parameter-value", f"{code}:missing is true or false.", f"http.{code}")
    is_version = colon and modifier == "below" and parameter.type == "reference" and not leads_up(parameter)
    meant = VERSION if is_version else modifier if colon else None
    return Criterion(code, parameter.type, meant, values, parameter.targets)


def _values(code: str, value: str) -> tuple[str, ...]:
    if value.count(",") >= MAX_VALUES and len(split_escaped(value)) > MAX_VALUES:
        raise refuse("search-too-costly", f"{code} takes at most {MAX_VALUES} values at once.", f"http.{code}")
    values = split_escaped(value)
    if not all(values):
        raise refuse("parameter-value", f"{code} needs a value.", f"http.{code}")
    return tuple(values)


def _check_modifier(parameter: SearchParameter, modifier: str) -> None:
    code, kind, targets = parameter.code, parameter.type, parameter.targets
    taken = _modifiers(parameter)
    if modifier in taken or (kind == "reference" and modifier in targets):
        return
    if kind == "reference" and modifier in {"above", "below"}:
        why = f"only references to {', '.join(PARENTS)} form a hierarchy, and :below tells versions of canonical ones"
        raise refuse("parameter-modifier", f"{code} does not take :{modifier}: {why}.", f"http.{code}")
    allowed = sorted(taken | (targets if len(targets) < 10 else frozenset()))
    offer = f"; it takes {', '.join(':' + item for item in allowed)}" if allowed else ""
    shown = f"the modifier :{modifier}" if is_plain_word(modifier) else "that modifier"
    raise refuse("parameter-modifier", f"{code} does not take {shown}{offer}.", f"http.{code}")


def _modifiers(parameter: SearchParameter) -> frozenset[str]:
    if parameter.code == PHONETIC:
        return frozenset({"missing"})
    taken = MODIFIERS[parameter.type]
    if parameter.type == "reference":
        return taken | _along(parameter)
    return taken if "Identifier" in parameter.kinds else taken - {"of-type"}


def _along(parameter: SearchParameter) -> frozenset[str]:
    """What a reference parameter takes beside: by the hierarchy of what it refers to, or by its version."""
    if leads_up(parameter):
        return frozenset({"above", "below"})
    return frozenset({"below"}) if "canonical" in parameter.kinds else frozenset()


def _common(type_: str, code: str, modifier: str | None, value: str, links: int) -> Node:
    if modifier is not None:
        raise refuse("parameter-modifier", f"{code} does not take a modifier.", f"http.{code}")
    if code == "_query":
        raise refuse("not-supported", "There are no named queries; use search parameters or _filter.", "http._query")
    if code == "_filter":
        return parse_filter(type_, value, links)
    values = _values(code, value)
    if code in WORDS:
        return Criterion(code, "words", None, values)
    if any(item.startswith("$") for item in values):
        text = "_list takes ids of List resources; lists that a server would make itself, such as $current-problems, are not supported."
        raise refuse("not-supported", text, "http._list")
    lists = [found[1] if (found := _LIST.match(item)) else None for item in values]
    if None in lists:
        raise refuse("parameter-value", "_list is the id of a List.", "http._list")
    return Listed(tuple(item for item in lists if item is not None))


def _chain(type_: str, head: str, rest: str, value: str, links: int) -> Node:
    """`code.rest` or `code:Type.rest`: what is asked of the resource that a reference points at."""
    code, colon, target = head.partition(":")
    parameter = offered_parameters(type_).get(code)
    if parameter is None:
        raise unknown_parameter(type_, code, RESULT_PARAMETERS)
    need_reference(parameter)
    if colon:
        if target not in targets_of(parameter):
            shown = f"{target} resources" if is_plain_word(target) else "resources of that type"
            raise refuse("parameter-modifier", f"{code} does not refer to {shown}.", f"http.{code}")
        return Chain(code, ((target, parse(target, rest, value, links + 1)),))
    return chained(parameter, _FIRST.split(rest, 1)[0], lambda kind: parse(kind, rest, value, links + 1))


def _has(type_: str, name: str, value: str, links: int) -> Node:
    """`_has:Type:code:rest`: some resource of the type for which the rest holds points here."""
    parts = name.split(":", 3)
    if len(parts) < 4 or not all(parts):
        form = "_has has the form _has:Type:reference:parameter, such as _has:Observation:patient:code"
        raise refuse("parameter-value", f"{form}.", "http._has")
    _, other, code, rest = parts
    if other not in resource_types():
        raise refuse("parameter-value", "_has names a resource type that does not exist.", "http._has")
    parameter = offered_parameters(other).get(code)
    if parameter is None:
        raise unknown_parameter(other, code)
    if parameter.type != "reference" or type_ not in targets_of(parameter):
        raise refuse("parameter-value", f"{other} does not refer to {type_} by {code}.", "http._has")
    return Has(other, code, parse(other, rest, value, links + 1))
