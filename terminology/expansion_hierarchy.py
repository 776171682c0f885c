"""An expansion shown as a hierarchy: each code under the nearest one above it that is in the expansion too.

FHIR R4 `ValueSet.expansion.contains.contains`. Definitions may go in circles, or be deeper than anybody can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from terminology import messages
from terminology.elements import Resource
from terminology.enumeration import MOST_ROWS, Entry
from terminology.issues import TerminologyError

_DEEPEST: Final = 100


def nested_by_hierarchy(entries: Sequence[Entry], contains: Sequence[Resource]) -> list[Resource]:
    """The items of `contains`, one for each entry, with those below them inside. Raises TerminologyError where it is too deep."""
    above = _above(entries)
    _check_depth(above)
    top: list[Resource] = []
    for item, place in zip(contains, above, strict=True):
        (top if place is None else contains[place].setdefault("contains", [])).append(item)
    return top


def _above(entries: Sequence[Entry]) -> list[int | None]:
    """For each entry the place of the one that it is shown under."""
    places = {(one.url, one.version, one.row): number for number, one in enumerate(entries)}
    found: list[int | None] = []
    steps = 0
    for entry in entries:
        place = None
        for row in entry.system.ancestors(entry.row) if entry.system is not None else ():
            place = places.get((entry.url, entry.version, row))
            steps += 1
            if place is not None:
                break
            if steps > MOST_ROWS:
                raise _too_deep()
        found.append(place)
    return found


def _check_depth(above: list[int | None]) -> None:
    """Opens circles, so that nothing is lost, and refuses what is too deep."""
    depths: list[int | None] = [None] * len(above)
    for start in range(len(above)):
        path: list[int] = []
        on_path: set[int] = set()
        place: int | None = start
        while place is not None and depths[place] is None:
            path.append(place)
            on_path.add(place)
            place = above[place]
            if place in on_path:
                above[path[-1]] = place = None
        depth = 0 if place is None else (depths[place] or 0)
        for one in reversed(path):
            depth += 1
            depths[one] = depth
        if depth > _DEEPEST:
            raise _too_deep()


def _too_deep() -> TerminologyError:
    return messages.too_costly("The hierarchy is too deep to be shown as one: ask with excludeNested.")
