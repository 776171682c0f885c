"""What the resources of a page refer to, each once, inside what the caller may see: literal references, and Binaries by their address."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from operations.ports import Context, Found
from profiles.compartments import compartment_members
from profiles.json import Json, Resource
from profiles.references import iter_references, parse_reference

MOST: Final = 1000
_URLS: Final = "url"
_DEEP: Final = 64


async def referred(
    page: Sequence[Found], patients: Collection[str] | None, types: Collection[str], context: Context
) -> list[Resource]:
    """At most `MOST`. What is in the record of a patient who is none of `patients` (None: anybody may be) is left out.

    `types`: the only ones that are wanted, where there are some.
    """
    listed = [each.resource() for each in page]
    seen = {f"{each['resourceType']}/{each['id']}" for each in listed}
    found: list[Resource] = []
    for name in dict.fromkeys(name for each in listed for name in names_in(each, context.base_url)):
        type_, _, id_ = name.partition("/")
        if name in seen or (types and type_ not in types) or not context.may("r", type_):
            continue
        resource = await context.records.read(type_, id_)
        if resource is None or not _is_theirs(resource, patients):
            continue
        found.append(resource)
        if len(found) == MOST:
            break
    return found


def _is_theirs(resource: Resource, patients: Collection[str] | None) -> bool:
    owners = compartment_members(resource)
    return patients is None or not owners or not owners.isdisjoint(patients)


def names_in(resource: Resource, base_url: str) -> Iterator[str]:
    """`Type/id` of what a resource refers to here, in its order, and as often as it does."""
    for text in (*(holder[key] for holder, key, _ in iter_references(resource)), *_addresses(resource)):
        reference = parse_reference(text.removeprefix(f"{base_url}/"))
        if reference is not None and reference.kind == "relative" and reference.type and reference.id:
            yield f"{reference.type}/{reference.id}"


def _addresses(value: Json, depth: int = 0) -> Iterable[str]:
    """Attachment.url, wherever it is."""
    if isinstance(value, list):
        for each in value:
            yield from _addresses(each, depth + 1)
    elif isinstance(value, dict) and depth < _DEEP:
        for name, each in value.items():
            if name == _URLS and isinstance(each, str) and "Binary/" in each:
                yield each
            elif isinstance(each, (dict, list)):
                yield from _addresses(each, depth + 1)
