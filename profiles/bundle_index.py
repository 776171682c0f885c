"""Finding a reference's target inside a Bundle (FHIR R4 Bundle, "Resolving references in Bundles").

An absolute reference is a fullUrl; a relative one is resolved against the base of the fullUrl of the entry that holds it,
which must be a RESTful address; `urn:uuid:` matches letter by letter; `#id` is a contained resource of the holder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from profiles.json import Json, Resource
from profiles.reading import objects

RESTFUL: Final = re.compile(r"(https?://\S+)/([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})\Z")
_HISTORY: Final = re.compile(r"/_history/([A-Za-z0-9\-.]{1,64})\Z")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


@dataclass(frozen=True, slots=True)
class Held:
    """A Bundle entry: its place, its fullUrl and its resource."""

    place: int
    full_url: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Reference:
    """A literal reference found in a resource: the element that holds it (FHIRPath below the resource) and its text."""

    path: str
    literal: str


@dataclass(slots=True)
class BundleIndex:
    """The entries by fullUrl; `entries` in the order of the Bundle. The first of two equal fullUrls counts."""

    entries: Sequence[Held]
    by_url: dict[str, Held] = field(init=False)

    def __post_init__(self) -> None:
        self.by_url = {}
        for held in self.entries:
            self.by_url.setdefault(held.full_url, held)

    def resolve(self, literal: str, holder: Held) -> Held | None:
        """The entry that `literal` in `holder` points at. For a contained resource: the holder's place and address."""
        if literal.startswith("#"):
            return self._contained(literal[1:], holder)
        address = self.address(literal, holder.full_url)
        if address is None:
            return None
        found = self.by_url.get(address)
        if found is not None:
            return found
        version = _HISTORY.search(address)
        if version is None:
            return None
        found = self.by_url.get(address[: version.start()])
        return found if found is not None and _is_version(found.resource, version[1]) else None

    @staticmethod
    def address(literal: str, holder_url: str) -> str | None:
        """The absolute address that a reference stands for, or None where a relative one has no base."""
        if _ABSOLUTE.match(literal):
            return literal
        base = RESTFUL.match(holder_url)
        return f"{base[1]}/{literal}" if base is not None else None

    @staticmethod
    def _contained(id: str, holder: Held) -> Held | None:
        if not id:
            return holder
        for each in objects(holder.resource.get("contained")):
            if each.get("id") == id:
                return Held(holder.place, f"{holder.full_url}#{id}", each)
        return None


def _is_version(resource: Resource, version: str) -> bool:
    meta = resource.get("meta")
    known = meta.get("versionId") if isinstance(meta, dict) else None
    return known is None or known == version


def references(value: Json, path: str) -> Iterator[Reference]:
    """The literal references below `value`. A Bundle inside (a document) keeps its references to itself."""
    waiting: list[tuple[Json, str]] = [(value, path)]
    while waiting:
        node, at = waiting.pop()
        if isinstance(node, list):
            waiting.extend((each, f"{at}[{index}]") for index, each in reversed(list(enumerate(node))))
        elif isinstance(node, dict):
            literal = node.get("reference")
            if isinstance(literal, str):
                yield Reference(at, literal)
            waiting.extend(
                (each, f"{at}.{name}")
                for name, each in reversed(node.items())
                if isinstance(each, (dict, list)) and not _is_bundle(each)
            )


def literals(value: Json) -> set[str]:
    """The texts of the literal references below `value`, without their places: what the usual case needs, and cheap."""
    found: set[str] = set()
    waiting: list[Json] = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            literal = node.get("reference")
            if type(literal) is str:
                found.add(literal)
            waiting += [
                each
                for each in node.values()
                if type(each) is list or (type(each) is dict and each.get("resourceType") != "Bundle")
            ]
        elif type(node) is list:
            waiting += [each for each in node if type(each) is dict or type(each) is list]
    return found


def _is_bundle(value: Json) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == "Bundle"
