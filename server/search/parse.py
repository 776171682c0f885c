"""The criteria of a search as text become a tree (server/search/tree.py), each checked (R4 search 3.1.1).

Strict: an unknown parameter, modifier or form of a value is refused, with the nearest known one.
"""

from __future__ import annotations

from typing import Final

from profiles.outcome import refuse
from server.search.registry import indexed_parameters
from server.search.results import RESULT_PARAMETERS
from server.search.suggest import is_plain_word, unknown_parameter
from server.search.tree import Criterion, Node
from server.search.values import split_escaped

MAX_VALUES: Final = 200

MODIFIERS: Final = {
    "string": frozenset({"exact"}),
    "token": frozenset({"not"}),
    "reference": frozenset({"identifier"}),
    "date": frozenset[str](),
    "number": frozenset[str](),
    "quantity": frozenset[str](),
    "uri": frozenset[str](),
}
"""Modifiers by parameter type; a reference parameter also takes a type name."""


def parse(type_: str, name: str, value: str) -> Node:
    """One parameter of a search of a type. Raises FhirError (400)."""
    code, colon, modifier = name.partition(":")
    parameters = indexed_parameters(type_)
    parameter = parameters.get(code)
    if parameter is None:
        raise unknown_parameter(type_, code, RESULT_PARAMETERS)
    parameter_type, targets = parameter.type, parameter.targets
    if colon and modifier not in MODIFIERS[parameter_type] and not (parameter_type == "reference" and modifier in targets):
        allowed = sorted(MODIFIERS[parameter_type] | (targets if len(targets) < 10 else frozenset()))
        offer = f"; it takes {', '.join(':' + item for item in allowed)}" if allowed else ""
        shown = f"the modifier :{modifier}" if is_plain_word(modifier) else "that modifier"
        raise refuse("parameter-modifier", f"{code} does not take {shown}{offer}.", f"http.{code}")
    values = split_escaped(value)
    if not all(values):
        raise refuse("parameter-value", f"{code} needs a value.", f"http.{code}")
    if len(values) > MAX_VALUES:
        raise refuse("search-too-costly", f"{code} takes at most {MAX_VALUES} values at once.", f"http.{code}")
    return Criterion(code, parameter_type, modifier if colon else None, tuple(values), targets)
