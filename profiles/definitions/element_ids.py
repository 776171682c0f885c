"""Ids of the elements of a definition (R4 elementdefinition.html#id): `Claim.item:drug.extension:reviewAction.value[x]`.

A differential may leave them out: here every element gets the one id that tells it apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiles.json import Resource


def last_segment(element_id: str) -> str:
    """`Claim.item:drug` -> `item:drug`. Slice names hold no dots in ids that tools make, and `[x]` none either."""
    return element_id.rpartition(".")[2]


def parent_id(element_id: str) -> str:
    return element_id.rpartition(".")[0]


def unsliced(element_id: str) -> str:
    """The id without the slice name of its last segment: `Claim.item:drug` -> `Claim.item`."""
    head, dot, tail = element_id.rpartition(".")
    return f"{head}{dot}{tail.partition(':')[0]}"


def slice_of(element_id: str) -> str:
    """What the element is a slice of: `a.b:c` -> `a.b`, `a.b:c/d` -> `a.b:c`; the id itself where it is no slice."""
    head, dot, tail = element_id.rpartition(".")
    name, colon, slice_name = tail.partition(":")
    if not colon:
        return element_id
    outer = slice_name.rpartition("/")[0]
    return f"{head}{dot}{name}:{outer}" if outer else f"{head}{dot}{name}"


def path_of(element_id: str) -> str:
    """The path that an id stands at: slice names left out."""
    return ".".join(segment.partition(":")[0] for segment in element_id.split("."))


def with_ids(elements: Sequence[Resource]) -> list[Resource]:
    """Copies of a differential's elements, each with an id: its own, or one made of its path and slice name.

    Elements without a path are left out. A choice that goes by a type's name stays as it is written.
    """
    latest: dict[str, str] = {}
    found: list[Resource] = []
    for element in elements:
        path, given, slice_name = element.get("path"), element.get("id"), element.get("sliceName")
        if not isinstance(path, str) or not path:
            continue
        parent, _, name = path.rpartition(".")
        holder = latest.get(parent, parent)
        made = f"{holder}.{name}" if parent else path
        made = f"{made}:{slice_name}" if isinstance(slice_name, str) and parent else made
        element_id = given if isinstance(given, str) and _stands_at(given, path) else made
        latest[path] = element_id
        found.append({**element, "id": element_id})
    return found


def _stands_at(element_id: str, path: str) -> bool:
    """The path is that of the id; it may name a choice by a type (`valueQuantity` for `value[x]:valueQuantity`)."""
    ours, theirs = path_of(element_id).split("."), path.split(".")
    return len(ours) == len(theirs) and all(
        our == their or (our.endswith("[x]") and their.startswith(our[:-3]))
        for our, their in zip(ours, theirs, strict=True)
    )
