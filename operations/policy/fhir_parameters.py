"""FHIR R4 `Parameters`: building the answer of an operation, and reading its input strictly.

An input parameter that is not defined is refused with the nearest name that is, so that a slip never passes unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from operations.policy.json_reading import objects
from profiles.json import ExactDecimal, Json, Resource
from profiles.outcome import FhirError, refuse


def parameters(parts: Iterable[Resource]) -> Resource:
    """A Parameters resource. R4 allows none of its lists to be empty."""
    listed = list(parts)
    return {"resourceType": "Parameters", "parameter": listed} if listed else {"resourceType": "Parameters"}


def group(name: str, parts: Iterable[Resource | None]) -> Resource:
    """A parameter made of parts; None among them is left out."""
    return {"name": name, "part": [part for part in parts if part is not None]}


def text(name: str, value: str | None) -> Resource | None:
    """A valueString; nothing for an empty one."""
    return {"name": name, "valueString": value} if value else None


def code(name: str, value: str) -> Resource:
    return {"name": name, "valueCode": value}


def boolean(name: str, value: bool) -> Resource:
    return {"name": name, "valueBoolean": value}


def decimal(name: str, value: float) -> Resource:
    return {"name": name, "valueDecimal": exact(value)}


def exact(value: float) -> ExactDecimal:
    """A figure of ours with at most four digits after the point."""
    return ExactDecimal(format(Decimal(str(round(value, 4))), "f"))


def coding(name: str, system: str, value: str) -> Resource:
    return {"name": name, "valueCoding": {"system": system, "code": value}}


@dataclass(frozen=True, slots=True)
class Given:
    """One input parameter: its value, where it stands, and the type that it came in (`valueInteger`).

    `kind` is None for a parameter in the query of a GET, where everything is text.
    """

    value: Json
    expression: str
    resource: Resource | None = None
    kind: str | None = None

    def is_of(self, *kinds: str) -> bool:
        """True for a value of one of these types, or from a query."""
        return self.kind is None or self.kind in kinds


def read_parameters(body: Resource | None, known: Iterable[str], query: Mapping[str, Iterable[str]]) -> dict[str, Given]:
    """The input by name, from the body or the query of a GET; each may be given once.

    Raises `FhirError` (400): structure when the body is no Parameters, unknown-parameter with the nearest known name,
    parameter-value for a parameter that repeats or has no value.
    """
    names = tuple(known)
    given: dict[str, Given] = {}
    for name, values in query.items():
        if name.startswith("_"):  # _format, _pretty: the server's own
            continue
        listed = list(values)
        _expect_known(name, names, "http.query")
        if len(listed) != 1:
            raise refuse("parameter-value", f"'{name}' may be given once.", f"http.{name}")
        given[name] = Given(listed[0], f"http.{name}")
    if body is None:
        return given
    if body.get("resourceType") != "Parameters":
        raise refuse("structure", "The body must be a Parameters resource.", "Parameters")
    entries = body.get("parameter", [])
    if not isinstance(entries, list) or len(objects(entries)) != len(entries):
        raise refuse("structure", "Parameters.parameter must be a list of objects.", "Parameters.parameter")
    for index, entry in enumerate(entries):
        at = f"Parameters.parameter[{index}]"
        name = entry.get("name")
        if not isinstance(name, str):
            raise refuse("required-element", "A parameter needs a name.", f"{at}.name")
        _expect_known(name, names, f"{at}.name")
        if name in given:
            raise refuse("parameter-value", f"'{name}' may be given once.", at)
        given[name] = _value(name, entry, at)
    return given


def _value(name: str, entry: Resource, at: str) -> Given:
    resource = entry.get("resource")
    if isinstance(resource, dict):
        return Given(None, f"{at}.resource", resource)
    values = [key for key in entry if key.startswith("value")]
    if len(values) != 1 or entry[values[0]] is None:
        raise refuse("parameter-value", f"'{name}' needs one value.", at)
    return Given(entry[values[0]], f"{at}.{values[0]}", kind=values[0])


def _expect_known(name: str, known: tuple[str, ...], at: str) -> None:
    if name not in known:
        raise unknown_parameter(name, known, at)


def unknown_parameter(name: str, known: tuple[str, ...], at: str | None) -> FhirError:
    """The refusal of a parameter that is not defined."""
    close = get_close_matches(name, known, 1)
    shown = name if len(name) <= 40 else name[:40] + "..."
    hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
    return refuse("unknown-parameter", f"There is no parameter '{shown}'. {hint}", at)
