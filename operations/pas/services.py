"""What the PAS operations work with: the payers, and how they behave. Handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field

from operations.payer.builtin import BuiltinPayer
from operations.payer.directory import PayerDirectory
from operations.payer.payer import Payer, RemoteConnector
from operations.payer.settings import PayerSettings


@dataclass(frozen=True, slots=True)
class PasServices:
    settings: PayerSettings = field(default_factory=PayerSettings)
    builtin: Payer = field(default_factory=BuiltinPayer)
    remote: RemoteConnector | None = None

    @property
    def directory(self) -> PayerDirectory:
        return PayerDirectory(self.builtin, self.remote, self.settings)
