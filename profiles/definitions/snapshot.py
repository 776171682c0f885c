"""The snapshot of a profile from its differential (R4 profiling.html#snapshot).

The base's elements are taken over; each element of the differential constrains the one it names, and where it goes into an
element that the base does not unfold, the elements of that element's type (or profile, or content reference) are put there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from profiles.definitions.element_ids import last_segment, parent_id, path_of, slice_of, unsliced, with_ids
from profiles.json import Resource

Resolve = Callable[[str], Resource | None]
"""The StructureDefinition of a canonical URL (of a type's name: http://hl7.org/fhir/StructureDefinition/[name])."""

TYPES: Final = "http://hl7.org/fhir/StructureDefinition/"
_FHIRPATH: Final = "http://hl7.org/fhirpath/"
_MAX_ELEMENTS: Final = 20_000
_BY_IDENTITY: Final = {"constraint": "key", "extension": "url", "mapping": "identity"}
"""Lists that a differential adds to; a member of the same name is replaced."""


class SnapshotError(ValueError):
    """The definition cannot be made into a snapshot; the message names the element."""


def snapshot_of(definition: Resource, resolve: Resolve) -> list[Resource]:
    """The elements of the snapshot: the one that the definition carries, or one made from its differential.

    Raises `SnapshotError` for a base that is not known or comes back to itself, and for elements that lead nowhere.
    """
    return _snapshot(definition, resolve, ())


def generate(definition: Resource, resolve: Resolve) -> list[Resource]:
    """The snapshot made from the differential, whatever snapshot the definition carries."""
    return _generated(definition, resolve, (_url(definition),))


def _snapshot(definition: Resource, resolve: Resolve, above: tuple[str, ...]) -> list[Resource]:
    url = _url(definition)
    if url in above:
        raise SnapshotError(f"The definition {url} is built on itself.")
    carried = definition.get("snapshot")
    if isinstance(carried, dict) and isinstance(carried.get("element"), list) and carried["element"]:
        return list(carried["element"])
    return _generated(definition, resolve, (*above, url))


def _generated(definition: Resource, resolve: Resolve, above: tuple[str, ...]) -> list[Resource]:
    base_url = definition.get("baseDefinition")
    base = resolve(base_url) if isinstance(base_url, str) else None
    if base is None:
        raise SnapshotError(f"The base of {_url(definition)} is not known.")
    type_name = str(definition.get("type") or base.get("type"))
    elements = _under(_snapshot(base, resolve, above), type_name)
    differential = definition.get("differential")
    rows = differential.get("element") if isinstance(differential, dict) else None
    building = _Building(elements, resolve, above, specializes=definition.get("derivation") == "specialization")
    for row in with_ids([each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []):
        building.constrain(row)
    return building.elements


def _under(elements: Sequence[Resource], type_name: str) -> list[Resource]:
    """The elements under another root: `Resource.id` becomes `Patient.id` where a type is built on Resource."""
    root = str(elements[0].get("path")) if elements else type_name
    return (
        [_rebased(element, root, type_name) for element in elements] if root != type_name else [dict(e) for e in elements]
    )


def _rebased(element: Resource, old: str, new: str) -> Resource:
    element_id = str(element.get("id") or element.get("path"))
    moved = new + element_id[len(old) :]
    return {**element, "id": moved, "path": path_of(moved)}


class _Building:
    """A snapshot being built: the elements by id, and the order of the ids."""

    def __init__(self, elements: list[Resource], resolve: Resolve, above: tuple[str, ...], *, specializes: bool) -> None:
        self._rows: dict[str, Resource] = {}
        self._order: list[str] = []
        self._last_child: dict[str, str] = {}
        self._last_slice: dict[str, str] = {}
        self._choices: dict[str, list[str]] = {}
        self._resolve = resolve
        self._above = above
        self._specializes = specializes
        self._root = str(elements[0]["path"]) if elements else ""
        self._insert(0, elements)

    @property
    def elements(self) -> list[Resource]:
        return [self._rows[each] for each in self._order]

    def constrain(self, row: Resource) -> None:
        """Lay one element of the differential over the one it names, and put that in first where it is missing."""
        element_id, by_type = self._located(row)
        if by_type:
            self._narrow(element_id, row)
        self._rows[element_id] = _merged(self._row(element_id), {**row, "id": element_id, "path": path_of(element_id)})
        if len(self._rows) > _MAX_ELEMENTS:
            raise SnapshotError(f"The snapshot grows beyond {_MAX_ELEMENTS:,} elements.")

    def _located(self, row: Resource) -> tuple[str, bool]:
        """The id of the element that `row` means, everything above it put in; whether it goes by a type's name."""
        segments = str(row["id"]).split(".")
        element_id, by_type = self._root, False
        for index, segment in enumerate(segments[1:], 1):
            holder, name = element_id, segment.partition(":")[0]
            if holder not in self._last_child:
                self._unfold(holder)
            choice = None if f"{holder}.{name}" in self._rows else self._choice(holder, name)
            element_id = f"{holder}.{segment}" if choice is None else f"{holder}.{choice}:{name}"
            by_type = choice is not None and "slicing" not in self._row(f"{holder}.{choice}")
            if element_id not in self._rows:
                self._add(element_id, holder, row if index == len(segments) - 1 else {})
        return element_id, by_type

    def _add(self, element_id: str, holder: str, row: Resource) -> None:
        if ":" in last_segment(element_id):
            self._add_slice(element_id)
        elif self._specializes and row:
            self._insert(self._after(holder), [{**row, "id": element_id}])
        else:
            raise SnapshotError(f"There is no element {path_of(element_id)} to constrain.")

    def _choice(self, holder: str, name: str) -> str | None:
        """`value[x]` for `valueQuantity`, where `holder` has such a choice."""
        for element_id in self._choices.get(holder, ()):
            stem = last_segment(element_id)[:-3]
            types = {str(each.get("code", "")).lower() for each in _types(self._rows[element_id])}
            if name.startswith(stem) and name[len(stem) :].lower() in types:
                return f"{stem}[x]"
        return None

    def _narrow(self, element_id: str, row: Resource) -> None:
        """`valueQuantity` in a differential leaves the choice no other type, and must be there if the choice must."""
        choice_id, own = unsliced(element_id), self._row(element_id)
        choice = {**self._row(choice_id), "type": own.get("type", [])}
        choice["slicing"] = {**_implied_slicing(choice), "rules": "closed"}
        if isinstance(row.get("min"), int):
            choice["min"] = row["min"]
        self._rows[choice_id] = choice
        self._rows[element_id] = {**own, "min": choice.get("min", 0)}

    def _insert(self, at: int, elements: Sequence[Resource]) -> None:
        """Put elements in at a place, in their order; of several with one id the first counts."""
        new: list[str] = []
        for element in elements:
            element_id = str(element["id"])
            if element_id in self._rows:
                continue
            self._rows[element_id] = element
            new.append(element_id)
            if ":" in last_segment(element_id):
                self._last_slice[slice_of(element_id)] = element_id
            else:
                self._last_child[parent_id(element_id)] = element_id
            if element_id.endswith("[x]"):
                self._choices.setdefault(parent_id(element_id), []).append(element_id)
        self._order[at:at] = new

    def _row(self, element_id: str) -> Resource:
        found = self._rows.get(element_id)
        if found is None:
            raise SnapshotError(f"There is no element {path_of(element_id)} to constrain.")
        return found

    def _after(self, element_id: str) -> int:
        """The place behind an element, its children and its slices: behind its last slice, else its last child, and theirs."""
        last = element_id
        while (below := self._last_slice.get(last) or self._last_child.get(last)) is not None:
            last = below
        return self._order.index(last) + 1

    def _add_slice(self, element_id: str) -> None:
        base_id = slice_of(element_id)
        if base_id not in self._rows and base_id != unsliced(element_id):
            self._add_slice(base_id)
        base = self._row(base_id)
        name = last_segment(element_id).partition(":")[2]
        added = {key: value for key, value in base.items() if key != "slicing"}
        added.update(id=element_id, sliceName=name)
        if base_id == unsliced(element_id):
            added["min"] = 0
        if "slicing" not in base:
            self._rows[base_id] = {**base, "slicing": _implied_slicing(base)}
        if last_segment(base_id).endswith("[x]"):
            added = _of_one_type(added, name, last_segment(base_id)[:-3])
        self._insert(self._after(base_id), [added])

    def _unfold(self, element_id: str) -> None:
        """Put the children of an element under it."""
        children = self._children_of(element_id, self._row(element_id))
        self._insert(self._order.index(element_id) + 1, children)

    def _inside(self, element_id: str) -> list[Resource]:
        """The rows below an element, without its slices."""
        start = end = self._order.index(element_id) + 1
        while end < len(self._order) and _is_child_of(self._order[end], element_id):
            end += 1
        return [self._rows[each] for each in self._order[start:end]]

    def _children_of(self, element_id: str, element: Resource) -> list[Resource]:
        types = _types(element)
        profiles = types[0].get("profile", []) if len(types) == 1 else []
        outer = slice_of(element_id)
        if outer in self._last_child and outer != element_id and not profiles:
            return [_moved(each, outer, element_id) for each in self._inside(outer)]
        reference = element.get("contentReference")
        if isinstance(reference, str):
            return self._referred(reference.rpartition("#")[2], element_id)
        code = str(types[0].get("code", "")) if len(types) == 1 else "Element"
        for canonical in [*profiles, _type_url(code)]:
            definition = self._resolve(str(canonical))
            if definition is not None:
                inner = _snapshot(definition, self._resolve, self._above)
                root = str(inner[0].get("id") or inner[0].get("path"))
                return [_moved(each, root, element_id) for each in inner[1:]]
        raise SnapshotError(f"The type of {path_of(element_id)} is not known.")

    def _referred(self, target: str, element_id: str) -> list[Resource]:
        """The children of the element that a content reference names, as the type has them: a profile's word on it is its own."""
        definition = self._resolve(_type_url(target.partition(".")[0]))
        elements = self.elements if definition is None else _snapshot(definition, self._resolve, self._above)
        found = [each for each in elements if _is_child_of(str(each["id"]), target)]
        if not found:
            raise SnapshotError(f"The content reference of {path_of(element_id)} leads nowhere.")
        return [_moved(each, target, element_id) for each in found]


def _is_child_of(element_id: str, holder: str) -> bool:
    return element_id.startswith(f"{holder}.")


def _moved(element: Resource, old: str, new: str) -> Resource:
    element_id = str(element.get("id") or element["path"])
    moved = new + element_id[len(old) :]
    return {**element, "id": moved, "path": path_of(moved)}


def _types(element: Resource) -> list[Resource]:
    return [each for each in element.get("type", []) if isinstance(each, dict)]


def _type_url(code: str) -> str:
    return code if code.startswith("http") else f"{TYPES}{code}"


def _implied_slicing(base: Resource) -> Resource:
    if str(base["path"]).endswith("[x]"):
        return {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
    if last_segment(str(base["path"])) in ("extension", "modifierExtension"):
        return {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
    return {"rules": "open"}


def _of_one_type(element: Resource, slice_name: str, stem: str) -> Resource:
    """A slice `valueQuantity` of `value[x]` has that one type, before the differential says more."""
    wanted = slice_name.removeprefix(stem).lower()
    kept = [each for each in _types(element) if str(each.get("code", "")).lower() == wanted]
    return {**element, "type": kept} if slice_name.startswith(stem) and kept else element


def _merged(base: Resource, row: Resource) -> Resource:
    """What the differential says replaces what the base says; constraints, mappings and conditions are added to."""
    merged: dict[str, Any] = {**base}
    for name, value in row.items():
        if name in _BY_IDENTITY and isinstance(value, list):
            merged[name] = _added(merged.get(name), value, _BY_IDENTITY[name])
        elif name == "binding" and isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = {**merged[name], **value}
        elif name == "condition" and isinstance(value, list):
            merged[name] = [*merged.get(name, []), *(each for each in value if each not in merged.get(name, []))]
        else:
            merged[name] = value
    for stem in ("fixed", "pattern", "defaultValue"):
        _only_the_newest(merged, row, stem)
    return merged


def _added(old: Any, new: list[Any], key: str) -> list[Any]:
    names = {each.get(key) for each in new if isinstance(each, dict)}
    kept = [each for each in old or [] if not (isinstance(each, dict) and each.get(key) in names)]
    return [*kept, *new]


def _only_the_newest(merged: dict[str, Any], row: Resource, stem: str) -> None:
    """`patternCoding` instead of `patternCodeableConcept`: an element has one fixed value and one pattern at most."""
    given = [name for name in row if name.startswith(stem)]
    if given:
        for name in [name for name in merged if name.startswith(stem) and name not in given]:
            del merged[name]


def _url(definition: Resource) -> str:
    return str(definition.get("url") or definition.get("name") or "")
