"""Mutations of a resource: each element dropped, doubled, retyped, recoded or moved. The same seed gives the same mutations."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from profiles.json import Resource
from profiles.structure import ElementDefinition, TypeRef, type_definition

KINDS = ("drop", "duplicate", "retype", "recode", "move")

Path = tuple[str | int, ...]

SAMPLES: dict[str, Any] = {
    "boolean": True,
    "string": "text",
    "code": "code",
    "integer": 7,
    "positiveInt": 7,
    "decimal": 7,
    "date": "2024-05-06",
    "dateTime": "2024-05-06",
    "time": "10:11:12",
    "uri": "urn:example:1",
    "CodeableConcept": {"coding": [{"system": "http://example.org/codes", "code": "a"}]},
    "Coding": {"system": "http://example.org/codes", "code": "a"},
    "Reference": {"reference": "Patient/example"},
    "Period": {"start": "2024-05-06"},
    "Quantity": {"value": 3, "unit": "visits"},
    "Money": {"value": 3, "currency": "USD"},
    "Identifier": {"system": "http://example.org/ids", "value": "1"},
    "Address": {"city": "Springfield"},
    "Timing": {"event": ["2024-05-06"]},
    "Attachment": {"contentType": "text/plain", "data": "YQ=="},
    "Range": {"low": {"value": 1}},
}
"""A value of each type that a choice is turned into."""


@dataclass(frozen=True, slots=True)
class Mutation:
    kind: str
    path: Path
    resource: Resource

    @property
    def name(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.path))}"


def mutations(resource: Resource, seed: int = 0, share: float = 1.0) -> Iterator[Mutation]:
    """All mutations of a resource, or a share of them picked by the seed. `resource` is not changed."""
    chance = random.Random(f"{seed} {resource.get('id')}")
    places = list(_places(resource))
    pool = _pool(resource)
    objects = [path for path, value in places if isinstance(value, dict)]
    for path, value in places:
        for kind in KINDS:
            ours = random.Random(chance.random())
            if chance.random() < share:
                made = copy.deepcopy(resource)
                if _change(kind, made, path, value, pool, objects, ours):
                    yield Mutation(kind, path, made)


def _places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every element with its place: members of objects, and items of lists; narratives are one element."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        here = (*path, key)
        if not isinstance(each, list):
            yield here, each
        if isinstance(each, dict | list) and key != "text":
            yield from _places(each, here)


def _pool(resource: Resource) -> dict[str, list[Any]]:
    """The values that each member name has in the resource: what a value is exchanged for."""
    pool: dict[str, list[Any]] = {}
    for path, value in _places(resource):
        if not isinstance(value, dict) and isinstance(path[-1], str):
            known = pool.setdefault(path[-1], [])
            if value not in known:
                known.append(value)
    return pool


def _holder(resource: Any, path: Path) -> Any:
    for step in path[:-1]:
        resource = resource[step]
    return resource


def _change(
    kind: str,
    made: Resource,
    path: Path,
    value: Any,
    pool: dict[str, list[Any]],
    objects: list[Path],
    chance: random.Random,
) -> bool:
    holder, key = _holder(made, path), path[-1]
    if kind == "drop":
        del holder[key]
        _without_empty(made, path[:-1])
        return True
    if kind == "duplicate":
        if isinstance(holder, list):
            holder.insert(int(key), copy.deepcopy(holder[int(key)]))
        else:
            holder[key] = [value, copy.deepcopy(value)]
        return True
    if kind == "retype":
        return _retype(holder, key, value, chance)
    if kind == "recode":
        return _recode(holder, key, value, pool, chance)
    return _move(made, path, objects, chance)


def _without_empty(made: Resource, path: Path) -> None:
    """An object or list that holds nothing any more goes too: what is left of a drop is what a sender would send."""
    while path:
        holder, key = _holder(made, path), path[-1]
        if holder[key] not in ({}, []):
            return
        del holder[key]
        path = path[:-1]


def _retype(holder: Any, key: Any, value: Any, chance: random.Random) -> bool:
    others = _other_types(key) if isinstance(holder, dict) else []
    if others:
        name, code = chance.choice(others)
        renamed = {
            (name if each == key else each): (SAMPLES[code] if each == key else kept) for each, kept in holder.items()
        }
        holder.clear()
        holder.update(copy.deepcopy(renamed))
        return True
    if isinstance(value, dict):
        holder[key] = "text"
    elif isinstance(value, str):
        holder[key] = 5
    else:
        holder[key] = str(value).lower()
    return True


_CHOICES = (
    ("Extension", "value"),
    ("Claim.item", "serviced"),
    ("Claim.item", "location"),
    ("Claim.supportingInfo", "timing"),
    ("Claim.supportingInfo", "value"),
    ("Claim.diagnosis", "diagnosis"),
    ("Claim.accident", "location"),
    ("CommunicationRequest.payload", "content"),
    ("CommunicationRequest", "occurrence"),
    ("ServiceRequest", "occurrence"),
    ("ServiceRequest", "quantity"),
    ("DeviceRequest", "code"),
    ("DeviceRequest", "occurrence"),
    ("MedicationRequest", "medication"),
    ("MedicationRequest", "reported"),
    ("Patient", "deceased"),
    ("Patient", "multipleBirth"),
    ("Task.input", "value"),
    ("Observation", "value"),
    ("Observation", "effective"),
    ("Condition", "onset"),
    ("Procedure", "performed"),
)


def _other_types(key: str) -> list[tuple[str, str]]:
    """(JSON name, type) of the other forms of a choice that `key` is one of."""
    for holder, stem in _CHOICES:
        definition = type_definition(holder)
        element = definition.elements.get(stem) if definition is not None else None
        if element is not None and key.startswith(stem) and key in _names(element):
            return [(name, type_.code) for name, type_ in _names(element).items() if name != key and type_.code in SAMPLES]
    return []


def _names(element: ElementDefinition) -> dict[str, TypeRef]:
    return dict(element.json_names())


def _recode(holder: Any, key: Any, value: Any, pool: dict[str, list[Any]], chance: random.Random) -> bool:
    if isinstance(value, dict):
        return False
    others = [each for each in pool.get(str(key), ()) if each != value and type(each) is type(value)]
    if others and chance.random() < 0.6:
        holder[key] = chance.choice(others)
    elif isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, str):
        holder[key] = f"{value}x"
    else:
        holder[key] = value + 1
    return True


def _move(made: Resource, path: Path, objects: list[Path], chance: random.Random) -> bool:
    """Items of a list change places; a member goes to another object."""
    holder, key = _holder(made, path), path[-1]
    if isinstance(holder, list) and len(holder) > 1:
        item = holder.pop(int(key))
        holder.insert((int(key) + chance.randrange(1, len(holder) + 1)) % (len(holder) + 1), item)
        return True
    if not isinstance(key, str):
        return False
    targets = [each for each in objects if each[: len(path)] != path and key not in _holder(made, (*each, key))]
    if not targets:
        return False
    there = chance.choice(targets)
    _holder(made, (*there, key))[key] = holder.pop(key)
    _without_empty(made, path[:-1])
    return True
