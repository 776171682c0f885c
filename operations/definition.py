"""What an operation is, as data: one `Definition`, from which everything else about it is made (FHIR R4 operationdefinition.html).

Routing, the check of what is sent (operations/input_check.py), the CapabilityStatement, the OperationDefinition that can be read,
the OpenAPI document and docs/operations.md follow from it, so that none of them can say something else than another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from profiles.json import Resource
from profiles.pas_names import ASSENT
from profiles.structure import resource_types

Level = Literal["system", "type", "instance"]
LEVELS: Final[tuple[Level, ...]] = ("system", "type", "instance")
MANY: Final = None
"""`Parameter.most` of one that may repeat without limit."""
_OURS: Final = f"{ASSENT}/OperationDefinition/"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, in or out. `type` is a FHIR type, `Resource` for any resource, `Element` for any value; empty with `parts`."""

    name: str
    type: str = ""
    text: str = ""
    least: int = 0
    most: int | None = 1
    parts: tuple[Parameter, ...] = ()
    targets: tuple[str, ...] = ()
    """Types that a Reference may point at."""
    also: tuple[str, ...] = ()
    """Other types in which the value is taken, beside those that are written alike."""

    @property
    def is_resource(self) -> bool:
        return self.type == "Resource" or self.type in resource_types()

    @property
    def is_simple(self) -> bool:
        """Whether it can stand in an address: primitive types begin with a small letter."""
        return any(type_[:1].islower() for type_ in (self.type, *self.also))

    def element(self, use: Literal["in", "out"]) -> Resource:
        """OperationDefinition.parameter."""
        made: Resource = {
            "name": self.name,
            "use": use,
            "min": self.least,
            "max": "*" if self.most is None else str(self.most),
        }
        if self.text:
            made["documentation"] = self.text
        if self.type:
            made["type"] = self.type
        if self.targets:
            made["targetProfile"] = [f"http://hl7.org/fhir/StructureDefinition/{target}" for target in self.targets]
        if self.parts:
            made["part"] = [part.element(use) for part in self.parts]
        return made


@dataclass(frozen=True, slots=True)
class Definition:
    """An operation as callers see it.

    `on`: the resource types that it is called on; `("Resource",)` are all of them, and with none it is called on the system.
    `id` is that of its OperationDefinition here; `url` the canonical of a guide that defines it, empty for one of ours.
    """

    id: str
    code: str
    title: str
    text: str
    levels: tuple[Level, ...]
    on: tuple[str, ...] = ()
    takes: tuple[Parameter, ...] = ()
    gives: tuple[Parameter, ...] = ()
    affects_state: bool = False
    url: str = ""
    version: str = "1.0.0"
    body: str = ""
    """The parameter that a body stands for which is no Parameters."""

    @property
    def types(self) -> tuple[str, ...]:
        """The resource types that it is called on, one by one."""
        return tuple(sorted(resource_types())) if self.on == ("Resource",) else self.on

    @property
    def is_ours(self) -> bool:
        """Whether no guide defines it."""
        return not self.url

    @property
    def canonical(self) -> str:
        return self.url or f"{_OURS}{self.id}"

    @property
    def takes_get(self) -> bool:
        """Whether it can be called with GET (R4 operations.html): nothing changes, and all that it must have is simple."""
        return not self.affects_state and all(each.is_simple or not each.least for each in self.takes)

    def parameter(self, name: str) -> Parameter | None:
        """An input parameter."""
        return next((each for each in self.takes if each.name == name), None)

    def addresses(self) -> Iterator[tuple[Level, str]]:
        """(level, type or "") of each place where it can be called."""
        for level in self.levels:
            for type_ in self.types if level != "system" else ("",):
                yield level, type_

    def resource(self) -> Resource:
        """The OperationDefinition."""
        made: Resource = {
            "resourceType": "OperationDefinition",
            "id": self.id,
            "url": self.canonical,
            "version": self.version,
            "name": "".join(part[:1].upper() + part[1:] for part in self.id.split("-")),
            "title": self.title,
            "status": "active",
            "kind": "operation",
            "affectsState": self.affects_state,
            "description": self.text,
            "code": self.code,
        }
        if self.on:
            made["resource"] = list(self.on)
        made |= {level: level in self.levels for level in LEVELS}
        listed = [each.element("in") for each in self.takes] + [each.element("out") for each in self.gives]
        return {**made, "parameter": listed} if listed else made


def rows(table: str, texts: dict[str, str] | None = None) -> tuple[Parameter, ...]:
    """Parameters from `name:type` words, with `*` behind what may repeat and `!` behind what must be there."""
    return tuple(_row(word, texts or {}) for word in dict.fromkeys(table.split()))


def _row(word: str, texts: dict[str, str]) -> Parameter:
    name, _, type_ = word.partition(":")
    most = MANY if "*" in type_ else 1
    return Parameter(name, type_.rstrip("*!"), texts.get(name, ""), least=int("!" in type_), most=most)


def needed(name: str, type_: str = "", text: str = "", parts: Sequence[Parameter] = (), most: int | None = 1) -> Parameter:
    """A parameter that is always there."""
    return Parameter(name, type_, text, least=1, most=most, parts=tuple(parts))
