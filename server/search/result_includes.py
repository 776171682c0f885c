"""`_include` and `_revinclude` as text become `Include`s (R4 search 3.1.1.5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types
from server.search.registry import followed_parameters
from server.search.suggest import unknown_parameter

NAMES: Final = frozenset({"_include", "_revinclude"})
EVERY: Final = "*"
_MODIFIERS: Final = frozenset({"iterate", "recurse"})
"""R4 says iterate; recurse is what R3 called it, and many clients still do."""


@dataclass(frozen=True, slots=True)
class Include:
    """`_include=source:code[:target]`, or turned round: what refers to the results by `code` of `source`.

    `source` and `code` may be `*`: every type, every reference. With `iterate` it is asked of what was included as well.
    """

    source: str
    code: str
    target: str | None = None
    reverse: bool = False
    iterate: bool = False

    def codes_of(self, type_: str) -> tuple[str, ...]:
        """The reference parameters of a type that it stands for."""
        if self.source not in {EVERY, type_}:
            return ()
        if self.code != EVERY:
            return (self.code,)
        return tuple(code for code, parameter in followed_parameters(type_).items() if parameter.type == "reference")


def is_include(name: str) -> bool:
    """Whether a parameter, with its modifier, is one of these."""
    return name.partition(":")[0] in NAMES


def parse_include(name: str, value: str) -> Include:
    """Raises FhirError (400)."""
    name, colon, modifier = name.partition(":")
    if colon and modifier not in _MODIFIERS:
        raise refuse("parameter-modifier", f"{name} takes the modifier :iterate only.", f"http.{name}")
    reverse = name == "_revinclude"
    if value == EVERY:
        return Include(EVERY, EVERY, None, reverse, bool(colon))
    parts = value.split(":")
    if len(parts) not in {2, 3}:
        raise _wrong(name, f"{name} has the form Type:parameter, Type:parameter:target or *.")
    target = parts[2] if len(parts) == 3 else None
    if parts[0] not in resource_types() or target not in {None, *resource_types()}:
        raise _wrong(name, f"{name} names a resource type that does not exist.")
    if parts[1] != EVERY:
        _check_code(name, parts[0], parts[1], target)
    return Include(parts[0], parts[1], target, reverse, bool(colon))


def _check_code(name: str, type_: str, code: str, target: str | None) -> None:
    parameter = followed_parameters(type_).get(code)
    if parameter is None:
        text = unknown_parameter(type_, code).issues[0].text
        raise refuse("unknown-parameter", text, f"http.{name}")
    if parameter.type != "reference":
        raise _wrong(name, f"{code} is not a reference and cannot be included.")
    if target is not None and parameter.targets and target not in parameter.targets:
        raise _wrong(name, f"{code} of {type_} never refers to {target}.")


def _wrong(name: str, text: str) -> FhirError:
    return refuse("parameter-value", text, f"http.{name}")
