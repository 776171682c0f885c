"""Modifier extensions of a PAS request: one that is not understood changes the meaning of what holds it, so it is refused.

FHIR R4 2.4.1 (modifier extensions); PAS spec-25. PAS itself defines one, infoCancelled, on items and supportingInfo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from profiles.bundle_index import BundleIndex, Held
from profiles.json import Json
from profiles.outcome import Issue
from profiles.pas_names import INFO_CANCELLED
from profiles.reading import objects

_CANCELLABLE: Final = re.compile(r"Bundle\.entry\[\d+\]\.resource\.(item|supportingInfo)\[\d+\]\Z")


def modifier_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    for held in index.entries:
        if not _has_modifier(held.resource):
            continue
        is_claim = held.resource.get("resourceType") == "Claim"
        for path, url in _modifiers(held.resource, f"Bundle.entry[{held.place}].resource"):
            if not (is_claim and url == INFO_CANCELLED and _CANCELLABLE.match(path)):
                text = "This modifier extension is not known here, so that its holder cannot be understood safely."
                yield Issue("pas-modifier-extension", text, f"{path}.modifierExtension")


def _has_modifier(value: Json) -> bool:
    waiting: list[Json] = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            if "modifierExtension" in node:
                return True
            waiting += [each for each in node.values() if type(each) is dict or type(each) is list]
        elif type(node) is list:
            waiting += [each for each in node if type(each) is dict or type(each) is list]
    return False


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
