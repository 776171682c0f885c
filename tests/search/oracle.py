"""Searches evaluated naively over resources in memory: every resource of the type is held against the tree, one after the other.

The tree is the server's (server/search/tree.py); nothing else of it is used: no index, no compiled checks, no plan. What a parameter
finds is in oracle_values.py, how it compares in oracle_compare.py, both by R4's search.html; where that leaves a choice, docs/search.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import oracle_compare as compare
from oracle_values import COMPOSITES, Item, Resource, places_of, values_of

from server.search.result_includes import Include
from server.search.results import SortKey
from server.search.tree import All, Chain, Criterion, Has, Listed, Node, Not, Some

MAIN_DATES: Final = {
    "Condition": "recorded-date", "Encounter": "date", "Observation": "date", "QuestionnaireResponse": "authored", "RiskAssessment": "date", "ServiceRequest": "authored",
}  # fmt: skip
"""What a type is listed by, newest first; other types, and what lacks the date, by when they were stored (docs/search.md)."""

COMPARTMENT: Final = {
    "Condition": ("patient", "asserter"), "Encounter": ("patient",), "Group": ("member",), "Observation": ("subject", "performer"), "RiskAssessment": ("subject",),
}  # fmt: skip
"""By which parameters some types are in a patient's compartment (R4 CompartmentDefinition/patient)."""

HIERARCHIES: Final = frozenset({"Encounter", "Location", "Organization"})
"""Types of which a resource is part of at most one other (`partOf`)."""

_BIRTHS: Final = {"birthdate", "death-date"}
Codes = frozenset[tuple[str, str]]


