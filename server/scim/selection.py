"""Which attributes an answer has: `attributes` and `excludedAttributes` (RFC 7644 section 3.9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.scim.errors import ScimError
from server.scim.schema import EXTENSION, Content, Target, find_attribute

MOST: Final = 100
_ALWAYS: Final = frozenset({"schemas", "id"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Without either, everything is told."""

    only: tuple[Target, ...] | None = None
    without: tuple[Target, ...] = ()

    def of(self, user: Content) -> Content:
        """What is told of a User."""
        if self.only is None and not self.without:
            return user
        told = {name: self._told(name, value) for name, value in user.items() if name != EXTENSION}
        extra = {name: self._told(name, value) for name, value in user.get(EXTENSION, {}).items()}
        told[EXTENSION] = {name: value for name, value in extra.items() if value is not None}
        return {name: value for name, value in told.items() if value not in (None, {}, [])}

    def _told(self, name: str, value: Any) -> Any:
        """None: nothing of it."""
        if name in _ALWAYS:
            return value
        if self.only is not None:
            named = [target for target in self.only if target.attribute.name == name]
            if not named or any(target.part is None for target in named):
                return value if named else None
            return _parts(value, {target.part.name for target in named if target.part}, keep=True)
        named = [target for target in self.without if target.attribute.name == name]
        if any(target.part is None for target in named):
            return None
        return _parts(value, {target.part.name for target in named if target.part}, keep=False) if named else value


EVERYTHING: Final = Selection()


def read_selection(only: Sequence[str], without: Sequence[str]) -> Selection:
    """Names that are no attributes are ignored. Raises ScimError for both at once."""
    if only and without:
        raise ScimError("attributes and excludedAttributes are not for one request.", "invalidValue")
    if len(only) > MOST or len(without) > MOST:
        raise ScimError(f"At most {MOST} attributes are named.", "invalidValue")
    return Selection(_targets(only) if only else None, _targets(without))


def _targets(names: Sequence[str]) -> tuple[Target, ...]:
    found = (find_attribute(name.strip()) for name in names)
    return tuple(target for target in found if target is not None)


def _parts(value: Any, names: set[str], *, keep: bool) -> Any:
    if isinstance(value, list):
        return [part for part in (_parts(item, names, keep=keep) for item in value) if part]
    if not isinstance(value, dict):
        return value
    return {name: part for name, part in value.items() if (name in names) is keep}
