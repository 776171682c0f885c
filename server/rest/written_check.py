"""Validation on write: whatever REST stores is held to the level that its tenant and type have, before the commit (docs/validation.md).

What an operation stores for its own purposes is not: it has checked its input by its own rules. Definitions are found whatever the
caller may read: they hold for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from operations.validation.checker import Check, Checker
from profiles.outcome import FhirError
from server.access.access import everything
from server.repository import Prepared, Version
from server.rest.context import context_for
from server.rest.exchange import Exchange
from server.rest.interactions.entries import inside
from server.seal.keyring import Keyring
from server.validation_levels import OFF, Level, Levels, level_of

_NONE: Final[Levels] = {}
_SHOWN: Final = ("fatal", "error", "warning")


@dataclass(frozen=True, slots=True)
class WrittenCheck:
    """`levels` are the server's; a tenant's own are kept with its keys (`assent tenant validation`)."""

    checker: Checker
    keyring: Keyring
    levels: Levels

    async def __call__(self, exchange: Exchange, prepared: Sequence[Prepared], places: Sequence[str]) -> None:
        """Raises FhirError (422) for the first version that is not valid; `places` are theirs in a transaction, if it is one."""
        own: Mapping[str, Any] = self.keyring.entries().get(exchange.tenant.name, _NONE)
        tenant: Levels = own.get("validation", _NONE)
        if (self.levels == OFF and not tenant) or exchange.trail.interaction.startswith("$"):
            return
        for number, item in enumerate(prepared):
            level = level_of(item.version.type, tenant, self.levels)
            if level != "off" and not item.version.deleted:
                await self._check(exchange, item.version, level, places[number] if places else None)

    async def _check(self, exchange: Exchange, version: Version, level: Level, place: str | None) -> None:
        by_profile = level == "profile"
        check = Check(version.resource(), claims=by_profile, strict=by_profile)
        found = await self.checker.findings(check, context_for(exchange, everything("*")), "written")
        if any(each.severity in ("fatal", "error") for each in found):
            told = sorted((each for each in found if each.severity in _SHOWN), key=lambda each: _SHOWN.index(each.severity))
            error = FhirError(told, 422)
            raise error if place is None else inside(error, place)
