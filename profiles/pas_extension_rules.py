"""Modifier extensions of a PAS request: one that is not understood changes the meaning of what holds it, so it is refused.

FHIR R4 2.4.1 (modifier extensions); PAS spec-25. PAS itself defines one, infoCancelled, on items and supportingInfo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from profiles.bundle_index import BundleIndex, Held
from profiles.json import Json, dumps
from profiles.outcome import Issue
from profiles.pas_names import INFO_CANCELLED
from profiles.reading import objects

_CANCELLABLE: Final = re.compile(r"Bundle\.entry\[\d+\]\.resource\.(item|supportingInfo)\[\d+\]\Z")


def modifier_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    for held in index.entries:
        if b"modifierExtension" not in dumps(held.resource):  # ten times as fast as a walk that finds none
            continue
        is_claim = held.resource.get("resourceType") == "Claim"
        for path, url in _modifiers(held.resource, f"Bundle.entry[{held.place}].resource"):
            if not (is_claim and url == INFO_CANCELLED and _CANCELLABLE.match(path)):
                text = "This modifier extension is not known here, so that its holder cannot be understood safely."
                yield Issue("pas-modifier-extension", text, f"{path}.modifierExtension")


def _modifiers(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    waiting: list[tuple[Json, str]] = [(value, path)]
    while waiting:
        node, at = waiting.pop()
        if isinstance(node, list):
            waiting.extend((each, f"{at}[{index}]") for index, each in enumerate(node))
        elif isinstance(node, dict):
            for modifier in objects(node.get("modifierExtension")):
                yield at, modifier.get("url")
            waiting.extend((each, f"{at}.{name}") for name, each in node.items() if isinstance(each, (dict, list)))
