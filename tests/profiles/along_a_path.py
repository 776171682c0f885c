"""Resources for a path: most often they hold what the path leads to, and other things beside it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final

from profiles.structure import primitive_types, type_definition

TEXTS: Final = ("a", "home", "2020-01-02", "http://x.example/e")
POINTS: Final = (
    "Patient/1",
    "Group/2",
    "https://x.example/Patient/3",
    "#p",
    "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
)


class Maker:
    """Makes objects from a seed. `texts` and `points`: what strings and references may be."""

    def __init__(self, draw: Random, texts: Sequence[str] = TEXTS, points: Sequence[str] = POINTS) -> None:
        self.draw, self._texts, self._points = draw, texts, points

    def resource(self, type_: str, along: Sequence[str]) -> dict[str, Any]:
        """A resource with a contained one; `along`: the names of elements that a path leads over."""
        contained = [{"resourceType": self.draw.choice(["Patient", "Group"]), "id": "p"}]
        return {**self.held(type_, along), "resourceType": type_, "contained": contained}

    def held(self, code: str, along: Sequence[str]) -> dict[str, Any]:
        """An object of a type that has the next of the elements `along` a path, if its type has it, and some others."""
        definition = type_definition(code)
        assert definition is not None
        found: dict[str, Any] = {"reference": self.draw.choice(self._points)} if code == "Reference" else {}
        names = [*along[:1], *self.draw.sample(sorted(definition.elements), min(2, len(definition.elements)))]
        for name in dict.fromkeys(names):
            element = definition.elements.get(name)
            ways = (
                [] if element is None else [way for way in element.json_names() if way[1].code not in {"Resource", "xhtml"}]
            )
            if element is None or not ways or name == "reference":
                continue
            json_name, type_ = self.draw.choice(ways)
            following = along[1:] if along[:1] == [name] else []
            items = [self._item(type_.code, following) for _ in range(1 if element.max == 1 else self.draw.randint(1, 3))]
            found[json_name] = items[0] if element.max == 1 else items
            if type_.code in primitive_types() and not element.attribute and self.draw.random() < 0.3:
                found |= self._beside(json_name, items, following, is_one=element.max == 1)
                if element.max == 1 and found["_" + json_name] is not None and self.draw.random() < 0.5:
                    del found[json_name]
        return found

    def _beside(self, name: str, items: list[Any], along: Sequence[str], *, is_one: bool) -> dict[str, Any]:
        extras = [self.held("Element", along) or None if self.draw.random() < 0.7 else None for _ in items]
        return {"_" + name: extras[0] if is_one else extras}

    def _item(self, code: str, along: Sequence[str]) -> Any:
        if code in primitive_types():
            return self._primitive(code)
        return self.held(code, along) if along or self.draw.random() < 0.5 else {}

    def _primitive(self, code: str) -> Any:
        if code == "boolean":
            return self.draw.random() < 0.5
        if code == "decimal":
            return Decimal(self.draw.choice(["1.0", "2.50"]))
        if code in {"integer", "positiveInt", "unsignedInt"}:
            return self.draw.randint(0, 3)
        return self.draw.choice(self._texts)