@dataclass
class Oracle:
    """`resources` in the order in which they were stored. `members`: the codes of value sets by URL and id; `below`: of each code."""

    base: str
    resources: Sequence[Resource]
    members: Mapping[str, Codes] = field(default_factory=dict)
    below: Mapping[tuple[str, str], Codes] = field(default_factory=dict)
    _values: dict[tuple[str, str], list[Item]] = field(default_factory=dict)
    _aims: dict[tuple[str, str], list[Resource]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name = {f"{one['resourceType']}/{one['id']}": one for one in self.resources}
        self.place = {id(one): number for number, one in enumerate(self.resources)}
        self.by_url = {one["url"]: one for one in self.resources if "url" in one}
        self.by_type: dict[str, list[Resource]] = {}
        for one in self.resources:
            self.by_type.setdefault(one["resourceType"], []).append(one)

    # -- what matches ------------------------------------------------------------------------------------------------------------
    def matching(self, type_: str, where: Node) -> list[Resource]:
        return [resource for resource in self.by_type.get(type_, ()) if self.holds(resource, where)]

    def holds(self, resource: Resource, node: Node) -> bool:
        if isinstance(node, All):
            return all(self.holds(resource, part) for part in node.parts)
        if isinstance(node, Some):
            return any(self.holds(resource, part) for part in node.parts)
        if isinstance(node, Not):
            return not self.holds(resource, node.part)
        if isinstance(node, Listed):
            return any(self._is_listed(id_, resource) for id_ in node.lists)
        if isinstance(node, Has):
            return any(
                self.holds(other, node.inner)
                for other in self.by_type.get(node.type, ())
                if any(target is resource for target in self._targets(other, node.code))
            )
        if isinstance(node, Chain):
            inner = dict(node.inner)
            return any(
                target["resourceType"] in inner and self.holds(target, inner[target["resourceType"]])
                for target in self._targets(resource, node.code)
            )
        return self._meets(resource, node)

    def values(self, resource: Resource, code: str) -> list[Item]:
        name = f"{resource['resourceType']}/{resource['id']}"
        if (name, code) not in self._values:
            self._values[name, code] = values_of(resource, code)
        return self._values[name, code]

    def in_compartment(self, resource: Resource, patient: str) -> bool:
        return any(
            compare.local(item.value, self.base) == ("Patient", patient)
            for code in COMPARTMENT[resource["resourceType"]]
            for item in self.values(resource, code)
        )

    def _is_listed(self, id_: str, resource: Resource) -> bool:
        entries = self.by_name.get(f"List/{id_}", {}).get("entry", ())
        wanted = (resource["resourceType"], resource["id"])
        return any(
            entry.get("deleted") is not True and compare.local(entry.get("item"), self.base) == wanted for entry in entries
        )

    def _targets(self, resource: Resource, code: str) -> list[Resource]:
        """What a reference points at: by its address, or by a canonical URL, the version of which is left out of account."""
        known = (f"{resource['resourceType']}/{resource['id']}", code)
        if known not in self._aims:
            found = self._aims[known] = []
            for item in self.values(resource, code):
                place = compare.local(item.value, self.base)
                url = item.value.partition("|")[0] if isinstance(item.value, str) else ""
                aim = self.by_url.get(url) if place is None else self.by_name.get(f"{place[0]}/{place[1]}")
                found += [] if aim is None else [aim]
        return self._aims[known]

    def _meets(self, resource: Resource, criterion: Criterion) -> bool:
        code, modifier = criterion.code, criterion.modifier
        if code in {"_text", "_content"}:
            return any(_has_words(resource, code, value) for value in criterion.values)
        if (resource["resourceType"], code) in COMPOSITES:
            return any(self._meets_together(resource, code, value) for value in criterion.values)
        items = self.values(resource, code)
        if modifier == "missing":
            return bool(items) == (criterion.values == ("false",))
        if criterion.type == "token" and modifier in {"not", "not-in"}:
            opposite = Criterion(code, "token", "in" if modifier == "not-in" else None, criterion.values)
            return not self._meets(resource, opposite)
        return any(self._fits(criterion, value, items) for value in criterion.values)

    def _fits(self, criterion: Criterion, value: str, items: Sequence[Item]) -> bool:
        code, modifier = criterion.code, criterion.modifier
        if code == "phonetic":
            return compare.sounds_alike(value, items)
        if criterion.type == "token" and modifier is not None:
            return self._token_fits(modifier, value, items)
        match criterion.type:
            case "string":
                return compare.string_fits(modifier, value, items)
            case "reference" if modifier == "ne":
                return any(not compare.reference_fits(None, value, criterion.targets, [item], self.base) for item in items)
            case "reference" if modifier in {"above", "below"}:
                return self._is_along(modifier, value, criterion.targets, items)
            case "reference":
                return compare.reference_fits(modifier, value, criterion.targets, items, self.base)
            case "uri":
                return compare.uri_fits(modifier, value, items)
            case "special":
                return compare.near_fits(value, items)
        return _plainly(criterion.type, code, modifier, value, items)

    def _token_fits(self, modifier: str, value: str, items: Sequence[Item]) -> bool:
        if modifier in {"in", "above", "below"}:
            codes = self._related(modifier, value)
            return any((system, code) in codes for item in items for system, code in compare.tokens_of(item))
        looks = {"text": compare.token_text_fits, "of-type": compare.of_type_fits, "ne": compare.token_differs}
        return looks[modifier](value, items)

    def _is_along(self, modifier: str, value: str, targets: frozenset[str], items: Sequence[Item]) -> bool:
        """Each reference is held against the value, it and everything above it; for `above` against all that is above the value."""
        if modifier == "below":
            lines = [
                item if up == name else Item("Reference", {"reference": up})
                for item in items
                if (name := _named(item))
                for up in self._upwards(name)
            ]
            return compare.reference_fits(None, value, targets, [*items, *lines], self.base)
        asked = compare.plain(value)
        starts = [asked] if re.search(r"[/:]", asked) else [f"{target}/{asked}" for target in sorted(targets & HIERARCHIES)]
        wanted = [value, *(re.sub(r"([\\,$|])", r"\\\1", up) for start in starts for up in self._upwards(start))]
        return any(compare.reference_fits(None, one, targets, items, self.base) for one in wanted)

    def _upwards(self, name: str) -> list[str]:
        """A resource that has a hierarchy and all above it, by their names: up to one that is not known, or that has been met before."""
        found: list[str] = []
        while name not in found:
            found.append(name)
            place = compare.local(name, self.base)
            one = self.by_name.get("/".join(place), {}) if place is not None and place[0] in HIERARCHIES else {}
            above = one.get("partOf", {}).get("reference", name)
            place = compare.local(above, self.base)
            name = above if place is None else "/".join(place)
        return found

    def _related(self, modifier: str, value: str) -> Codes:
        if modifier == "in":
            return self.members[compare.plain(value).removeprefix("ValueSet/")]
        system, code = (compare.plain(part) for part in compare.parts_of(value, "|"))
        if modifier == "below":
            return self.below[system, code]
        return frozenset(upper for upper, codes in self.below.items() if (system, code) in codes)

    def _meets_together(self, resource: Resource, code: str, value: str) -> bool:
        asked = compare.parts_of(value, "$")
        return any(
            all(_plainly(kind, "", None, part, items) for (kind, items), part in zip(place, asked, strict=True))
            for place in places_of(resource, code)
        )

    # -- in which order ------------------------------------------------------------------------------------------------------------
    def sorted(self, found: Iterable[Resource], sort: Sequence[SortKey]) -> list[Resource]:
        """Equals come in the order in which they were stored; turned round where nothing but the main date was asked for, or nothing."""
        whole = list(found)
        whole.sort(key=lambda one: self.place[id(one)])
        if not sort or (len(sort) == 1 and sort[0].type == "date" and sort[0].code not in _BIRTHS and sort[0].descending):
            whole.reverse()
        keys = sort or (None,)
        for number, key in reversed(list(enumerate(keys))):
            whole = self._sorted_by(whole, key, number == 0)
        return whole

    def _sorted_by(self, found: list[Resource], key: SortKey | None, is_first: bool) -> list[Resource]:
        """A stable sort by one key; what has no value comes last."""
        is_down = key is None or key.descending
        ranks = {id(one): self._ranks(one, key, is_first) for one in found}
        there = [one for one in found if ranks[id(one)]]
        if is_down:  # reverse=True keeps equals as they were
            there.sort(key=lambda one: max(ranks[id(one)]), reverse=True)
        else:
            there.sort(key=lambda one: min(ranks[id(one)]))
        return [*there, *(one for one in found if not ranks[id(one)])]

    def _ranks(self, resource: Resource, key: SortKey | None, is_first: bool) -> list[Any]:
        main = MAIN_DATES.get(resource["resourceType"])
        if key is None or (is_first and key.code == main):
            spans = compare.date_spans(self.values(resource, main)) if main is not None else []
            return [spans[0][0] if spans else compare.span_of(resource["meta"]["lastUpdated"])[0]]
        items = self.values(resource, key.code)
        if key.type == "date":
            return [low for low, _ in compare.date_spans(items)]
        if key.type in {"number", "quantity"}:
            return [
                Decimal(number)
                for item in items
                if (number := item.value.get("value") if isinstance(item.value, dict) else item.value) is not None
            ]
        if key.type == "string":
            return [text.encode() for item in items if (text := compare.folded(_as_read(item)))]
        if key.type == "token":
            return [code.casefold().encode() for item in items for _, code in compare.tokens_of(item)]
        texts = (item.value if isinstance(item.value, str) else item.value.get("reference") for item in items)
        return [text.encode() for text in texts if text is not None]

    # -- what comes along ------------------------------------------------------------------------------------------------------------
    def along(self, page: Sequence[Resource], includes: Sequence[Include]) -> set[str]:
        """The names of what comes with a page of matches."""
        seen = {f"{one['resourceType']}/{one['id']}" for one in page}
        own, around, wanted = set(seen), list(page), list(includes)
        while around and wanted:
            new: list[Resource] = []
            for include in wanted:
                for name, one in self._included(include, around):
                    if name not in seen:
                        seen.add(name)
                        new.append(one)
            around, wanted = new, [include for include in includes if include.iterate]
        return seen - own

    def _included(self, include: Include, around: Sequence[Resource]) -> list[tuple[str, Resource]]:
        found: list[Resource] = []
        if include.reverse:
            aims = [one for one in around if include.target in {None, one["resourceType"]}]
            found += [
                one
                for one in self.resources
                for code in include.codes_of(one["resourceType"])
                if any(target is aim for target in self._targets_if_known(one, code) for aim in aims)
            ]
        else:
            for one in around:
                for code in include.codes_of(one["resourceType"]):
                    found += [
                        target
                        for target in self._targets_if_known(one, code)
                        if include.target in {None, target["resourceType"]} and self._is_version(one, code, target)
                    ]
        return [(f"{one['resourceType']}/{one['id']}", one) for one in found]

    def _is_version(self, resource: Resource, code: str, target: Resource) -> bool:
        """A canonical URL brings the definition of the version that it names, where it names one."""
        url = target.get("url")
        named = [str(item.value).partition("|")[::2] for item in self.values(resource, code) if isinstance(item.value, str)]
        versions = {version for of, version in named if of == url}
        return not versions or not versions.isdisjoint({"", target.get("version", "")})

    def _targets_if_known(self, resource: Resource, code: str) -> list[Resource]:
        try:
            return self._targets(resource, code)
        except KeyError:  # `*`: a parameter that nothing in the world has a value for
            return []


def _plainly(kind: str, code: str, modifier: str | None, value: str, items: Sequence[Item]) -> bool:
    """What a part of a composite can be as well."""
    if kind == "string":
        return compare.string_fits(modifier, value, items)
    if kind == "token":
        return compare.token_fits(value, items)
    prefix, text = ("po", value) if modifier == "po" else compare.prefixed(value)
    if kind == "date":
        return (compare.birth_fits if code in _BIRTHS else compare.date_fits)(prefix, text, items)
    assert kind in {"number", "quantity"}, kind
    return compare.number_fits(prefix, text, items)


def _named(item: Item) -> str | None:
    return item.value.get("reference") if isinstance(item.value, dict) else None


def _as_read(item: Item) -> str:
    """By which text a name or an address is sorted: the family name first, an address from its first line on."""
    if item.kind == "HumanName" and (item.value.get("family") or item.value.get("given")):
        return " ".join([*([item.value["family"]] if "family" in item.value else []), *item.value.get("given", ())])
    return " ".join(compare.texts_of(item))


def _has_words(resource: Resource, code: str, asked: str) -> bool:
    """`a b` and `a or b`, as the queries have them: words by their beginnings."""
    div = resource.get("text", {}).get("div", "")
    texts = [div.replace("<div>", " ").replace("</div>", " ")]
    if code == "_content":
        texts += _strings({name: part for name, part in resource.items() if name != "text"})
    words = "".join(sign if sign.isalnum() or sign in "_'’" else " " for sign in " ".join(texts))
    there = compare.folded(words).split()
    return any(
        all(any(word.startswith(compare.folded(one)) for word in there) for one in way.split()) for way in compare.plain(asked).split(" or ")
    )  # fmt: skip


def _strings(data: Any) -> list[str]:
    if isinstance(data, dict | list):
        return [text for part in (data.values() if isinstance(data, dict) else data) for text in _strings(part)]
    return [data] if isinstance(data, str) else []
