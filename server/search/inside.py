"""Links asked from the inside: what was found there, as ids and references that the index looks up (docs/decisions, 0048)."""

from __future__ import annotations

from collections.abc import Sequence

from profiles.json import Json
from profiles.references import parse_reference
from server.access.access import Seen
from server.search.registry import offered_parameters
from server.search.terms import local_reference
from server.search.tree import Chain, Criterion, Has, Node, Some
from server.search.values import escape


def is_by_url(type_: str, link: Chain | Has) -> bool:
    """Whether the reference may be a canonical URL, which tells no address."""
    holder = type_ if isinstance(link, Chain) else link.type
    return "canonical" in offered_parameters(holder)[link.code].kinds


def referring(type_: str, link: Chain, found: Sequence[Seen]) -> Node:
    """What refers to one of the found ones by the parameter of a chain."""
    code, targets = link.code, offered_parameters(type_)[link.code].targets
    by_url = is_by_url(type_, link)
    values = tuple(name for version in found for name in names_of(version, by_url=by_url))
    return Criterion(code, "reference", None, values, targets) if values else Some(())


def names_of(version: Seen, *, by_url: bool) -> tuple[str, ...]:
    """What a reference to a version may say: its address, or its canonical URL."""
    url = version.resource().get("url") if by_url else None
    name = f"{version.type}/{version.id}"
    return (name, escape(url)) if isinstance(url, str) and url else (name,)


def referred(type_: str, link: Has, found: Sequence[Seen], base_url: str) -> Node:
    """What the found ones point at by the parameter, of the type that is asked about."""
    extract = offered_parameters(link.type)[link.code].extract
    ids: set[str] = set()
    urls: set[str] = set()
    for version in found:
        for value in extract(version.resource()):
            target = local_target(value.value, base_url)
            if target is not None and target[0] == type_:
                ids.add(target[1])
            elif isinstance(value.value, str):
                urls.add(value.value.partition("|")[0])
    found_ids = by_ids(ids)
    if not urls or "url" not in offered_parameters(type_):
        return found_ids
    return Some((found_ids, Criterion("url", "uri", None, tuple(sorted(map(escape, urls))))))


def by_ids(ids: set[str]) -> Node:
    """The resources with one of the ids."""
    return Criterion("_id", "token", None, tuple(sorted(ids))) if ids else Some(())


def local_target(reference: Json, base_url: str) -> tuple[str, str] | None:
    """(type, id) of a reference to a resource of this server."""
    text = reference.get("reference") if isinstance(reference, dict) else reference
    if not isinstance(text, str):
        return None
    found = parse_reference(local_reference(text, base_url))
    if found is None or found.kind != "relative" or found.type is None or found.id is None:
        return None
    return found.type, found.id
