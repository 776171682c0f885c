"""What the PAS operations work with: the payers, and how they behave. Handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from operations.payer.builtin import BuiltinPayer
from operations.payer.directory import PayerDirectory
from operations.payer.payer import Payer, RemoteConnector
from operations.payer.settings import PayerSettings
from profiles.json import Resource
from profiles.library import PasVersion
from profiles.outcome import Issue
from profiles.pas_request import Purpose


class RequestProfiles(Protocol):
    """Holds a request Bundle against the profiles of its guide (operations/validation/pas_profiles.py)."""

    async def issues(
        self, bundle: Resource, purpose: Purpose, version: PasVersion, *, structure: bool = True
    ) -> list[Issue]:
        """Faults, and what is let pass as warnings. Without `structure` by the profiles alone."""


@dataclass(frozen=True, slots=True)
class PasServices:
    settings: PayerSettings = field(default_factory=PayerSettings)
    builtin: Payer = field(default_factory=BuiltinPayer)
    remote: RemoteConnector | None = None
    profiles: RequestProfiles | None = None

    @property
    def directory(self) -> PayerDirectory:
        return PayerDirectory(self.builtin, self.remote, self.settings)
